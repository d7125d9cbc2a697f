"""The proof that a subscription was cancelled: which line of the history says so, and when it was written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from portal.db import rows
from portal.db.session import db
from portal.domain.leaving import CancelReason
from portal.models.history import HistoryRow
from portal.models.leaving import CancelReasonRow

CANCELLED = ("cancelled_at_period_end", "cancelled_now")


@dataclass(frozen=True)
class Cancellation:
    seq: int
    at: datetime
    actor: str
    answer: CancelReason | None = None  # what the customer says of why

    @property
    def reference(self) -> str:
        """What a customer quotes and an operator finds the line of the history by."""
        return f"C-{self.seq:06d}"

    @property
    def by_customer(self) -> bool:
        return self.actor.startswith(("user:", "unsigned:"))


def latest(subscription_id: UUID) -> Cancellation | None:
    """None: it was never cancelled, or resumed since."""
    row = db.session.execute(
        select(HistoryRow.seq, HistoryRow.at, HistoryRow.event, HistoryRow.actor)
        .where(
            HistoryRow.kind == "subscription",
            HistoryRow.subject_id == subscription_id,
            HistoryRow.event.in_((*CANCELLED, "resumed")),
        )
        .order_by(HistoryRow.seq.desc())
        .limit(1)
    ).one_or_none()
    if row is None or row.event not in CANCELLED:
        return None
    answer = rows.find(CancelReason, CancelReasonRow.cancellation == row.seq)
    return Cancellation(row.seq, row.at, row.actor, answer)
