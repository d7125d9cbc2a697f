"""Plans and their prices."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.db.base import Base, Currency, Json, State, Tuple
from portal.domain.plan import Plan, Price


class PlanRow(Base):
    __tablename__ = "plans"
    shape = Plan

    id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(64), unique=True)
    group: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(State)
    names: Mapped[dict[str, Any]] = mapped_column(Json)
    descriptions: Mapped[dict[str, Any]] = mapped_column(Json)
    features: Mapped[tuple[str, ...]] = mapped_column(Tuple)
    interval: Mapped[str] = mapped_column(String(8))
    interval_count: Mapped[int]
    trial_days: Mapped[int]
    position: Mapped[int]
    created_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("state IN ('draft', 'on_sale', 'archived')", name="state"),
        CheckConstraint("\"interval\" IN ('day', 'week', 'month', 'year')", name="interval"),
        CheckConstraint("interval_count BETWEEN 1 AND 36", name="interval_count"),
        CheckConstraint("trial_days BETWEEN 0 AND 90", name="trial_days"),
        Index("ix_plans_state_position", "state", "position"),
    )


class PriceRow(Base):
    """Never changed (a trigger holds it): the price of a plan from a date on."""

    __tablename__ = "prices"
    shape = Price

    id: Mapped[UUID] = mapped_column(primary_key=True)
    plan_id: Mapped[UUID] = mapped_column(ForeignKey("plans.id"))
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Currency)
    valid_from: Mapped[datetime]
    created_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount"),
        UniqueConstraint("plan_id", "currency", "valid_from"),
    )
