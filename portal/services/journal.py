"""The only writer of a status: a decision's changes go in and become rows, history and outbox of one commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, update

from portal import runtime
from portal.db import rows
from portal.db.engines import locked
from portal.db.session import db
from portal.domain import states
from portal.domain.change import KIND, Change, Move, Row, Set, Subject
from portal.domain.dispute import Dispute
from portal.domain.invoice import Invoice
from portal.domain.payment import Payment
from portal.domain.refund import Refund
from portal.domain.setup import MethodSetup
from portal.domain.subscription import Subscription
from portal.models.history import HistoryRow
from portal.models.invoice import InvoiceNumberRow
from portal.models.user import UserRow
from portal.outbox.append import Told, append
from portal.services import ledger

# What a page needs to tell the story later, kept as it was.
TOLD_OF: Mapping[type, tuple[str, ...]] = {
    Subscription: (
        "plan_id",
        "price_id",
        "auto_renew",
        "anchor",
        "steps",
        "zone",
        "paid_through",
        "trial_end",
        "end_reason",
        "payment_method_id",
    ),
    Invoice: ("number", "total_minor", "currency", "count", "fail_reason"),
    Payment: ("invoice_id", "amount_minor", "currency", "kind", "decline_kind", "decline_code", "note"),
    Refund: ("invoice_id", "payment_id", "amount_minor", "currency", "note"),
    Dispute: ("invoice_id", "payment_id", "amount_minor", "counted_minor", "currency", "provider_ref"),
}


def record(changes: Sequence[Change]) -> None:
    """Write changes inside the caller's transaction, whose user rows are locked. Raises IllegalMove, Stale.

    A decision names what it read; where it moves one thing twice, the second move begins where the first one ended.
    """
    told: list[Told] = []
    became: dict[UUID, Subject | MethodSetup] = {}
    for change in changes:
        for write in change.writes:
            match write:
                case Move():
                    move = replace(write, subject=became.get(write.subject.id, write.subject))
                    told += _move(change, move, became)
                case Set():
                    rows.put(write.row, write.values)
                case _:
                    _add(change, write)
    ledger.book(changes)
    append(told, runtime.policy, runtime.settings.origin)


def _move(change: Change, move: Move, became: dict[UUID, Subject | MethodSetup]) -> list[Told]:
    edge = states.edge(move.kind, move.subject.state, move.event)
    values: dict[str, Any] = dict(move.sets) | {"state": edge.to}
    if not isinstance(move.subject, Subscription):
        values["modified_at"] = change.at
    rows.move(move.subject, values)
    after = became[move.subject.id] = replace(move.subject, **values)
    if isinstance(after, MethodSetup):
        return []
    _tell_history(change, after, move.event, move.subject.state)
    if isinstance(after, Subscription) and edge.event in ("first_paid", "trial_started"):
        _remember_first(after.user_id, change.at)
    if edge.tells is None or not isinstance(after, Subscription):
        return []
    return [Told(edge.tells, change.user_id, after.id, change.reason, change.invoice_id, change.at)]


def _add(change: Change, row: Row) -> None:
    if isinstance(row, Invoice):
        row = replace(row, number=_next_number(change.at))
    rows.add(row)
    if isinstance(row, Subject):
        _tell_history(change, row, "created", None)


def _tell_history(change: Change, subject: Subject, event: str, before: str | None) -> None:
    db.session.execute(
        insert(HistoryRow).values(
            at=change.at,
            due_at=change.due_at,
            user_id=change.user_id,
            subscription_id=subject.id if isinstance(subject, Subscription) else subject.subscription_id,
            kind=KIND[type(subject)],
            subject_id=subject.id,
            event=event,
            from_state=before,
            to_state=subject.state,
            actor=change.actor,
            reason=change.reason,
            facts={name: _plain(getattr(subject, name)) for name in TOLD_OF[type(subject)]},
        )
    )


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def _remember_first(user_id: str, at: datetime) -> None:
    """The register lists those who ever had a subscription."""
    db.session.execute(
        update(UserRow)
        .where(UserRow.id == user_id, UserRow.first_subscribed_at.is_(None))
        .values(first_subscribed_at=at)
    )


def _next_number(at: datetime) -> str:
    """The next invoice number of the year. The counter's row stays locked until commit: no gap, no double."""
    query = locked(select(InvoiceNumberRow.last).where(InvoiceNumberRow.year == at.year))
    last = db.session.scalar(query)
    if last is None:
        rows.add_or_nothing(InvoiceNumberRow.__table__, {"year": at.year, "last": 0})
        last = db.session.scalar(query)
    number = (last or 0) + 1
    db.session.execute(update(InvoiceNumberRow).where(InvoiceNumberRow.year == at.year).values(last=number))
    return f"M-{at.year}-{number:06d}"
