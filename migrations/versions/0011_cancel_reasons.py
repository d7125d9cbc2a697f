"""Why customers cancelled, where they say.

Revision ID: 0011
Revises: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

CANCELLED = sa.text("event IN ('cancelled_at_period_end', 'cancelled_now')")
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "cancel_reasons",
        sa.Column("cancellation", SERIAL, autoincrement=False, nullable=False),
        sa.Column("subscription_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.String(255), nullable=False),
        sa.Column("reason", sa.String(24), nullable=False),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "reason IN ('too_expensive', 'not_enough', 'watch_rarely', 'technical', 'for_a_while', 'other_service', "
            "'other')",
            name=op.f("ck_cancel_reasons_reason"),
        ),
        sa.CheckConstraint(
            "comment IS NULL OR (reason = 'other' AND length(comment) BETWEEN 1 AND 500)",
            name=op.f("ck_cancel_reasons_comment"),
        ),
        sa.ForeignKeyConstraint(["cancellation"], ["history.seq"], name="fk_cancel_reasons_cancellation"),
        sa.ForeignKeyConstraint(["subscription_id"], ["subscriptions.id"], name="fk_cancel_reasons_subscription_id"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_cancel_reasons_user_id"),
        sa.PrimaryKeyConstraint("cancellation", name="pk_cancel_reasons"),
    )
    op.create_index("ix_cancel_reasons_subscription_id", "cancel_reasons", ["subscription_id"])
    op.create_index("ix_cancel_reasons_at", "cancel_reasons", ["at"])
    op.create_index("ix_history_cancelled_at", "history", ["at"], postgresql_where=CANCELLED, sqlite_where=CANCELLED)


def downgrade() -> None:
    op.drop_index("ix_history_cancelled_at", "history")
    op.drop_table("cancel_reasons")
