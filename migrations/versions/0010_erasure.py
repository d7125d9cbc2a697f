"""The language somebody chose, and when their personal data was erased.

Revision ID: 0010
Revises: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from portal.db import engines

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# What erasing a person empties in tables whose rows are otherwise only added, and the columns that stay.
PERSONAL = {"consents": ("address", "user_agent"), "activity": ("note",)}
STAYS = {
    "consents": (
        "id",
        "user_id",
        "kind",
        "given",
        "text_version",
        "source",
        "at",
        "locale",
        "invoice_id",
        "payment_method_id",
    ),
    "activity": (
        "seq",
        "id",
        "at",
        "operator",
        "act",
        "outcome",
        "kind",
        "subject_id",
        "user_id",
        "reason",
        "before",
        "after",
        "request_id",
        "address",
    ),
}


def upgrade() -> None:
    op.add_column("users", sa.Column("chosen_locale", sa.String(8), nullable=True))
    op.add_column("users", sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True))
    erased = sa.text("erased_at IS NOT NULL")
    op.create_index("ix_users_erased_at", "users", ["erased_at"], postgresql_where=erased, sqlite_where=erased)
    dialect = op.get_bind().dialect.name
    for table, personal in PERSONAL.items():
        run(engines.no_longer_append_only(dialect, table))
        run(engines.append_only_but(dialect, table, *personal, others=STAYS[table]))


def downgrade() -> None:
    dialect = op.get_bind().dialect.name
    for table in PERSONAL:
        run(engines.no_longer_append_only(dialect, table))
        run(engines.append_only(dialect, table))
    if dialect == "postgresql":
        op.execute("DROP FUNCTION matinee_refuse_but_erasing()")
    op.drop_index("ix_users_erased_at", "users")
    op.drop_column("users", "erased_at")
    op.drop_column("users", "chosen_locale")


def run(statements: list[str]) -> None:
    for statement in statements:
        op.execute(statement)
