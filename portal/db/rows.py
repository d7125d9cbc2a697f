"""Reading rows as the domain's frozen dataclasses, and writing them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, FromClause, Select, Table, insert, select, update

from portal.db.base import Base
from portal.db.engines import insert_or_nothing, locked
from portal.db.session import db

T = TypeVar("T")


class Stale(Exception):
    """A row is not in the state it was read in: somebody else moved it first."""


def table_of(shape: type) -> Table:
    """The table whose rows have this shape."""
    return _selects()[shape][0]


@cache
def _selects() -> Mapping[type, tuple[Table, Select[*tuple[Any, ...]]]]:
    """Every table with all its columns. Made once: naming them takes as long as asking for them."""
    tables = {mapper.class_.shape: mapper.local_table for mapper in Base.registry.mappers}
    return {shape: (table, select(table)) for shape, table in tables.items() if isinstance(table, Table)}


def find(shape: type[T], *where: ColumnElement[bool], lock: bool = False) -> T | None:
    """The one row, or None. `lock` holds it until commit."""
    statement = _selects()[shape][1].where(*where)
    row = db.session.execute(locked(statement) if lock else statement).mappings().one_or_none()
    return None if row is None else read(shape, row)


def find_all(
    shape: type[T],
    *where: ColumnElement[bool],
    order: Iterable[Any] = (),
    limit: int | None = None,
    lock: bool = False,
) -> list[T]:
    statement = _selects()[shape][1].where(*where).order_by(*order).limit(limit)
    found = db.session.execute(locked(statement) if lock else statement).mappings()
    return [read(shape, row) for row in found]


def read(shape: type[T], row: Mapping[Any, Any]) -> T:
    return shape(**{field.name: row[field.name] for field in fields(shape)})  # type: ignore[arg-type]  # T is a dataclass


def read_from(shape: type[T], table: FromClause, row: Mapping[Any, Any]) -> T:
    """One shape out of a joined row, whose columns are told apart by their table."""
    return shape(**{field.name: row[table.c[field.name]] for field in fields(shape)})  # type: ignore[arg-type]  # as above


def add(row: object) -> None:
    db.session.execute(insert(table_of(type(row))).values(values_of(row)))


def add_or_nothing(table: FromClause, values: dict[str, Any]) -> bool:
    """Insert, unless a unique constraint already has the row. True: it was ours."""
    statement = insert_or_nothing(db.session.get_bind().dialect.name, table, values)
    # On PostgreSQL the count of an insert is -1 unless it is asked for.
    done = db.session.execute(statement, execution_options={"preserve_rowcount": True})
    return bool(done.rowcount == 1)  # type: ignore[attr-defined]  # a CursorResult


def values_of(row: object) -> dict[str, Any]:
    """Shallow on purpose: mappings and tuples stay as they are."""
    return {field.name: getattr(row, field.name) for field in fields(row)}  # type: ignore[arg-type]  # a dataclass


def put(row: Any, values: Mapping[str, object]) -> None:
    """Change columns of a row that has no state."""
    table = table_of(type(row))
    db.session.execute(update(table).where(table.c.id == row.id).values(**values))


def move(row: Any, values: Mapping[str, object]) -> None:
    """Change a row that is still in the state it was read in. Raises Stale."""
    table = table_of(type(row))
    done = db.session.execute(update(table).where(table.c.id == row.id, table.c.state == row.state).values(**values))
    if done.rowcount != 1:  # type: ignore[attr-defined]  # a CursorResult
        raise Stale(f"{table.name} {row.id} is not {row.state!r} any more")
