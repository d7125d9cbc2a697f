"""Plans as operators see them: every price there ever was, and how many pay which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, func, select

from portal.db import rows
from portal.db.session import db
from portal.domain.moving import PriceMove
from portal.domain.plan import Plan, Price
from portal.domain.subscription import LIVE
from portal.models.invoice import InvoiceRow
from portal.models.plan import PlanRow, PriceRow
from portal.models.quote import ChangeQuoteRow
from portal.models.subscription import SubscriptionRow
from portal.queries import price_moves


@dataclass(frozen=True)
class PlanLine:
    plan: Plan
    prices: Sequence[Price]  # valid now, one a currency


@dataclass(frozen=True)
class PlanDetail:
    plan: Plan
    prices: Sequence[Price]  # newest first
    now: frozenset[UUID]  # those that a purchase is made at
    paying: Mapping[UUID, int]  # live subscriptions by price
    sold: bool  # to anybody, ever
    moves: Sequence[PriceMove] = ()  # of its prices, in the order in which they take effect


def listed(now: datetime) -> list[PlanLine]:
    """All of them, in the order of the shop; two statements."""
    plans = rows.find_all(Plan, order=[PlanRow.position, PlanRow.code])
    prices = rows.find_all(Price, order=[PriceRow.currency, PriceRow.valid_from])
    return [PlanLine(plan, _valid([p for p in prices if p.plan_id == plan.id], now)) for plan in plans]


def detail(plan_id: UUID, now: datetime) -> PlanDetail | None:
    plan = rows.find(Plan, PlanRow.id == plan_id)
    if plan is None:
        return None
    prices = rows.find_all(
        Price, PriceRow.plan_id == plan_id, order=[PriceRow.valid_from.desc(), PriceRow.currency, PriceRow.id]
    )
    now_sold = frozenset(p.id for p in _valid(prices, now))
    return PlanDetail(plan, prices, now_sold, _paying(plan_id), sold(plan_id), price_moves.of_plans([plan_id]))


def of_price(price_id: UUID, now: datetime) -> PlanDetail | None:
    """The plan that a price is of."""
    price = rows.find(Price, PriceRow.id == price_id)
    return detail(price.plan_id, now) if price else None


def sold(plan_id: UUID) -> bool:
    subscribed = exists().where(SubscriptionRow.plan_id == plan_id)
    billed = exists().where(InvoiceRow.plan_id == plan_id)
    wanted = exists().where(ChangeQuoteRow.plan_id == plan_id)  # somebody may have booked it, or is about to
    return bool(db.session.scalar(select(subscribed | billed | wanted)))


def names() -> Mapping[UUID, Plan]:
    """For lists that show or filter by plan."""
    return {plan.id: plan for plan in rows.find_all(Plan, order=[PlanRow.position, PlanRow.code])}


def _valid(prices: Sequence[Price], now: datetime) -> list[Price]:
    """The newest price of each currency that has begun."""
    newest: dict[str, Price] = {}
    for price in sorted(prices, key=lambda p: p.valid_from):
        if price.valid_from <= now:
            newest[price.currency] = price
    return [newest[currency] for currency in sorted(newest)]


def _paying(plan_id: UUID) -> Mapping[UUID, int]:
    statement = (
        select(SubscriptionRow.price_id, func.count())
        .where(SubscriptionRow.plan_id == plan_id, SubscriptionRow.state.in_(LIVE))
        .group_by(SubscriptionRow.price_id)
    )
    return dict(db.session.execute(statement).all())
