"""Disputes, and refunds made at the payment system.

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from portal.db import engines

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
FINAL = {"subscriptions": ("expired", "ended"), "payments": ("succeeded", "duplicate", "aborted")}
WITHIN = (
    "refunded_minor >= 0 AND reserved_minor >= 0 AND disputed_minor >= 0 "
    "AND refunded_minor + reserved_minor + disputed_minor <= amount_minor"
)
WITHIN_BEFORE = "refunded_minor >= 0 AND reserved_minor >= 0 AND refunded_minor + reserved_minor <= amount_minor"


def upgrade() -> None:
    create_disputes()
    with op.batch_alter_table("payments") as payments:
        payments.add_column(sa.Column("disputed_minor", sa.BigInteger(), nullable=False, server_default="0"))
        payments.add_column(sa.Column("disputed_at", MOMENT, nullable=True))
        payments.drop_constraint(op.f("ck_payments_refundable"), type_="check")
    with op.batch_alter_table("payments") as payments:
        payments.alter_column("disputed_minor", existing_type=sa.BigInteger(), server_default=None)
        payments.create_check_constraint(op.f("ck_payments_refundable"), WITHIN)
        payments.create_check_constraint(op.f("ck_payments_disputed"), "disputed_minor = 0 OR disputed_at IS NOT NULL")
    with op.batch_alter_table("subscriptions") as subscriptions:
        subscriptions.add_column(sa.Column("disputed_at", MOMENT, nullable=True))
        subscriptions.create_check_constraint(
            op.f("ck_subscriptions_disputed"), "disputed_at IS NULL OR NOT auto_renew"
        )
    guard_again()
    imported = sa.text("reason = 'provider'")
    op.create_index(
        "uq_refunds_one_import",
        "refunds",
        ["payment_id", "provider_ref"],
        unique=True,
        postgresql_where=imported,
        sqlite_where=imported,
    )


def create_disputes() -> None:
    op.create_table(
        "disputes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("subscription_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.String(255), nullable=False),
        sa.Column("provider", sa.String(32), nullable=False),
        sa.Column("provider_ref", sa.String(255), nullable=False),
        sa.Column("state", sa.String(24), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("counted_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("opened_at", MOMENT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("modified_at", MOMENT, nullable=False),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.Column("next_check_at", MOMENT, nullable=True),
        sa.CheckConstraint("state IN ('open', 'won', 'lost')", name=op.f("ck_disputes_state")),
        sa.CheckConstraint(
            "amount_minor > 0 AND counted_minor BETWEEN 0 AND amount_minor", name=op.f("ck_disputes_amount")
        ),
        sa.CheckConstraint("(state = 'open') = (decided_at IS NULL)", name=op.f("ck_disputes_decided_at")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name="fk_disputes_payment_id"),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoices.id"], name="fk_disputes_invoice_id"),
        sa.ForeignKeyConstraint(["subscription_id"], ["subscriptions.id"], name="fk_disputes_subscription_id"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_disputes_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_disputes"),
        sa.UniqueConstraint("provider", "provider_ref", name="uq_disputes_provider_provider_ref"),
    )
    for columns in (["payment_id"], ["invoice_id"], ["user_id"], ["state", "id"], ["provider_ref"]):
        op.create_index("ix_disputes_" + "_".join(columns), "disputes", columns)
    for name, column, where in (
        ("ix_disputes_open_of_subscription", "subscription_id", "state = 'open'"),
        ("ix_disputes_next_check_at", "next_check_at", "next_check_at IS NOT NULL"),
    ):
        some = sa.text(where)
        op.create_index(name, "disputes", [column], postgresql_where=some, sqlite_where=some)
    for statement in engines.final_states(op.get_bind().dialect.name, "disputes", ("won", "lost")):
        op.execute(statement)


def guard_again() -> None:
    """SQLite makes an altered table anew, and its triggers go with the old one."""
    dialect = op.get_bind().dialect.name
    if dialect == "sqlite":
        for table, states in FINAL.items():
            for statement in engines.final_states(dialect, table, states):
                op.execute(statement)


def downgrade() -> None:
    op.drop_index("uq_refunds_one_import", "refunds")
    with op.batch_alter_table("subscriptions") as subscriptions:
        subscriptions.drop_constraint(op.f("ck_subscriptions_disputed"), type_="check")
        subscriptions.drop_column("disputed_at")
    with op.batch_alter_table("payments") as payments:
        payments.drop_constraint(op.f("ck_payments_disputed"), type_="check")
        payments.drop_constraint(op.f("ck_payments_refundable"), type_="check")
        payments.drop_column("disputed_at")
        payments.drop_column("disputed_minor")
        payments.create_check_constraint(op.f("ck_payments_refundable"), WITHIN_BEFORE)
    guard_again()
    op.drop_table("disputes")
