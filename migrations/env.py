"""Alembic through Flask-Migrate: the application's own engine and tables."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from alembic import context
from flask import current_app
from sqlalchemy import JSON, Connection

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


@contextmanager
def tables_replaceable(connection: Connection) -> Iterator[None]:
    """SQLite alters a table by making it anew, which rows that refer to it forbid; they are looked at afterwards.

    The switch does nothing inside a transaction, so it goes to the driver before one begins.
    """
    if not is_sqlite(connection):
        yield
        return
    driver: Any = connection.connection.driver_connection
    driver.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
        broken = driver.execute("PRAGMA foreign_key_check").fetchall()
    finally:
        driver.execute("PRAGMA foreign_keys=ON")
    if broken:
        raise RuntimeError(f"rows that refer to nothing: {broken[:10]}")


def run() -> None:
    with target.engine.connect() as connection, tables_replaceable(connection):
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
