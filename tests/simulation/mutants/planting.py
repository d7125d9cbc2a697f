"""How a mistake is planted: a context manager with a name, for as long as its `with` lasts; and guards taken away."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from unittest import mock

from portal.demo.simulation.ground import Ground

Mistake = Callable[[], AbstractContextManager[None]]
MUTANTS: dict[str, Mistake] = {}


def mutant(plant: Callable[[], Iterator[None]]) -> Mistake:
    """Its name is the function's, what somebody did wrong its docstring."""
    MUTANTS[plant.__name__] = contextmanager(plant)
    return MUTANTS[plant.__name__]


@contextmanager
def without_guards(*names: str) -> Iterator[None]:
    """Indexes, constraints and triggers that every database of the simulation lacks; on SQLite."""
    enter = Ground.__enter__

    def entered(ground: Ground) -> Ground:
        enter(ground)
        with closing(sqlite3.connect(ground.settings().data / "portal.db")) as connection:
            for name in names:
                _drop(connection, name)
            connection.commit()
        return ground

    with mock.patch.object(Ground, "__enter__", entered):
        yield


def _drop(connection: sqlite3.Connection, name: str) -> None:
    found = connection.execute("SELECT type FROM sqlite_master WHERE name = ?", (name,)).fetchone()
    if found is not None:
        connection.execute(f"DROP {found[0]} {name}")
    else:
        _make_again(connection, name)


def _make_again(connection: sqlite3.Connection, constraint: str) -> None:
    """SQLite takes no constraint out of a table: the table, which is empty still, is made again without it."""
    made = connection.execute("SELECT tbl_name, type, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    ours = re.compile(rf",\s*CONSTRAINT {constraint} [A-Z ]+\([^()]*\)")
    (table,) = {name for name, _, sql in made if ours.search(sql)}
    again = [sql for name, kind, sql in sorted(made, key=lambda one: one[1] != "table") if name == table]
    connection.execute(f"DROP TABLE {table}")
    for statement in again:
        connection.execute(ours.sub("", statement))
