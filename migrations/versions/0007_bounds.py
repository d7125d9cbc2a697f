"""Bounds, parking and manual review.

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
IN_REVIEW = sa.text("review_at IS NOT NULL")


def upgrade() -> None:
    op.add_column("payments", sa.Column("absent_at", MOMENT, nullable=True))
    op.add_column("refunds", sa.Column("absent_at", MOMENT, nullable=True))
    op.add_column("refunds", sa.Column("review_at", MOMENT, nullable=True))
    op.create_index("ix_refunds_in_review", "refunds", ["id"], postgresql_where=IN_REVIEW, sqlite_where=IN_REVIEW)
    op.add_column("subscriptions", sa.Column("park_reason", sa.String(24), nullable=True))
    # Until now nothing else parked.
    op.execute("UPDATE subscriptions SET park_reason = 'review' WHERE parked_at IS NOT NULL")
    # For the bound of a day.
    op.create_index("ix_payments_subscription_id_sent_at", "payments", ["subscription_id", "sent_at"])


def downgrade() -> None:
    op.drop_index("ix_payments_subscription_id_sent_at", "payments")
    op.drop_column("subscriptions", "park_reason")
    op.drop_index("ix_refunds_in_review", "refunds")
    op.drop_column("refunds", "review_at")
    op.drop_column("refunds", "absent_at")
    op.drop_column("payments", "absent_at")
