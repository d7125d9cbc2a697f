"""Operators move the subscribers of one price to another, from a date on."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from portal import runtime
from portal.db import rows
from portal.db.session import atomic
from portal.domain import moving
from portal.domain.act import Act
from portal.domain.errors import NotFound
from portal.domain.plan import Plan, Price
from portal.models.plan import PlanRow, PriceRow
from portal.queries import price_moves
from portal.services import activity


def move_price(act: Act, plan_id: UUID, from_id: UUID, to_id: UUID, starts_at: datetime) -> None:
    """Periods that start then or later cost the other price; open invoices and booked changes keep theirs.

    Raises NotFound, AlreadyDone, InvalidRequest, PriceExists.
    """
    now = runtime.clock.now()
    with atomic():
        if rows.find(Plan, PlanRow.id == plan_id, lock=True) is None:
            raise NotFound(f"no plan {plan_id}")
        activity.refuse_repeat(act)
        old, new = _price(plan_id, from_id), _price(plan_id, to_id)
        made = moving.move(act.id, old, new, starts_at, price_moves.of_plans([plan_id]), now)
        rows.add(made)
        activity.log(
            act,
            "plan.move_price",
            "plan",
            plan_id,
            before={"price_id": old.id, "amount_minor": old.amount_minor, "currency": old.currency},
            after={"price_id": new.id, "amount_minor": new.amount_minor, "starts_at": made.starts_at},
        )


def _price(plan_id: UUID, price_id: UUID) -> Price:
    price = rows.find(Price, PriceRow.id == price_id, PriceRow.plan_id == plan_id)
    if price is None:
        raise NotFound(f"no price {price_id} of plan {plan_id}")
    return price
