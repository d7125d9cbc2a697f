"""Quotes of plan changes, and prices that operators moved subscribers to."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.db.base import Base, Currency, Json, partial_index
from portal.domain.moving import PriceMove
from portal.domain.quote import ChangeQuote

NEVER_USED = "used_at IS NULL"


class ChangeQuoteRow(Base):
    """One that was used is kept: it says what a change came to, and brings the old plan back with the money."""

    __tablename__ = "change_quotes"
    shape = ChangeQuote

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    subscription_id: Mapped[UUID] = mapped_column(ForeignKey("subscriptions.id"), index=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    from_plan_id: Mapped[UUID] = mapped_column(ForeignKey("plans.id"))
    from_price_id: Mapped[UUID] = mapped_column(ForeignKey("prices.id"))
    plan_id: Mapped[UUID] = mapped_column(ForeignKey("plans.id"))
    price_id: Mapped[UUID] = mapped_column(ForeignKey("prices.id"))
    moment: Mapped[str] = mapped_column(String(16))
    anew: Mapped[bool]
    gross_minor: Mapped[int] = mapped_column(BigInteger)
    credit_minor: Mapped[int] = mapped_column(BigInteger)
    waived_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Currency)
    left: Mapped[str] = mapped_column(String(120))
    carried: Mapped[dict[str, Any]] = mapped_column(Json)
    until: Mapped[datetime]
    then_at: Mapped[datetime]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    invoice_id: Mapped[UUID | None] = mapped_column(ForeignKey("invoices.id"), unique=True)
    applied_at: Mapped[datetime | None]
    returned_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("moment IN ('now', 'period_end')", name="moment"),
        CheckConstraint(
            "credit_minor >= 0 AND waived_minor >= 0 AND gross_minor >= credit_minor + waived_minor", name="sums"
        ),
        CheckConstraint("used_at IS NOT NULL OR (invoice_id IS NULL AND applied_at IS NULL)", name="used"),
        CheckConstraint("applied_at IS NOT NULL OR returned_at IS NULL", name="returned"),
        partial_index("ix_change_quotes_never_used", "expires_at", where=NEVER_USED),
    )


class PriceMoveRow(Base):
    """Whoever pays one price pays the other in periods that start at `starts_at` or later."""

    __tablename__ = "price_moves"
    shape = PriceMove

    id: Mapped[UUID] = mapped_column(primary_key=True)  # of the operator's act
    plan_id: Mapped[UUID] = mapped_column(ForeignKey("plans.id"), index=True)
    from_price_id: Mapped[UUID] = mapped_column(ForeignKey("prices.id"))
    to_price_id: Mapped[UUID] = mapped_column(ForeignKey("prices.id"))
    starts_at: Mapped[datetime]
    created_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("from_price_id <> to_price_id", name="other"),
        UniqueConstraint("from_price_id", "starts_at"),
    )
