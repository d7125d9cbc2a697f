"""What came in and what goes out: webhooks as received, events to others, answers already given."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.db.base import Base, Json, Serial, State, partial_index

UNPUBLISHED = "published_at IS NULL"
WAITING = "state = 'received'"


class OutboxRow(Base):
    """One event, written in the commit that caused it; `published_at` is set after the broker confirmed it."""

    __tablename__ = "outbox"

    seq: Mapped[int] = mapped_column(Serial, primary_key=True)
    id: Mapped[UUID] = mapped_column(unique=True)  # the event's id, the message's id
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    version: Mapped[int]
    type: Mapped[str] = mapped_column(String(48))
    subscription_id: Mapped[UUID] = mapped_column(ForeignKey("subscriptions.id"))
    invoice_id: Mapped[UUID | None] = mapped_column(ForeignKey("invoices.id"), index=True)
    body: Mapped[dict[str, Any]] = mapped_column(Json)  # the whole CloudEvent
    created_at: Mapped[datetime]
    published_at: Mapped[datetime | None]
    attempts: Mapped[int]
    last_error: Mapped[str | None] = mapped_column(Text)
    asked_at: Mapped[datetime | None]  # to be sent once more

    __table_args__ = (
        UniqueConstraint("user_id", "version"),
        partial_index("ix_outbox_unpublished", "seq", where=UNPUBLISHED),
    )


class InboxRow(Base):
    """A webhook whose proof held, as received."""

    __tablename__ = "inbox"

    seq: Mapped[int] = mapped_column(Serial, primary_key=True)
    provider: Mapped[str] = mapped_column(String(32))
    event_id: Mapped[str] = mapped_column(String(255))
    kind: Mapped[str] = mapped_column(String(64))
    body: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(State)
    received_at: Mapped[datetime]
    processed_at: Mapped[datetime | None]
    attempts: Mapped[int]
    next_attempt_at: Mapped[datetime]
    outcome: Mapped[str | None] = mapped_column(Text)
    # What of ours it was about, once that is known.
    kind_of_subject: Mapped[str | None] = mapped_column(String(16))  # payment | refund | setup
    subject_id: Mapped[UUID | None]
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id"))

    __table_args__ = (
        UniqueConstraint("provider", "event_id"),
        Index("ix_inbox_state_seq", "state", "seq"),
        Index("ix_inbox_user_id_seq", "user_id", "seq"),
        CheckConstraint("state IN ('received', 'processed', 'ignored', 'dead')", name="state"),
        partial_index("ix_inbox_waiting", "next_attempt_at", where=WAITING),
    )


class IdempotencyKeyRow(Base):
    """An answer that was given to a caller's key, to be given again for 24 hours."""

    __tablename__ = "idempotency_keys"

    caller: Mapped[str] = mapped_column(String(255), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(index=True)
    locked_until: Mapped[datetime | None]  # real time; None: answered
    status: Mapped[int | None]
    answer: Mapped[dict[str, Any] | None] = mapped_column(Json)
