"""What the next period of a subscription costs, and as which plan, where that is not what runs now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from portal.db import rows
from portal.db.session import db
from portal.domain.money import Money
from portal.domain.moving import price_from
from portal.domain.plan import Plan, Price
from portal.domain.subscription import Subscription
from portal.models.invoice import InvoiceRow
from portal.models.plan import PlanRow, PriceRow
from portal.models.quote import ChangeQuoteRow
from portal.queries import price_moves


@dataclass(frozen=True)
class Upcoming:
    price: Money
    booked: Plan | None = None


def of(subscriptions: Sequence[Subscription]) -> dict[UUID, Upcoming]:
    """By subscription; those that go on as they are sold now are left out."""
    live = [one for one in subscriptions if one.live]
    owed = _owed([one.id for one in live])
    next_ids = _next_prices([one for one in live if one.id not in owed])
    prices = {p.id: p for p in rows.find_all(Price, PriceRow.id.in_(next_ids.values()))} if next_ids else {}
    plan_ids = {one.booked_plan_id for one in live if one.booked_plan_id}
    plans = {p.id: p for p in rows.find_all(Plan, PlanRow.id.in_(plan_ids))} if plan_ids else {}
    found = {guid: Upcoming(sum_) for guid, sum_ in owed.items()}
    for one in live:
        if one.id in next_ids:
            found[one.id] = Upcoming(prices[next_ids[one.id]].amount, _booked(one, plans))
    return found


def refundable_first(ids: Sequence[UUID], now: datetime) -> dict[UUID, tuple[UUID, datetime]]:
    """Better plans that were paid for: the invoice of the latest of each subscription, and until when it is better."""
    statement = (
        select(ChangeQuoteRow.subscription_id, ChangeQuoteRow.invoice_id, ChangeQuoteRow.until)
        .where(
            ChangeQuoteRow.subscription_id.in_(ids),
            ChangeQuoteRow.invoice_id.is_not(None),
            ChangeQuoteRow.applied_at.is_not(None),
            ChangeQuoteRow.returned_at.is_(None),
            ChangeQuoteRow.anew.is_(False),
            ChangeQuoteRow.until > now,
        )
        .order_by(ChangeQuoteRow.applied_at)
    )
    found = db.session.execute(statement)
    return {guid: (invoice_id, until) for guid, invoice_id, until in found if invoice_id is not None}


def _booked(subscription: Subscription, plans: Mapping[UUID, Plan]) -> Plan | None:
    return plans[subscription.booked_plan_id] if subscription.booked_plan_id else None


def _owed(ids: Sequence[UUID]) -> dict[UUID, Money]:
    """An invoice that waits to be paid keeps its sum."""
    columns = InvoiceRow.subscription_id, InvoiceRow.total_minor, InvoiceRow.currency
    statement = select(*columns).where(
        InvoiceRow.subscription_id.in_(ids), InvoiceRow.reason == "renewal", InvoiceRow.state == "not_paid"
    )
    return {guid: Money(minor, currency) for guid, minor, currency in db.session.execute(statement)}


def _next_prices(subscriptions: Sequence[Subscription]) -> dict[UUID, UUID]:
    """Only those that differ from what is paid now."""
    moves = price_moves.of_plans(one.plan_id for one in subscriptions)
    found = {}
    for one in subscriptions:
        start = one.runs_until or one.created_at
        price_id = one.booked_price_id or price_from(one.price_id, start, moves)
        if price_id != one.price_id:
            found[one.id] = price_id
    return found
