"""Subscriptions and the periods they were paid for."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, String, func, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.db.base import Base, State, partial_index
from portal.domain.subscription import LIVE, Period, Subscription

NOT_OVER = "state NOT IN ('expired', 'ended')"
GIVEN = "revoked_at IS NULL"
TRIED = "trial_end IS NOT NULL"
NOT_OVER_STATES = ("pending", *sorted(LIVE))


class SubscriptionRow(Base):
    __tablename__ = "subscriptions"
    shape = Subscription

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    plan_id: Mapped[UUID] = mapped_column(ForeignKey("plans.id"))
    price_id: Mapped[UUID] = mapped_column(ForeignKey("prices.id"))
    group: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(State)
    auto_renew: Mapped[bool]
    zone: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    anchor: Mapped[datetime | None]
    steps: Mapped[int]
    paid_through: Mapped[datetime | None]
    trial_end: Mapped[datetime | None]
    payment_method_id: Mapped[UUID | None] = mapped_column(ForeignKey("payment_methods.id"))
    next_action_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    past_due_since: Mapped[datetime | None]
    declines: Mapped[int]
    method_dead: Mapped[bool]
    gateway_failures: Mapped[int]
    retry_at: Mapped[datetime | None]
    parked_at: Mapped[datetime | None]
    park_reason: Mapped[str | None] = mapped_column(String(24))
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None] = mapped_column(String(24))
    # No foreign keys: the quote that booked them is kept, and names both with keys of its own.
    booked_plan_id: Mapped[UUID | None]
    booked_price_id: Mapped[UUID | None]
    disputed_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint(
            "state IN ('pending', 'trialing', 'active', 'past_due', 'suspended', 'paused', 'expired', 'ended')",
            name="state",
        ),
        CheckConstraint(
            "state NOT IN ('active', 'past_due') OR (anchor IS NOT NULL AND paid_through IS NOT NULL)", name="paid"
        ),
        CheckConstraint("(state = 'ended') = (end_reason IS NOT NULL)", name="end_reason"),
        CheckConstraint("steps >= 0", name="steps"),
        CheckConstraint("disputed_at IS NULL OR NOT auto_renew", name="disputed"),
        # One at a time for a user in a group of plans: the one that waits for its first payment included.
        partial_index("uq_subscriptions_one_per_group", "user_id", "group", where=NOT_OVER, unique=True),
        partial_index("uq_subscriptions_one_trial_per_group", "user_id", "group", where=TRIED, unique=True),
        Index("ix_subscriptions_next_action_at", "next_action_at"),
        Index("ix_subscriptions_state_id", "state", "id"),
        Index("ix_subscriptions_plan_id_id", "plan_id", "id"),
        partial_index("ix_subscriptions_parked", "id", where="parked_at IS NOT NULL"),
    )


class PeriodRow(Base):
    __tablename__ = "periods"
    shape = Period

    id: Mapped[UUID] = mapped_column(primary_key=True)
    subscription_id: Mapped[UUID] = mapped_column(ForeignKey("subscriptions.id"))
    start: Mapped[datetime]
    end: Mapped[datetime]
    intervals: Mapped[int]
    invoice_id: Mapped[UUID | None] = mapped_column(ForeignKey("invoices.id"), unique=True)
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    act_id: Mapped[UUID | None] = mapped_column(ForeignKey("activity.id"), unique=True)  # of the grant

    __table_args__ = (
        CheckConstraint('start < "end"', name="order"),
        CheckConstraint("(invoice_id IS NULL) <> (act_id IS NULL)", name="paid_or_granted"),
        partial_index("uq_periods_one_per_start", "subscription_id", "start", where=GIVEN, unique=True),
        # On SQLite a trigger does this (db/engines.py).
        ExcludeConstraint(
            (Column("subscription_id"), "="),
            (func.tstzrange(Column("start"), Column("end")), "&&"),
            name="ex_periods_overlap",
            using="gist",
            where=text(GIVEN),
        ).ddl_if(dialect="postgresql"),
    )
