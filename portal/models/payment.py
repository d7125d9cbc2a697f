"""Payments, refunds and disputes. The indexes below, not our code, forbid a second charge."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.db.base import Base, Currency, Json, State, partial_index
from portal.domain.dispute import Dispute
from portal.domain.payment import Payment
from portal.domain.refund import Refund

OPEN = "state IN ('created', 'requires_action', 'pending', 'unknown')"
SUCCEEDED = "state = 'succeeded'"
TO_CHECK = "next_check_at IS NOT NULL"
IN_REVIEW = "review_at IS NOT NULL"
IMPORTED = "reason = 'provider'"  # made at the payment system, past us
DISPUTED = "state = 'open'"


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
    absent_at: Mapped[datetime | None]
    decline_kind: Mapped[str | None] = mapped_column(String(16))
    decline_code: Mapped[str | None] = mapped_column(String(64))
    note: Mapped[str | None] = mapped_column(Text)
    refunded_minor: Mapped[int] = mapped_column(BigInteger)
    reserved_minor: Mapped[int] = mapped_column(BigInteger)
    disputed_minor: Mapped[int] = mapped_column(BigInteger)
    disputed_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint(
            "state IN ('created', 'requires_action', 'pending', 'unknown', "
            "'succeeded', 'duplicate', 'failed', 'aborted')",
            name="state",
        ),
        CheckConstraint("kind IN ('checkout', 'charge')", name="kind"),
        CheckConstraint("amount_minor >= 0", name="amount"),
        CheckConstraint(
            "refunded_minor >= 0 AND reserved_minor >= 0 AND disputed_minor >= 0 "
            "AND refunded_minor + reserved_minor + disputed_minor <= amount_minor",
            name="refundable",
        ),
        CheckConstraint("disputed_minor = 0 OR disputed_at IS NOT NULL", name="disputed"),
        CheckConstraint("(state = 'failed') = (decline_kind IS NOT NULL)", name="decline"),
        CheckConstraint("state IN ('created', 'aborted') OR sent_at IS NOT NULL", name="sent"),
        partial_index("uq_payments_one_open", "invoice_id", where=OPEN, unique=True),
        partial_index("uq_payments_one_succeeded", "invoice_id", where=SUCCEEDED, unique=True),
        Index("ix_payments_state_id", "state", "id"),
        Index("ix_payments_provider_id", "provider", "id"),
        partial_index("ix_payments_in_review", "id", where=IN_REVIEW),
        Index("ix_payments_subscription_id_sent_at", "subscription_id", "sent_at"),
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
    review_at: Mapped[datetime | None]
    absent_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint(
            "state IN ('requested', 'rejected', 'submitted', 'pending', 'unknown', 'succeeded', 'failed')", name="state"
        ),
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("effect IN ('end_now', 'period_end', 'keep', 'take_back', 'old_plan')", name="effect"),
        Index("ix_refunds_state_id", "state", "id"),
        Index("ix_refunds_reason_id", "reason", "id"),
        partial_index("uq_refunds_one_import", "payment_id", "provider_ref", where=IMPORTED, unique=True),
        partial_index("ix_refunds_in_review", "id", where=IN_REVIEW),
        partial_index("ix_refunds_next_check_at", "next_check_at", where=TO_CHECK),
    )


class DisputeRow(Base):
    __tablename__ = "disputes"
    shape = Dispute

    id: Mapped[UUID] = mapped_column(primary_key=True)
    payment_id: Mapped[UUID] = mapped_column(ForeignKey("payments.id"), index=True)
    invoice_id: Mapped[UUID] = mapped_column(ForeignKey("invoices.id"), index=True)
    subscription_id: Mapped[UUID] = mapped_column(ForeignKey("subscriptions.id"))
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    provider: Mapped[str] = mapped_column(String(32))
    provider_ref: Mapped[str] = mapped_column(String(255))
    state: Mapped[str] = mapped_column(State)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    counted_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Currency)
    opened_at: Mapped[datetime]
    created_at: Mapped[datetime]
    modified_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    next_check_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("state IN ('open', 'won', 'lost')", name="state"),
        CheckConstraint("amount_minor > 0 AND counted_minor BETWEEN 0 AND amount_minor", name="amount"),
        CheckConstraint("(state = 'open') = (decided_at IS NULL)", name="decided_at"),
        UniqueConstraint("provider", "provider_ref"),
        Index("ix_disputes_state_id", "state", "id"),
        Index("ix_disputes_provider_ref", "provider_ref"),
        partial_index("ix_disputes_open_of_subscription", "subscription_id", where=DISPUTED),
        partial_index("ix_disputes_next_check_at", "next_check_at", where=TO_CHECK),
    )
