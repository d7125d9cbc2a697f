"""One transaction at a time, entered on purpose, and none open while we talk to anybody else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError, TimeoutError
from sqlalchemy.orm import Session

from portal import failpoints
from portal.db.base import Base

db = SQLAlchemy(model_class=Base, disable_autonaming=True)

# The database is away, only reads, or kept us waiting for too long: what was tried is undone, and may be tried again.
AWAY = (OperationalError, InterfaceError, InternalError, TimeoutError)


class TransactionOpen(RuntimeError):
    """A transaction is open where none may be: inside another one, or around a call to somebody else."""


@contextmanager
def atomic() -> Iterator[Session]:
    """Commit at the end, roll back on any exception. Refuses nesting: a use case is one commit, not part of one.

    On SQLite the transaction takes the write lock at once (BEGIN IMMEDIATE), so that what is read under it stays
    true; on PostgreSQL rows are locked one by one.
    """
    session = db.session()
    if session.info.get("atomic"):
        raise TransactionOpen("a transaction inside a transaction")
    session.rollback()  # a read that is still open would hold an older view
    session.info["atomic"] = True
    try:
        session.connection(execution_options={"matinee_write": True})
        yield session
        failpoints.reached("commit.written")
        session.commit()
        failpoints.reached("commit.done")
    except BaseException:
        session.rollback()
        raise
    finally:
        session.info["atomic"] = False


def end_reads() -> None:
    """Close the transaction that plain reads opened. To be called before anything slow."""
    session = db.session()
    if session.info.get("atomic"):
        raise TransactionOpen("a call to the outside inside a transaction")
    session.rollback()
