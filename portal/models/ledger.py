"""The books: postings, and what is held of each payment until it is earned or given back."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.db.base import Base, Currency, Serial, partial_index
from portal.domain.earning import Holding

ACCOUNT = String(48)


class PostingRow(Base):
    """Append-only (a trigger holds it). One sum with its debit and its credit, so that no row can be unbalanced."""

    __tablename__ = "ledger_postings"

    seq: Mapped[int] = mapped_column(Serial, primary_key=True)
    day: Mapped[date]  # in whose accounts it belongs, in the portal's zone
    at: Mapped[datetime]  # when it was written
    event: Mapped[str] = mapped_column(String(24))
    debit: Mapped[str] = mapped_column(ACCOUNT)
    credit: Mapped[str] = mapped_column(ACCOUNT)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Currency)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    subscription_id: Mapped[UUID] = mapped_column(ForeignKey("subscriptions.id"))
    invoice_id: Mapped[UUID] = mapped_column(ForeignKey("invoices.id"))
    payment_id: Mapped[UUID | None] = mapped_column(ForeignKey("payments.id"))
    refund_id: Mapped[UUID | None] = mapped_column(ForeignKey("refunds.id"))

    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("debit <> credit", name="accounts"),
        Index("ix_ledger_postings_day_seq", "day", "seq"),
        Index("ix_ledger_postings_subscription_id_seq", "subscription_id", "seq"),
    )


class HoldingRow(Base):
    __tablename__ = "ledger_holdings"
    shape = Holding

    payment_id: Mapped[UUID] = mapped_column(ForeignKey("payments.id"), primary_key=True)
    invoice_id: Mapped[UUID] = mapped_column(ForeignKey("invoices.id"))
    subscription_id: Mapped[UUID] = mapped_column(ForeignKey("subscriptions.id"))
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    provider: Mapped[str] = mapped_column(String(32))
    currency: Mapped[str] = mapped_column(Currency)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    returned_minor: Mapped[int] = mapped_column(BigInteger)
    earned_minor: Mapped[int] = mapped_column(BigInteger)
    base_minor: Mapped[int] = mapped_column(BigInteger)
    start: Mapped[datetime | None]
    end: Mapped[datetime | None]
    earned_until: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    stopped_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("returned_minor >= 0 AND returned_minor <= amount_minor", name="returned"),
        CheckConstraint("earned_minor >= 0 AND earned_minor <= amount_minor - returned_minor", name="earned"),
        CheckConstraint(
            '(start IS NULL) = ("end" IS NULL) AND (start IS NOT NULL OR earned_minor = 0) AND start <= "end"',
            name="time",
        ),
        partial_index("ix_ledger_holdings_due_at", "due_at", "payment_id", where="due_at IS NOT NULL"),
    )
