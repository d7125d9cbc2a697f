"""Every frozen row of the domain has a table, and its fields are that table's columns."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest
from sqlalchemy import Table

from portal.db import rows
from portal.db.base import Base
from portal.db.session import atomic, db
from portal.domain.change import Row
from portal.domain.plan import Plan, Price
from portal.domain.user import User
from portal.models import schema
from tests.domain import samples
from tests.world import World

SHAPED: dict[type, Table] = {
    mapper.class_.shape: rows.table_of(mapper.class_.shape) for mapper in Base.registry.mappers if mapper.class_.shape
}
shapes = pytest.mark.parametrize("shape", sorted(SHAPED, key=str))


def written_by_decisions() -> set[type]:
    found: set[type] = set()
    waiting: list[Any] = [Row]
    while waiting:
        one = waiting.pop()
        if typing.get_origin(one) in (typing.Union, types.UnionType):
            waiting += typing.get_args(one)
        else:
            found.add(one)
    return found


def test_every_row_that_a_decision_can_write_has_a_table() -> None:
    assert written_by_decisions() | {User, Plan, Price} <= set(SHAPED)
    assert all(table.name in schema.metadata.tables for table in SHAPED.values())


@shapes
def test_the_fields_of_a_row_are_the_columns_of_its_table(shape: type) -> None:
    table = SHAPED[shape]
    assert [field.name for field in fields(shape)] == [column.name for column in table.columns]


@shapes
def test_a_field_may_be_none_where_its_column_may_be_null(shape: type) -> None:
    hints, table = typing.get_type_hints(shape), SHAPED[shape]
    optional = {field.name for field in fields(shape) if type(None) in typing.get_args(hints[field.name])}
    assert optional == {column.name for column in table.columns if column.nullable}


def test_no_two_tables_claim_one_shape() -> None:
    claimed = [mapper.class_.shape for mapper in Base.registry.mappers if mapper.class_.shape]
    assert len(claimed) == len(set(claimed))


def test_a_row_of_something_without_a_table_is_refused() -> None:
    with pytest.raises(LookupError):
        rows.table_of(Table)


def test_rows_come_back_as_they_were_written(make_world: Callable[..., World]) -> None:
    written: list[Any] = [
        samples.plan(features=("hd", "premieres")),
        samples.price(),
        samples.user(),
        samples.method(),
        samples.running(),
        samples.invoice("paid"),
        samples.period(),
        samples.payment("succeeded", why={"steps": 0, "anchor": None}),
        samples.refund(),
        samples.dispute(),
    ]
    with make_world().app.app_context():
        with atomic():
            for row in written:
                rows.add(row)
        for row in written:
            assert rows.find(type(row), rows.table_of(type(row)).c.id == row.id) == row
        db.session.rollback()
