"""People, the methods they pay with, and what they agreed to."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.db.base import Base, State, partial_index
from portal.domain.consent import Consent
from portal.domain.method import PaymentMethod
from portal.domain.setup import MethodSetup
from portal.domain.user import User


class UserRow(Base):
    __tablename__ = "users"
    shape = User

    id: Mapped[str] = mapped_column(String(255), primary_key=True)
    email: Mapped[str | None] = mapped_column(String(320), index=True)
    locale: Mapped[str] = mapped_column(String(8))
    zone: Mapped[str | None] = mapped_column(String(64))
    first_subscribed_at: Mapped[datetime | None]
    entitlements_version: Mapped[int]
    tokens_from_version: Mapped[int]
    created_at: Mapped[datetime]
    chosen_locale: Mapped[str | None] = mapped_column(String(8))
    erased_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("tokens_from_version <= entitlements_version", name="versions"),
        Index("ix_users_first_subscribed_at_id", "first_subscribed_at", "id"),
        partial_index("ix_users_erased_at", "erased_at", where="erased_at IS NOT NULL"),
    )


class PaymentMethodRow(Base):
    __tablename__ = "payment_methods"
    shape = PaymentMethod

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    provider: Mapped[str] = mapped_column(String(32))
    customer_ref: Mapped[str] = mapped_column(String(255), index=True)
    method_ref: Mapped[str] = mapped_column(String(255))
    kind: Mapped[str] = mapped_column(String(16))
    title: Mapped[str] = mapped_column(String(120))
    expires: Mapped[str | None] = mapped_column(String(7))
    created_at: Mapped[datetime]
    dead_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]
    detached_at: Mapped[datetime | None]

    __table_args__ = (UniqueConstraint("provider", "method_ref"),)


class ConsentRow(Base):
    """Append-only (a trigger holds it), but that erasing a person takes the address and the browser out."""

    __tablename__ = "consents"
    shape = Consent

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    kind: Mapped[str] = mapped_column(String(24))
    given: Mapped[bool]
    text_version: Mapped[str] = mapped_column(String(24))
    source: Mapped[str] = mapped_column(String(16))
    at: Mapped[datetime]
    locale: Mapped[str] = mapped_column(String(8))
    address: Mapped[str | None] = mapped_column(String(64))
    user_agent: Mapped[str | None] = mapped_column(String(300))
    invoice_id: Mapped[UUID | None] = mapped_column(ForeignKey("invoices.id"))
    payment_method_id: Mapped[UUID | None] = mapped_column(ForeignKey("payment_methods.id"))

    __table_args__ = (CheckConstraint("kind IN ('terms', 'personal_data', 'renewal')", name="kind"),)


class MethodSetupRow(Base):
    __tablename__ = "method_setups"
    shape = MethodSetup

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    provider: Mapped[str] = mapped_column(String(32))
    state: Mapped[str] = mapped_column(State)
    created_at: Mapped[datetime]
    modified_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    next_check_at: Mapped[datetime | None]
    checks: Mapped[int]
    redirect_url: Mapped[str | None] = mapped_column(Text)
    payment_method_id: Mapped[UUID | None] = mapped_column(ForeignKey("payment_methods.id"))
    decline_code: Mapped[str | None] = mapped_column(String(64))

    __table_args__ = (
        CheckConstraint("state IN ('created', 'unknown', 'requires_action', 'succeeded', 'failed')", name="state"),
        partial_index("ix_method_setups_next_check_at", "next_check_at", where="next_check_at IS NOT NULL"),
        partial_index(
            "uq_method_setups_one_open",
            "user_id",
            where="state IN ('created', 'unknown', 'requires_action')",
            unique=True,
        ),
    )
