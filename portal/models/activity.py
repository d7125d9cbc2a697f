"""What operators did: who, what, to what, why, and how it was before and after."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from portal.db.base import Base, Json, Serial


class ActivityRow(Base):
    """Append-only (a trigger holds it), but that erasing a customer takes the note about them out.

    `id` is the form's own, so that the same form does nothing twice.
    """

    __tablename__ = "activity"

    seq: Mapped[int] = mapped_column(Serial, primary_key=True)
    id: Mapped[UUID] = mapped_column(unique=True)
    at: Mapped[datetime]
    operator: Mapped[str] = mapped_column(String(255))
    act: Mapped[str] = mapped_column(String(32))
    outcome: Mapped[str] = mapped_column(String(32))  # done, or the error_id of the refusal
    kind: Mapped[str] = mapped_column(String(16))  # plan | subscription | payment | refund | event | webhook
    subject_id: Mapped[str] = mapped_column(String(64))
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id"))
    reason: Mapped[str | None] = mapped_column(String(32))
    note: Mapped[str | None] = mapped_column(Text)
    before: Mapped[dict[str, Any]] = mapped_column(Json)
    after: Mapped[dict[str, Any]] = mapped_column(Json)
    request_id: Mapped[str] = mapped_column(String(64))
    address: Mapped[str | None] = mapped_column(String(64))

    __table_args__ = (
        Index("ix_activity_operator_seq", "operator", "seq"),
        Index("ix_activity_kind_subject_id", "kind", "subject_id"),
        Index("ix_activity_user_id_seq", "user_id", "seq"),
    )
