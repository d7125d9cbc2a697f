"""Writing past the services: copies of real rows with a few columns changed, straight into the tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Table, insert, select, text
from sqlalchemy.exc import IntegrityError

from portal.db.session import db
from portal.models.schema import metadata
from tests.world import World

Attempt = Callable[[World], None]


def table(name: str) -> Table:
    return metadata.tables[name]


def some(world: World, name: str, where: str = "1 = 1") -> dict[str, Any]:
    """The first row that fits, with the types of the model."""
    with world.app.app_context(), db.engine.connect() as connection:
        found = connection.execute(select(table(name)).where(text(where)).limit(1)).mappings().one()
        return dict(found)


def add_copy(name: str, where: str = "1 = 1", **changes: Any) -> Attempt:
    def act(world: World) -> None:
        row = some(world, name, where) | changes
        if "id" in row and "id" not in changes:
            row["id"] = uuid4()
        row.pop("seq", None)
        with world.app.app_context(), db.engine.begin() as connection:
            connection.execute(insert(table(name)).values(**row))

    return act


def move(name: str, before: str, after: str, more: str = "") -> Attempt:
    """Every row of one state into another; `more` are the other columns that this needs."""
    sets = f"state = '{after}'" + (f", {more}" if more else "")
    return sql(f"UPDATE {name} SET {sets} WHERE state = '{before}'")  # noqa: S608 - the tests' own words


def sql(statement: str) -> Attempt:
    return lambda world: assert_touched(world.write(statement))


def assert_touched(rows: int) -> None:
    assert rows, "the statement found no row, so it shows nothing"


def refused(world: World, attempts: dict[str, Attempt]) -> None:
    """Each attempt ends in an integrity error, whatever else it would have broken."""
    let_through = []
    for name, attempt in attempts.items():
        try:
            with pytest.raises(IntegrityError):
                attempt(world)
        except pytest.fail.Exception:
            let_through.append(name)
    assert let_through == []
