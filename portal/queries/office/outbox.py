"""Events to others: what was told, to whom it was about, and whether the broker has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from portal.db.session import db
from portal.models.messages import OutboxRow
from portal.models.user import UserRow
from portal.queries.pages import Page, Window, page


@dataclass(frozen=True)
class Event:
    seq: int
    id: UUID
    user_id: str
    email: str | None
    version: int
    type: str
    subscription_id: UUID
    invoice_id: UUID | None
    created_at: datetime
    published_at: datetime | None
    attempts: int
    last_error: str | None

    @property
    def state(self) -> str:
        if self.published_at:
            return "sent"
        return "stuck" if self.last_error else "waiting"


@dataclass(frozen=True)
class EventDetail:
    event: Event
    body: Mapping[str, Any]  # the whole CloudEvent


COLUMNS = (
    OutboxRow.seq,
    OutboxRow.id,
    OutboxRow.user_id,
    UserRow.email,
    OutboxRow.version,
    OutboxRow.type,
    OutboxRow.subscription_id,
    OutboxRow.invoice_id,
    OutboxRow.created_at,
    OutboxRow.published_at,
    OutboxRow.attempts,
    OutboxRow.last_error,
)


def listed(
    window: Window, *, state: str | None = None, type_: str | None = None, user_id: str | None = None
) -> Page[Event]:
    """`state`: sent, waiting, or stuck (waiting after a failed try). What waits has an index of its own."""
    statement = select(*COLUMNS).join(UserRow, UserRow.id == OutboxRow.user_id)
    match state:
        case "sent":
            statement = statement.where(OutboxRow.published_at.is_not(None))
        case "waiting":
            statement = statement.where(OutboxRow.published_at.is_(None))
        case "stuck":
            statement = statement.where(OutboxRow.published_at.is_(None), OutboxRow.last_error.is_not(None))
    if type_:
        statement = statement.where(OutboxRow.type == type_)
    if user_id:
        statement = statement.where(OutboxRow.user_id == user_id)
    return page(statement, [OutboxRow.seq], window, lambda row: Event(**row))


def detail(seq: int) -> EventDetail | None:
    statement = select(*COLUMNS, OutboxRow.body).join(UserRow, UserRow.id == OutboxRow.user_id)
    row = db.session.execute(statement.where(OutboxRow.seq == seq)).mappings().one_or_none()
    if row is None:
        return None
    return EventDetail(Event(**{column.key: row[column.key] for column in COLUMNS}), row["body"])
