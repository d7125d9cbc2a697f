"""Huey's SQLite queue, for a file that may be deleted under the running worker."""

from __future__ import annotations

import os
import sqlite3
from typing import Any

from huey.storage import SqliteStorage


class LosableStorage(SqliteStorage):  # type: ignore[misc]  # huey has no types
    """What lay in a deleted file is lost; the next look makes a new one. Rows say what is due, not the queue."""

    _conn: Any
    _file: tuple[int, int] | None = None

    @property
    def conn(self) -> Any:
        """Under the storage's lock. An open connection would go on with the deleted file, which nobody else sees."""
        if self._conn is not None and self._file != _identity(self.filename):
            self._conn.close()
            self._conn = None
        return super().conn

    def _create_connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection = super()._create_connection()
        for statement in self.ddl:
            connection.execute(statement)
        self._file = _identity(self.filename)
        return connection


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
