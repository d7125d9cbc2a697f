"""Once more: an event to others, a webhook as it was received."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import RowMapping, select, update

from portal import runtime
from portal.db.engines import locked
from portal.db.session import atomic, db
from portal.domain.act import Act
from portal.domain.errors import ContentErased, NotFound
from portal.models.messages import InboxRow, OutboxRow
from portal.services import activity


def send_again(act: Act, seq: int) -> None:
    """The relay publishes an event as if for the first time, with the same id and body. Repeating is no error.

    Whoever has had it already knows it by its version. Raises NotFound, AlreadyDone.
    """
    with atomic():
        event = _held(OutboxRow, seq)
        activity.refuse_repeat(act)
        values: dict[str, Any] = {"published_at": None, "last_error": None, "asked_at": runtime.clock.now()}
        db.session.execute(update(OutboxRow).where(OutboxRow.seq == seq).values(**values))
        _log(act, "event.replay", "event", event, values)


def process_again(act: Act, seq: int) -> None:
    """A webhook is applied once more, now. Repeating is no error. Raises NotFound, ContentErased, AlreadyDone."""
    with atomic():
        webhook = _held(InboxRow, seq)
        if not webhook["body"]:
            raise ContentErased(f"the content of webhook {seq} was erased")
        activity.refuse_repeat(act)
        values = {
            "state": "received",
            "attempts": 0,
            "next_attempt_at": runtime.clock.now(),
            "processed_at": None,
            "outcome": None,
        }
        db.session.execute(update(InboxRow).where(InboxRow.seq == seq).values(**values))
        _log(act, "webhook.again", "webhook", webhook, values)


def _held(table: type[OutboxRow] | type[InboxRow], seq: int) -> RowMapping:
    query = locked(select(table.__table__).where(table.seq == seq))
    row = db.session.execute(query).mappings().one_or_none()
    if row is None:
        raise NotFound(f"nothing has the number {seq}")
    return row


def _log(act: Act, what: str, kind: str, row: RowMapping, after: Mapping[str, object]) -> None:
    before = {name: row[name] for name in after}
    activity.log(act, what, kind, row["seq"], user_id=row["user_id"], before=before, after=after)
