"""Quotes, booked changes of a plan, prices moved by operators.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from portal.db import engines

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
MOMENT = sa.DateTime(timezone=True)
EFFECTS = "'end_now', 'period_end', 'keep', 'take_back'"
FINAL_REFUNDS = ("succeeded",)
OPEN_CHANGE = "state = 'not_paid' AND reason = 'plan_change'"


def upgrade() -> None:
    op.add_column("subscriptions", sa.Column("booked_plan_id", sa.Uuid(), nullable=True))
    op.add_column("subscriptions", sa.Column("booked_price_id", sa.Uuid(), nullable=True))
    create_quotes()
    create_moves()
    some = sa.text(OPEN_CHANGE)
    op.create_index(
        "uq_invoices_one_open_change",
        "invoices",
        ["subscription_id"],
        unique=True,
        postgresql_where=some,
        sqlite_where=some,
    )
    allow_effects(f"{EFFECTS}, 'old_plan'")


def create_quotes() -> None:
    op.create_table(
        "change_quotes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.String(255), nullable=False),
        sa.Column("subscription_id", sa.Uuid(), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("from_plan_id", sa.Uuid(), nullable=False),
        sa.Column("from_price_id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("price_id", sa.Uuid(), nullable=False),
        sa.Column("moment", sa.String(16), nullable=False),
        sa.Column("anew", sa.Boolean(), nullable=False),
        sa.Column("gross_minor", sa.BigInteger(), nullable=False),
        sa.Column("credit_minor", sa.BigInteger(), nullable=False),
        sa.Column("waived_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("left", sa.String(120), nullable=False),
        sa.Column("carried", JSON, nullable=False),
        sa.Column("until", MOMENT, nullable=False),
        sa.Column("then_at", MOMENT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT, nullable=True),
        sa.Column("invoice_id", sa.Uuid(), nullable=True),
        sa.Column("applied_at", MOMENT, nullable=True),
        sa.Column("returned_at", MOMENT, nullable=True),
        sa.CheckConstraint("moment IN ('now', 'period_end')", name=op.f("ck_change_quotes_moment")),
        sa.CheckConstraint(
            "credit_minor >= 0 AND waived_minor >= 0 AND gross_minor >= credit_minor + waived_minor",
            name=op.f("ck_change_quotes_sums"),
        ),
        sa.CheckConstraint(
            "used_at IS NOT NULL OR (invoice_id IS NULL AND applied_at IS NULL)", name=op.f("ck_change_quotes_used")
        ),
        sa.CheckConstraint("applied_at IS NOT NULL OR returned_at IS NULL", name=op.f("ck_change_quotes_returned")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_change_quotes_user_id"),
        sa.ForeignKeyConstraint(["subscription_id"], ["subscriptions.id"], name="fk_change_quotes_subscription_id"),
        sa.ForeignKeyConstraint(["from_plan_id"], ["plans.id"], name="fk_change_quotes_from_plan_id"),
        sa.ForeignKeyConstraint(["from_price_id"], ["prices.id"], name="fk_change_quotes_from_price_id"),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name="fk_change_quotes_plan_id"),
        sa.ForeignKeyConstraint(["price_id"], ["prices.id"], name="fk_change_quotes_price_id"),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoices.id"], name="fk_change_quotes_invoice_id"),
        sa.PrimaryKeyConstraint("id", name="pk_change_quotes"),
        sa.UniqueConstraint("invoice_id", name="uq_change_quotes_invoice_id"),
    )
    op.create_index("ix_change_quotes_subscription_id", "change_quotes", ["subscription_id"])
    unused = sa.text("used_at IS NULL")
    op.create_index(
        "ix_change_quotes_never_used", "change_quotes", ["expires_at"], postgresql_where=unused, sqlite_where=unused
    )


def create_moves() -> None:
    op.create_table(
        "price_moves",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("from_price_id", sa.Uuid(), nullable=False),
        sa.Column("to_price_id", sa.Uuid(), nullable=False),
        sa.Column("starts_at", MOMENT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.CheckConstraint("from_price_id <> to_price_id", name=op.f("ck_price_moves_other")),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name="fk_price_moves_plan_id"),
        sa.ForeignKeyConstraint(["from_price_id"], ["prices.id"], name="fk_price_moves_from_price_id"),
        sa.ForeignKeyConstraint(["to_price_id"], ["prices.id"], name="fk_price_moves_to_price_id"),
        sa.PrimaryKeyConstraint("id", name="pk_price_moves"),
        sa.UniqueConstraint("from_price_id", "starts_at", name="uq_price_moves_from_price_id_starts_at"),
    )
    op.create_index("ix_price_moves_plan_id", "price_moves", ["plan_id"])


def allow_effects(words: str) -> None:
    """SQLite makes the table anew, and its trigger goes with the old one."""
    with op.batch_alter_table("refunds") as refunds:
        refunds.drop_constraint(op.f("ck_refunds_effect"), type_="check")
        refunds.create_check_constraint(op.f("ck_refunds_effect"), f"effect IN ({words})")
    dialect = op.get_bind().dialect.name
    if dialect == "sqlite":
        for statement in engines.final_states(dialect, "refunds", FINAL_REFUNDS):
            op.execute(statement)


def downgrade() -> None:
    allow_effects(EFFECTS)
    op.drop_index("uq_invoices_one_open_change", "invoices")
    op.drop_table("price_moves")
    op.drop_table("change_quotes")
    op.drop_column("subscriptions", "booked_price_id")
    op.drop_column("subscriptions", "booked_plan_id")
