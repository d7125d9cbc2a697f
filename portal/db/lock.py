"""One holder at a time, among all processes on one database. The system lets go when a process is killed."""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, text

from portal.db.session import db


class Lost(RuntimeError):
    """The lock's connection broke while we held it: somebody else may be holding it now."""


@contextmanager
def exclusive(name: str) -> Iterator[Callable[[], None] | None]:
    """Tries once, never waits: None where somebody else holds the name.

    Otherwise what it yields is to be called before each step that only one may take; it raises Lost.
    No transaction is open meanwhile.
    """
    holder = _advisory if db.engine.dialect.name == "postgresql" else _file
    with holder(db.engine, name) as still_held:
        yield still_held


@contextmanager
def _advisory(engine: Engine, name: str) -> Iterator[Callable[[], None] | None]:
    """PostgreSQL's own lock, which lives and dies with a connection that is used for nothing else meanwhile."""
    key = {"key": int.from_bytes(hashlib.sha256(f"matinee:{name}".encode()).digest()[:8], "big", signed=True)}
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), key):
            yield None
            return

        def still_held() -> None:
            try:
                connection.execute(text("SELECT 1"))
            except Exception as error:
                raise Lost(name) from error

        try:
            yield still_held
        finally:
            try:
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), key)
            except Exception:
                connection.invalidate()  # closed, and with it the lock
                raise


@contextmanager
def _file(engine: Engine, name: str) -> Iterator[Callable[[], None] | None]:
    """A file beside SQLite's own. A database in memory belongs to one process anyway."""
    path = engine.url.database
    if path in (None, "", ":memory:"):
        yield lambda: None
        return
    with open(f"{path}.{name}.lock", "a") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        yield lambda: None
