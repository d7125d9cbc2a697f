"""Payments and refunds. The indexes below, not our code, forbid a second charge."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from portal.db.base import Base, Currency, Json, State, partial_index
from portal.domain.payment import Payment
from portal.domain.refund import Refund

OPEN = "state IN ('created', 'requires_action', 'pending', 'unknown')"
SUCCEEDED = "state = 'succeeded'"
TO_CHECK = "next_check_at IS NOT NULL"
IN_REVIEW = "review_at IS NOT NULL"


class PaymentRow(Base):
    __tablename__ = "payments"
    shape = Payment

    id: Mapped[UUID] = mapped_column(primary_key=True)
    invoice_id: Mapped[UUID] = mapped_column(ForeignKey("invoices.id"), index=True)
    subscription_id: Mapped[UUID] = mapped_column(ForeignKey("subscriptions.id"))
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    provider: Mapped[str] = mapped_column(String(32))
    kind: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(State)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Currency)
    created_at: Mapped[datetime]
    modified_at: Mapped[datetime]
    why: Mapped[dict[str, Any]] = mapped_column(Json)
    payment_method_id: Mapped[UUID | None] = mapped_column(ForeignKey("payment_methods.id"))
    provider_ref: Mapped[str | None] = mapped_column(String(255), index=True)
    redirect_url: Mapped[str | None] = mapped_column(Text)
    expires_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    succeeded_at: Mapped[datetime | None]
    next_check_at: Mapped[datetime | None]
    checks: Mapped[int]
    review_at: Mapped[datetime | None]
    decline_kind: Mapped[str | None] = mapped_column(String(16))
    decline_code: Mapped[str | None] = mapped_column(String(64))
    note: Mapped[str | None] = mapped_column(Text)
    refunded_minor: Mapped[int] = mapped_column(BigInteger)
    reserved_minor: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (
        CheckConstraint(
            "state IN ('created', 'requires_action', 'pending', 'unknown', "
            "'succeeded', 'duplicate', 'failed', 'aborted')",
            name="state",
        ),
        CheckConstraint("kind IN ('checkout', 'charge')", name="kind"),
        CheckConstraint("amount_minor >= 0", name="amount"),
        CheckConstraint(
            "refunded_minor >= 0 AND reserved_minor >= 0 AND refunded_minor + reserved_minor <= amount_minor",
            name="refundable",
        ),
        CheckConstraint("(state = 'failed') = (decline_kind IS NOT NULL)", name="decline"),
        CheckConstraint("state IN ('created', 'aborted') OR sent_at IS NOT NULL", name="sent"),
        partial_index("uq_payments_one_open", "invoice_id", where=OPEN, unique=True),
        partial_index("uq_payments_one_succeeded", "invoice_id", where=SUCCEEDED, unique=True),
        Index("ix_payments_state_id", "state", "id"),
        Index("ix_payments_provider_id", "provider", "id"),
        partial_index("ix_payments_in_review", "id", where=IN_REVIEW),
        partial_index("ix_payments_next_check_at", "next_check_at", where=TO_CHECK),
    )


class RefundRow(Base):
    __tablename__ = "refunds"
    shape = Refund

    id: Mapped[UUID] = mapped_column(primary_key=True)
    payment_id: Mapped[UUID] = mapped_column(ForeignKey("payments.id"), index=True)
    invoice_id: Mapped[UUID] = mapped_column(ForeignKey("invoices.id"), index=True)
    subscription_id: Mapped[UUID] = mapped_column(ForeignKey("subscriptions.id"))
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    reason: Mapped[str] = mapped_column(String(24))
    state: Mapped[str] = mapped_column(State)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Currency)
    created_at: Mapped[datetime]
    modified_at: Mapped[datetime]
    offer: Mapped[str | None] = mapped_column(String(16))
    effect: Mapped[str] = mapped_column(String(16))
    comment: Mapped[str | None] = mapped_column(Text)
    accepted_at: Mapped[datetime | None]
    provider_ref: Mapped[str | None] = mapped_column(String(255), index=True)
    sent_at: Mapped[datetime | None]
    next_check_at: Mapped[datetime | None]
    checks: Mapped[int]
    note: Mapped[str | None] = mapped_column(Text)
    grounds: Mapped[str | None] = mapped_column(String(24))

    __table_args__ = (
        CheckConstraint(
            "state IN ('requested', 'rejected', 'submitted', 'pending', 'unknown', 'succeeded', 'failed')", name="state"
        ),
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("effect IN ('end_now', 'period_end', 'keep', 'take_back')", name="effect"),
        Index("ix_refunds_state_id", "state", "id"),
        Index("ix_refunds_reason_id", "reason", "id"),
        partial_index("ix_refunds_next_check_at", "next_check_at", where=TO_CHECK),
    )
