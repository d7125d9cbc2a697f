"""The double-entry ledger: postings, and what is held of each payment.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from portal.db import engines

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)

# What is there already: open invoices, and what is kept of each payment. The job `recognise` then earns what time has
# earned of it since. Sums that were given back before are not told again.
OPENING = (
    """
    INSERT INTO ledger_postings
        (day, at, event, debit, credit, amount_minor, currency, user_id, subscription_id, invoice_id)
    SELECT date(created_at), created_at, 'invoice_issued', 'receivable', 'invoiced', total_minor, currency,
        user_id, subscription_id, id
    FROM invoices WHERE state = 'not_paid' AND total_minor > 0 ORDER BY id
    """,
    """
    INSERT INTO ledger_holdings
        (payment_id, invoice_id, subscription_id, user_id, provider, currency, amount_minor, returned_minor,
        earned_minor, base_minor, start, "end", earned_until, due_at, stopped_at)
    SELECT p.id, p.invoice_id, p.subscription_id, p.user_id, p.provider, p.currency, p.amount_minor, p.refunded_minor,
        CASE WHEN t.revoked_at IS NULL THEN 0 ELSE p.amount_minor - p.refunded_minor END, 0, t.start, t."end",
        t.start, CASE WHEN t.revoked_at IS NULL THEN t.start END, t.revoked_at
    FROM payments p LEFT JOIN periods t ON t.invoice_id = p.invoice_id AND p.state = 'succeeded'
    WHERE p.state IN ('succeeded', 'duplicate') AND p.amount_minor > 0
    """,
    """
    INSERT INTO ledger_postings
        (day, at, event, debit, credit, amount_minor, currency, user_id, subscription_id, invoice_id, payment_id)
    SELECT date(coalesce(p.succeeded_at, p.modified_at)), coalesce(p.succeeded_at, p.modified_at), 'opening',
        'clearing:' || h.provider,
        CASE WHEN h.start IS NULL THEN 'owed' WHEN h.stopped_at IS NULL THEN 'deferred' ELSE 'revenue' END,
        h.amount_minor - h.returned_minor, h.currency, h.user_id, h.subscription_id, h.invoice_id, h.payment_id
    FROM ledger_holdings h JOIN payments p ON p.id = h.payment_id
    WHERE h.amount_minor > h.returned_minor ORDER BY p.id
    """,
)


def upgrade() -> None:
    create_postings()
    create_holdings()
    for statement in OPENING:
        op.execute(statement)
    for statement in engines.append_only(op.get_bind().dialect.name, "ledger_postings"):
        op.execute(statement)


def create_postings() -> None:
    op.create_table(
        "ledger_postings",
        sa.Column("seq", SERIAL, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("event", sa.String(24), nullable=False),
        sa.Column("debit", sa.String(48), nullable=False),
        sa.Column("credit", sa.String(48), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("user_id", sa.String(255), nullable=False),
        sa.Column("subscription_id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=True),
        sa.Column("refund_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_ledger_postings_amount")),
        sa.CheckConstraint("debit <> credit", name=op.f("ck_ledger_postings_accounts")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_ledger_postings_user_id"),
        sa.ForeignKeyConstraint(["subscription_id"], ["subscriptions.id"], name="fk_ledger_postings_subscription_id"),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoices.id"], name="fk_ledger_postings_invoice_id"),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name="fk_ledger_postings_payment_id"),
        sa.ForeignKeyConstraint(["refund_id"], ["refunds.id"], name="fk_ledger_postings_refund_id"),
        sa.PrimaryKeyConstraint("seq", name="pk_ledger_postings"),
    )
    op.create_index("ix_ledger_postings_day_seq", "ledger_postings", ["day", "seq"])
    op.create_index("ix_ledger_postings_subscription_id_seq", "ledger_postings", ["subscription_id", "seq"])


def create_holdings() -> None:
    op.create_table(
        "ledger_holdings",
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("subscription_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.String(255), nullable=False),
        sa.Column("provider", sa.String(32), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("returned_minor", sa.BigInteger(), nullable=False),
        sa.Column("earned_minor", sa.BigInteger(), nullable=False),
        sa.Column("base_minor", sa.BigInteger(), nullable=False),
        sa.Column("start", MOMENT, nullable=True),
        sa.Column("end", MOMENT, nullable=True),
        sa.Column("earned_until", MOMENT, nullable=True),
        sa.Column("due_at", MOMENT, nullable=True),
        sa.Column("stopped_at", MOMENT, nullable=True),
        sa.CheckConstraint(
            "returned_minor >= 0 AND returned_minor <= amount_minor", name=op.f("ck_ledger_holdings_returned")
        ),
        sa.CheckConstraint(
            "earned_minor >= 0 AND earned_minor <= amount_minor - returned_minor",
            name=op.f("ck_ledger_holdings_earned"),
        ),
        sa.CheckConstraint(
            '(start IS NULL) = ("end" IS NULL) AND (start IS NOT NULL OR earned_minor = 0) AND start <= "end"',
            name=op.f("ck_ledger_holdings_time"),
        ),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name="fk_ledger_holdings_payment_id"),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoices.id"], name="fk_ledger_holdings_invoice_id"),
        sa.ForeignKeyConstraint(["subscription_id"], ["subscriptions.id"], name="fk_ledger_holdings_subscription_id"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_ledger_holdings_user_id"),
        sa.PrimaryKeyConstraint("payment_id", name="pk_ledger_holdings"),
    )
    due = sa.text("due_at IS NOT NULL")
    op.create_index(
        "ix_ledger_holdings_due_at",
        "ledger_holdings",
        ["due_at", "payment_id"],
        postgresql_where=due,
        sqlite_where=due,
    )


def downgrade() -> None:
    op.drop_table("ledger_holdings")
    op.drop_table("ledger_postings")
