"""What is on sale, and at what price now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, select

from portal.db import rows
from portal.db.session import db
from portal.domain.plan import Plan, Price
from portal.models.plan import PlanRow, PriceRow


@dataclass(frozen=True)
class Offer:
    plan: Plan
    price: Price


def on_sale(currency: str, now: datetime) -> list[Offer]:
    """Every plan on sale that has a price in this currency, in the operators' order."""
    return _offers(currency, now, PlanRow.state == "on_sale")


def find(code: str, currency: str, now: datetime) -> Offer | None:
    """One plan on sale; None where it is unknown, archived or has no price in this currency."""
    found = _offers(currency, now, PlanRow.state == "on_sale", PlanRow.code == code)
    return found[0] if found else None


def plans(ids: Iterable[UUID]) -> dict[UUID, Plan]:
    """Plans by id, whatever their state."""
    return {plan.id: plan for plan in rows.find_all(Plan, PlanRow.id.in_(set(ids)))}


def _offers(currency: str, now: datetime, *where: ColumnElement[bool]) -> list[Offer]:
    newest = func.row_number().over(partition_by=PriceRow.plan_id, order_by=PriceRow.valid_from.desc()).label("newest")
    current = select(PriceRow.id, newest).where(PriceRow.currency == currency, PriceRow.valid_from <= now).subquery()
    plan, price = PlanRow.__table__, PriceRow.__table__
    statement = (
        select(plan, price)
        .join(price, price.c.plan_id == plan.c.id)
        .join(current, (current.c.id == price.c.id) & (current.c.newest == 1))
        .where(*where)
        .order_by(plan.c.position, plan.c.code)
    )
    return [
        Offer(rows.read_from(Plan, plan, found), rows.read_from(Price, price, found))
        for found in db.session.execute(statement).mappings()
    ]
