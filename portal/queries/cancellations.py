"""The proof that a subscription was cancelled: which line of the history says so, and when it was written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from portal.db.session import db
from portal.models.history import HistoryRow

CANCELLED = ("cancelled_at_period_end", "cancelled_now")


@dataclass(frozen=True)
class Cancellation:
    seq: int
    at: datetime

    @property
    def reference(self) -> str:
        """What a customer quotes and an operator finds the line of the history by."""
        return f"C-{self.seq:06d}"


def latest(subscription_id: UUID) -> Cancellation | None:
    """None: it was never cancelled, or resumed since."""
    row = db.session.execute(
        select(HistoryRow.seq, HistoryRow.at, HistoryRow.event)
        .where(
            HistoryRow.kind == "subscription",
            HistoryRow.subject_id == subscription_id,
            HistoryRow.event.in_((*CANCELLED, "resumed")),
        )
        .order_by(HistoryRow.seq.desc())
        .limit(1)
    ).one_or_none()
    return Cancellation(row.seq, row.at) if row is not None and row.event in CANCELLED else None
