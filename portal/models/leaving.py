"""What customers say of why they cancelled."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from portal.db.base import Base, Serial
from portal.domain.leaving import CancelReason


class CancelReasonRow(Base):
    __tablename__ = "cancel_reasons"
    shape = CancelReason

    # The line of the history: one answer for one cancellation.
    cancellation: Mapped[int] = mapped_column(Serial, ForeignKey("history.seq"), primary_key=True, autoincrement=False)
    subscription_id: Mapped[UUID] = mapped_column(ForeignKey("subscriptions.id"), index=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    reason: Mapped[str] = mapped_column(String(24))
    comment: Mapped[str | None] = mapped_column(Text)
    at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint(
            "reason IN ('too_expensive', 'not_enough', 'watch_rarely', 'technical', 'for_a_while', 'other_service', "
            "'other')",
            name="reason",
        ),
        CheckConstraint("comment IS NULL OR (reason = 'other' AND length(comment) BETWEEN 1 AND 500)", name="comment"),
        Index("ix_cancel_reasons_at", "at"),
    )
