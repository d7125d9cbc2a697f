"""Opening the book, and reading from it what was really taken: the oracle that tests compare a portal with."""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event, make_url, select, text

from portal.demo.sandbox import tables
from portal.demo.wal import switch_to_wal

WRITES = "sandbox_writes"
BUSY_SECONDS = 30
SCHEMA_LOCK = 7_305_113  # an arbitrary number for PostgreSQL's advisory lock


class Book:
    """SQLite in WAL mode or PostgreSQL; several threads and processes may hold one open at the same time."""

    def __init__(self, url: str) -> None:
        self._engine = _engine(url)
        self._heard: Callable[[], None] = lambda: None
        # SQLite lets those who wait for its lock poll, and some of them starve. Threads of one process queue up here.
        sqlite = self._engine.dialect.name == "sqlite"
        self._turn: AbstractContextManager[object] = threading.Lock() if sqlite else nullcontext()
        with self.write() as conn:
            if conn.dialect.name == "postgresql":
                # Two processes that start together must not both find the tables missing.
                conn.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": SCHEMA_LOCK})
            tables.book.create_all(conn)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with self._engine.connect() as conn, conn.begin():
            yield conn

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that is the only writer on SQLite; on PostgreSQL the conditional updates decide who wins."""
        with self._turn, self._engine.connect() as plain:
            conn = plain.execution_options(**{WRITES: True})
            with conn.begin():
                yield conn
        self._heard()

    def on_write(self, hear: Callable[[], None]) -> None:
        """Call `hear` after every transaction that may have changed something."""
        self._heard = hear

    def close(self) -> None:
        self._engine.dispose()

    def charges(self, reference: str | None = None) -> list[dict[str, Any]]:
        """The payments that took money, oldest first; `taken` is the sum that left the card."""
        return [row for row in self.payments(reference) if row["state"] == "succeeded" and row["taken"]]

    def payments(self, reference: str | None = None) -> list[dict[str, Any]]:
        return self._list(tables.payments, "created_at", reference)

    def refunds(self, reference: str | None = None) -> list[dict[str, Any]]:
        return self._list(tables.refunds, "created_at", reference)

    def disputes(self, reference: str | None = None) -> list[dict[str, Any]]:
        return self._list(tables.disputes, "opened_at", reference)

    def requests(self, reference: str | None = None) -> list[dict[str, Any]]:
        """Every request about an object: its key, the faults that met it, and whether it changed anything."""
        return self._list(tables.requests, "id", reference)

    def faults_taken(self) -> Counter[str]:
        """Those of the plan that have met somebody for the last time, by their names."""
        plan = select(tables.faults.c.fault).where(tables.faults.c.remaining == 0)
        with self.read() as conn:
            return Counter(conn.scalars(plan))

    def webhooks(self, reference: str | None = None) -> list[dict[str, Any]]:
        """What was queued for the shop; `due_at` is None once nothing more will be sent."""
        return self._list(tables.webhooks, "id", reference)

    def _list(self, table: Table, order: str, reference: str | None) -> list[dict[str, Any]]:
        rows = select(table).order_by(table.c[order])
        if reference is not None:
            rows = rows.where(table.c.reference == reference)
        with self.read() as conn:
            return [dict(row) for row in conn.execute(rows).mappings()]


def _engine(url: str) -> Engine:
    if make_url(url).get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True)
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # The driver's own BEGIN comes too late and takes no write lock; ours is sent in _begin_sqlite.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")
    switch_to_wal(connection, BUSY_SECONDS)
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA foreign_keys=ON")


def _begin_sqlite(conn: Connection) -> None:
    conn.exec_driver_sql("BEGIN IMMEDIATE" if conn.get_execution_options().get(WRITES) else "BEGIN")
