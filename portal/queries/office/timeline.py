"""Everything that happened about one customer, whoever wrote it down, in one order."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, FromClause, Select, literal, select, tuple_

from portal.db import rows
from portal.db.session import db
from portal.domain.consent import Consent
from portal.domain.errors import InvalidRequest
from portal.models.activity import ActivityRow
from portal.models.history import HistoryRow
from portal.models.messages import InboxRow, OutboxRow
from portal.models.user import ConsentRow
from portal.queries.office import history
from portal.queries.office.history import HistoryLine
from portal.queries.pages import Page, Window


@dataclass(frozen=True)
class Webhook:
    seq: int
    provider: str
    kind: str
    state: str
    received_at: datetime
    processed_at: datetime | None
    outcome: str | None
    kind_of_subject: str | None


@dataclass(frozen=True)
class Event:
    seq: int
    type: str
    version: int
    created_at: datetime
    published_at: datetime | None


@dataclass(frozen=True)
class Deed:
    """What an operator did, or tried."""

    seq: int
    at: datetime
    operator: str
    act: str
    outcome: str
    reason: str | None
    note: str | None


Record = Consent | Deed | Event | HistoryLine | Webhook


@dataclass(frozen=True)
class Entry:
    """`seq` is the row's number or id: unique within its source."""

    at: datetime
    source: str
    seq: Any
    record: Record

    @property
    def place(self) -> tuple[datetime, int, Any]:
        """Rows of one moment stand as one caused the other: the act, its agreement, the history, what others hear."""
        return self.at, RANKS[self.source], self.seq


@dataclass(frozen=True)
class Source:
    statement: Callable[[], Select[Any]]
    table: FromClause
    at: ColumnElement[datetime]
    seq: ColumnElement[Any]
    read: Callable[[Mapping[Any, Any]], Record]


def _source(table: FromClause, at: str, seq: str, shape: type[Record]) -> Source:
    """What is read of a table is what its record has: webhooks and events carry bodies that a list has no use for."""
    columns = [table.c[field.name] for field in fields(shape)]
    return Source(lambda: select(*columns), table, table.c[at], table.c[seq], lambda row: rows.read(shape, row))


# From the cause to what follows.
SOURCES: Mapping[str, Source] = {
    "act": _source(ActivityRow.__table__, "at", "seq", Deed),
    "consent": _source(ConsentRow.__table__, "at", "id", Consent),
    "webhook": _source(InboxRow.__table__, "received_at", "seq", Webhook),
    "history": Source(
        history.lines, HistoryRow.__table__, HistoryRow.__table__.c.at, HistoryRow.__table__.c.seq, history.read
    ),
    "event": _source(OutboxRow.__table__, "created_at", "seq", Event),
}
RANKS = {name: rank for rank, name in enumerate(SOURCES)}
KINDS = ("subscription", "invoice", "payment", "refund", "dispute")  # of the history, each a filter of its own


def of_user(user_id: str, window: Window, source: str | None = None) -> Page[Entry]:
    """One statement a source, each of at most a page's rows. `source`: one of SOURCES or KINDS; None is all.

    Raises InvalidRequest for a cursor that is none of ours.
    """
    backwards = window.oldest or window.after is not None
    cursor = window.after or window.before
    edge = _edge(cursor) if cursor else None
    names = SOURCES if source is None else ("history",) if source in KINDS else (source,)
    found = [
        entry
        for name in names
        for entry in _read(name, user_id, source if source in KINDS else None, edge, backwards, window.size + 1)
    ]
    ordered = newest_first(found)
    shown = ordered[-window.size :] if backwards else ordered[: window.size]
    if not shown:
        return Page([], None, None)
    more = len(ordered) > window.size
    newer = more if backwards else cursor is not None
    older = window.after is not None if backwards else more
    return Page(shown, _cursor(shown[0]) if newer else None, _cursor(shown[-1]) if older else None)


def newest_first(entries: Iterable[Entry]) -> Sequence[Entry]:
    return sorted(entries, key=lambda entry: entry.place, reverse=True)


def _read(
    name: str, user_id: str, kind: str | None, edge: Entry | None, backwards: bool, limit: int
) -> Iterable[Entry]:
    source = SOURCES[name]
    statement = source.statement().where(source.table.c.user_id == user_id)
    if kind:
        statement = statement.where(HistoryRow.kind == kind)
    if edge:
        statement = statement.where(_beyond(name, source, edge, backwards))
    order = [column.asc() if backwards else column.desc() for column in (source.at, source.seq)]
    found = db.session.execute(statement.order_by(*order).limit(limit)).mappings()
    return [Entry(row[source.at], name, row[source.seq], source.read(row)) for row in found]


def _beyond(name: str, source: Source, edge: Entry, backwards: bool) -> ColumnElement[bool]:
    """Rows of this source that lie behind a row of the merged order."""
    if name == edge.source:
        here = tuple_(source.at, source.seq)
        there = tuple_(literal(edge.at, source.at.type), literal(edge.seq, source.seq.type))
        return here > there if backwards else here < there
    later = RANKS[name] > RANKS[edge.source]
    if backwards:
        return source.at >= edge.at if later else source.at > edge.at
    return source.at < edge.at if later else source.at <= edge.at


def _cursor(entry: Entry) -> str:
    values = [entry.at.isoformat(), entry.source, str(entry.seq)]
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def _edge(cursor: str) -> Entry:
    """The place that a cursor names; its row need not be there any more."""
    try:
        at, source, seq = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        moment, number = datetime.fromisoformat(at), SOURCES[source].seq.type.python_type(seq)
        known = moment.tzinfo is not None and (isinstance(number, UUID) or 0 <= number < 2**63)
        moment = moment.astimezone(UTC)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise InvalidRequest("this page of the timeline is not known") from error
    if not known:
        raise InvalidRequest("this page of the timeline is not known")
    return Entry(moment, source, number, None)  # type: ignore[arg-type]  # only its place is read
