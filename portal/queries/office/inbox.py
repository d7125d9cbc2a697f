"""Webhooks as they came in, and what became of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from portal.db.session import db
from portal.models.messages import InboxRow
from portal.queries.pages import Page, Window, page


@dataclass(frozen=True)
class Webhook:
    seq: int
    provider: str
    event_id: str
    kind: str
    state: str  # received | processed | ignored | dead
    received_at: datetime
    processed_at: datetime | None
    attempts: int
    next_attempt_at: datetime
    outcome: str | None
    kind_of_subject: str | None
    subject_id: UUID | None
    user_id: str | None


@dataclass(frozen=True)
class WebhookDetail:
    webhook: Webhook
    body: str  # as received; bytes that are no text are shown as �


COLUMNS = (
    InboxRow.seq,
    InboxRow.provider,
    InboxRow.event_id,
    InboxRow.kind,
    InboxRow.state,
    InboxRow.received_at,
    InboxRow.processed_at,
    InboxRow.attempts,
    InboxRow.next_attempt_at,
    InboxRow.outcome,
    InboxRow.kind_of_subject,
    InboxRow.subject_id,
    InboxRow.user_id,
)


def listed(
    window: Window, *, state: str | None = None, provider: str | None = None, user_id: str | None = None
) -> Page[Webhook]:
    statement = select(*COLUMNS)
    if state:
        statement = statement.where(InboxRow.state == state)
    if provider:
        statement = statement.where(InboxRow.provider == provider)
    if user_id:
        statement = statement.where(InboxRow.user_id == user_id)
    return page(statement, [InboxRow.seq], window, lambda row: Webhook(**row))


def detail(seq: int) -> WebhookDetail | None:
    row = db.session.execute(select(*COLUMNS, InboxRow.body).where(InboxRow.seq == seq)).mappings().one_or_none()
    if row is None:
        return None
    webhook = Webhook(**{column.key: row[column.key] for column in COLUMNS})
    return WebhookDetail(webhook, row["body"].decode(errors="replace"))
