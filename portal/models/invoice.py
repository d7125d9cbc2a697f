"""Invoices, their frozen lines and their numbers."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.db.base import Base, Currency, Json, State, partial_index
from portal.domain.invoice import Invoice, InvoiceLine

NOT_FAILED = "state <> 'fail'"
OPEN_PURCHASE = "state = 'not_paid' AND reason = 'purchase'"
OPEN_CHANGE = "state = 'not_paid' AND reason = 'plan_change'"


class InvoiceRow(Base):
    __tablename__ = "invoices"
    shape = Invoice

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(24), unique=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    subscription_id: Mapped[UUID] = mapped_column(ForeignKey("subscriptions.id"))
    plan_id: Mapped[UUID] = mapped_column(ForeignKey("plans.id"))
    price_id: Mapped[UUID] = mapped_column(ForeignKey("prices.id"))
    reason: Mapped[str] = mapped_column(String(16))
    due_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(State)
    count: Mapped[int]
    total_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Currency)
    provider: Mapped[str] = mapped_column(String(32))
    renews: Mapped[bool]
    expires_at: Mapped[datetime]
    created_at: Mapped[datetime]
    modified_at: Mapped[datetime]
    fail_reason: Mapped[str | None] = mapped_column(String(16))
    paid_at: Mapped[datetime | None]
    return_url: Mapped[str | None] = mapped_column(Text)
    trial_days: Mapped[int | None]

    __table_args__ = (
        CheckConstraint("state IN ('not_paid', 'paid', 'fail')", name="state"),
        CheckConstraint("reason IN ('purchase', 'renewal', 'plan_change')", name="reason"),
        CheckConstraint("(state = 'fail') = (fail_reason IS NOT NULL)", name="fail_reason"),
        CheckConstraint("(state = 'paid') = (paid_at IS NOT NULL)", name="paid_at"),
        CheckConstraint("total_minor >= 0", name="total"),
        CheckConstraint('"count" BETWEEN 1 AND 12', name="count"),
        partial_index(
            "uq_invoices_one_per_due_moment", "subscription_id", "reason", "due_at", where=NOT_FAILED, unique=True
        ),
        partial_index("uq_invoices_one_open_purchase", "subscription_id", where=OPEN_PURCHASE, unique=True),
        partial_index("uq_invoices_one_open_change", "subscription_id", where=OPEN_CHANGE, unique=True),
        Index("ix_invoices_user_id_created_at_id", "user_id", "created_at", "id"),
        Index("ix_invoices_state_id", "state", "id"),
        Index("ix_invoices_reason_id", "reason", "id"),
        Index("ix_invoices_plan_id_id", "plan_id", "id"),
        partial_index("ix_invoices_expires_at", "expires_at", where="state = 'not_paid'"),
    )


class InvoiceLineRow(Base):
    __tablename__ = "invoice_lines"
    shape = InvoiceLine

    id: Mapped[UUID] = mapped_column(primary_key=True)
    invoice_id: Mapped[UUID] = mapped_column(ForeignKey("invoices.id"))
    position: Mapped[int]
    names: Mapped[dict[str, Any]] = mapped_column(Json)
    descriptions: Mapped[dict[str, Any]] = mapped_column(Json)
    unit_minor: Mapped[int] = mapped_column(BigInteger)
    count: Mapped[int]
    discount_minor: Mapped[int] = mapped_column(BigInteger)
    tax_rate: Mapped[str] = mapped_column(String(8))
    total_minor: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (
        UniqueConstraint("invoice_id", "position"),
        CheckConstraint('total_minor = unit_minor * "count" - discount_minor', name="total"),
    )


class InvoiceNumberRow(Base):
    """The last number given in a year. Locked while an invoice is issued, so that no number is missing or double."""

    __tablename__ = "invoice_numbers"

    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int]
