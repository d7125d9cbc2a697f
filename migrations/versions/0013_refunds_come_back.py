"""A refund that succeeded may fail later: the bank could not give it out. One that failed or was refused is over.

Revision ID: 0013
Revises: 0012
"""

from __future__ import annotations

from alembic import op

from portal.db import engines

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    guard(("succeeded", "failed", "rejected"), (("succeeded", "failed"),))


def downgrade() -> None:
    guard(("succeeded",))


def guard(states: tuple[str, ...], but: tuple[tuple[str, str], ...] = ()) -> None:
    dialect = op.get_bind().dialect.name
    for statement in (
        *engines.no_final_states(dialect, "refunds"),
        *engines.final_states(dialect, "refunds", states, but),
    ):
        op.execute(statement)
