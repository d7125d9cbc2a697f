"""What needs a person today: how many of each, never counting further than is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, FromClause, func, literal, select, union_all

from portal.db.session import db
from portal.models.messages import InboxRow, OutboxRow
from portal.models.payment import DisputeRow, PaymentRow, RefundRow
from portal.models.subscription import SubscriptionRow

MOST = 1000


@dataclass(frozen=True)
class Overview:
    counts: Mapping[str, int]  # by the names below; MOST + 1 stands for more
    oldest_unsent: datetime | None
    oldest_unprocessed: datetime | None


COUNTED: Mapping[str, tuple[FromClause, ColumnElement[bool]]] = {
    "refunds_waiting": (RefundRow.__table__, RefundRow.state == "requested"),
    "refunds_failed": (RefundRow.__table__, RefundRow.state == "failed"),
    "disputes_open": (DisputeRow.__table__, DisputeRow.state == "open"),
    "payments_in_review": (PaymentRow.__table__, PaymentRow.review_at.is_not(None)),
    "past_due": (SubscriptionRow.__table__, SubscriptionRow.state == "past_due"),
    "suspended": (SubscriptionRow.__table__, SubscriptionRow.state == "suspended"),
    "parked": (
        SubscriptionRow.__table__,
        SubscriptionRow.parked_at.is_not(None) & SubscriptionRow.state.not_in(("expired", "ended")),
    ),
    "refunds_in_review": (RefundRow.__table__, RefundRow.review_at.is_not(None)),
    "events_unsent": (OutboxRow.__table__, OutboxRow.published_at.is_(None)),
    "webhooks_dead": (InboxRow.__table__, InboxRow.state == "dead"),
    "webhooks_waiting": (InboxRow.__table__, InboxRow.state == "received"),
}


def overview() -> Overview:
    """Two statements."""
    counts = union_all(*(_capped(name, table, where) for name, (table, where) in COUNTED.items()))
    wanted_at = func.coalesce(OutboxRow.asked_at, OutboxRow.created_at)  # a replay is as old as its wish
    unsent = select(func.min(wanted_at)).where(OutboxRow.published_at.is_(None)).scalar_subquery()
    unprocessed = select(func.min(InboxRow.received_at)).where(InboxRow.state == "received").scalar_subquery()
    oldest = db.session.execute(select(unsent, unprocessed)).one()
    return Overview(dict(db.session.execute(counts).all()), oldest[0], oldest[1])


def _capped(name: str, table: FromClause, where: ColumnElement[bool]):  # type: ignore[no-untyped-def]  # a Select of two
    some = select(literal(1)).select_from(table).where(where).limit(MOST + 1).subquery()
    return select(literal(name), select(func.count()).select_from(some).scalar_subquery())
