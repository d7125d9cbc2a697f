"""Trials: what an invoice gives to try, and one trial for a user in a group of plans.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ONE_TRIAL = "uq_subscriptions_one_trial_per_group"


def upgrade() -> None:
    op.add_column("invoices", sa.Column("trial_days", sa.Integer(), nullable=True))
    tried = sa.text("trial_end IS NOT NULL")
    op.create_index(
        ONE_TRIAL, "subscriptions", ["user_id", "group"], unique=True, postgresql_where=tried, sqlite_where=tried
    )


def downgrade() -> None:
    op.drop_index(ONE_TRIAL, "subscriptions")
    op.drop_column("invoices", "trial_days")
