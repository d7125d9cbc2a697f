"""The append-only story of a subscription: what, when it was due, when it was done, by whom, why."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.db.base import Base, Json, Serial, State, partial_index

CANCELLED = "event IN ('cancelled_at_period_end', 'cancelled_now')"


class HistoryRow(Base):
    __tablename__ = "history"

    seq: Mapped[int] = mapped_column(Serial, primary_key=True)
    at: Mapped[datetime]
    due_at: Mapped[datetime | None]
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    subscription_id: Mapped[UUID] = mapped_column(ForeignKey("subscriptions.id"), index=True)
    kind: Mapped[str] = mapped_column(String(16))  # subscription | invoice | payment | refund | dispute
    subject_id: Mapped[UUID]
    event: Mapped[str] = mapped_column(String(32))
    from_state: Mapped[str | None] = mapped_column(State)
    to_state: Mapped[str] = mapped_column(State)
    actor: Mapped[str] = mapped_column(String(300))
    reason: Mapped[str] = mapped_column(String(32))
    facts: Mapped[dict[str, Any]] = mapped_column(Json)

    __table_args__ = (
        Index("ix_history_user_id_seq", "user_id", "seq"),
        Index("ix_history_kind_subject_id", "kind", "subject_id"),
        Index("ix_history_at_seq", "at", "seq"),
        partial_index("ix_history_cancelled_at", "at", where=CANCELLED),
    )
