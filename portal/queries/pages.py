"""Pages of long lists, newest first, found by where the last page ended: no count, no offset, whatever the length."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeAlias, TypeVar
from uuid import UUID

from sqlalchemy import BindParameter, ColumnElement, Select, literal, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from portal.db.base import UTCDateTime
from portal.db.session import db
from portal.domain.calendar import rfc3339
from portal.domain.errors import InvalidRequest

T = TypeVar("T")
Key: TypeAlias = ColumnElement[Any] | InstrumentedAttribute[Any]
SIZE = 50


@dataclass(frozen=True)
class Window:
    """Which page: the newest, the oldest, or what lies just before or after a row. A cursor names a row."""

    before: str | None = None  # older than it
    after: str | None = None  # newer than it
    oldest: bool = False
    size: int = SIZE


@dataclass(frozen=True)
class Page(Generic[T]):
    rows: Sequence[T]  # newest first
    newer: str | None  # the cursor of the first row, where there is something newer
    older: str | None  # that of the last, where there is something older


def page(
    statement: Select[*tuple[Any, ...]],
    key: Sequence[Key],
    window: Window,
    read: Callable[[Mapping[Any, Any]], T],
) -> Page[T]:
    """`key`: columns of the statement that order it wholly. Raises InvalidRequest for a cursor that is none of ours."""
    backwards = window.oldest or window.after is not None
    cursor = window.after or window.before
    where = tuple_(*key)
    if cursor:
        edge = tuple_(*_bound(key, cursor))
        statement = statement.where(where > edge if window.after else where < edge)
    order = [column.asc() if backwards else column.desc() for column in key]
    found = db.session.execute(statement.order_by(*order).limit(window.size + 1)).mappings().all()
    more, shown = len(found) > window.size, list(found[: window.size])
    if backwards:
        shown.reverse()
    if not shown:
        return Page([], None, None)
    newer = more if backwards else cursor is not None
    older = window.after is not None if backwards else more
    return Page(
        [read(row) for row in shown],
        newer=_cursor(shown[0], key) if newer else None,
        older=_cursor(shown[-1], key) if older else None,
    )


def _cursor(row: Mapping[Any, Any], key: Sequence[Key]) -> str:
    values = [_plain(row[column]) for column in key]
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return rfc3339(value) if value.microsecond == 0 else value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def _bound(key: Sequence[Key], cursor: str) -> list[BindParameter[Any]]:
    """The row's values as bound parameters of their columns' types."""
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return [literal(_typed(column, value), column.type) for column, value in zip(key, values, strict=True)]
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise InvalidRequest("this page of the list is not known") from error


def _typed(column: Key, value: Any) -> object:
    if isinstance(column.type, UTCDateTime):
        return _moment(value)
    kind = column.type.python_type
    if kind is UUID:
        return UUID(value)
    if not isinstance(value, kind) or isinstance(value, bool) or not _kept(value):
        raise ValueError(f"{value!r} is no {kind.__name__}")
    return value


def _kept(value: object) -> bool:
    """A database can keep it."""
    return "\x00" not in value if isinstance(value, str) else abs(value) < 2**63 if isinstance(value, int) else True


def _moment(value: str) -> datetime:
    at = datetime.fromisoformat(value)
    if at.tzinfo is None:
        raise ValueError(f"{value!r} names no zone")
    return at.astimezone(UTC)
