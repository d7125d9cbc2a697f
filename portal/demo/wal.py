"""SQLite's write-ahead log: readers and a writer at the same time."""

from __future__ import annotations

import sqlite3
import threading
import time


def switch_to_wal(connection: sqlite3.Connection, seconds: float) -> None:
    """SQLite does not wait for its lock here: of several that open a new file at once, all but one are sent away."""
    until = time.monotonic() + seconds
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            threading.Event().wait(0.02)
