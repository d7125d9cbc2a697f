"""Alembic through Flask-Migrate: the application's own engine and tables."""

from __future__ import annotations

import logging

from alembic import context
from flask import current_app
from sqlalchemy import JSON

from portal.db.base import Tuple, UTCDateTime
from portal.db.engines import is_sqlite

target = current_app.extensions["migrate"].db
logging.getLogger("alembic").setLevel(logging.WARNING)


def render_item(kind: str, item: object, autogen: object) -> str | bool:
    """Our own types as plain SQLAlchemy: a migration must not change when a class of ours does."""
    if isinstance(item, UTCDateTime):
        return "sa.DateTime(timezone=True)"
    if isinstance(item, (JSON, Tuple)):
        return 'sa.JSON().with_variant(postgresql.JSONB(), "postgresql")'
    return False


def run() -> None:
    with target.engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=target.metadata,
            compare_type=True,
            render_item=render_item,
            # SQLite cannot alter a table in place; Alembic writes it anew.
            render_as_batch=is_sqlite(connection),
        )
        with context.begin_transaction():
            context.run_migrations()


run()
