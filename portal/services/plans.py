"""Operators make plans, price them, put them on sale and take them off again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete as delete_from
from sqlalchemy.exc import IntegrityError

from portal import runtime
from portal.db import rows
from portal.db.session import atomic, db
from portal.domain import planning
from portal.domain.act import Act
from portal.domain.errors import CodeTaken, NotFound, PriceExists
from portal.domain.money import Money
from portal.domain.plan import Plan, Price
from portal.domain.planning import PlanDraft
from portal.models.plan import PlanRow, PriceRow
from portal.models.quote import PriceMoveRow
from portal.queries.office.plans import sold
from portal.services import activity


def create(act: Act, draft: PlanDraft) -> UUID:
    """A draft, which nobody can buy yet. Raises AlreadyDone, InvalidRequest, CodeTaken."""
    plan = planning.plan(draft, runtime.clock.now())
    with atomic():
        activity.refuse_repeat(act)
        if not rows.add_or_nothing(PlanRow.__table__, rows.values_of(plan)):
            activity.refuse_repeat(act)  # no row was there to be locked: the same form may have come in between
            raise CodeTaken(f"{plan.code!r} is taken", field="code")
        _log(act, "plan.create", plan.id, {}, asdict(draft))
    return plan.id


def edit(act: Act, plan_id: UUID, draft: PlanDraft) -> None:
    """Raises NotFound, AlreadyDone, InvalidRequest, CodeTaken; PlanSold for more than words and position."""
    try:
        with atomic():
            plan = _locked(act, plan_id)
            changed = planning.edit(plan, draft, sold(plan_id))
            if changed:
                rows.put(plan, changed)
            _log(act, "plan.edit", plan_id, {name: getattr(plan, name) for name in changed}, changed)
    except IntegrityError:
        raise CodeTaken(f"{draft.code!r} is taken", field="code") from None


def add_price(act: Act, plan_id: UUID, amount: Money, valid_from: datetime) -> UUID:
    """What the plan costs from a moment on; who bought it before keeps the price they bought it at.

    Raises NotFound, AlreadyDone, InvalidAmount, InvalidRequest, PriceExists.
    """
    price = planning.price(plan_id, amount, valid_from, runtime.clock.now())
    with atomic():
        _locked(act, plan_id)
        if not rows.add_or_nothing(PriceRow.__table__, rows.values_of(price)):
            raise PriceExists(f"a price in {price.currency} from {price.valid_from.isoformat()} is there already")
        after = {"amount_minor": price.amount_minor, "currency": price.currency, "valid_from": price.valid_from}
        _log(act, "plan.price", plan_id, {}, after)
    return price.id


def put_on_sale(act: Act, plan_id: UUID) -> None:
    """Raises NotFound, AlreadyDone, PlanNotSellable."""
    with atomic():
        plan = _locked(act, plan_id)
        prices = rows.find_all(Price, PriceRow.plan_id == plan_id)
        planning.refuse_unpriced(prices, runtime.policy.currency, runtime.clock.now())
        _become(act, "plan.sell", plan, "on_sale")


def archive(act: Act, plan_id: UUID) -> None:
    """Nobody buys it any more; who has it keeps it and renews. Raises NotFound, AlreadyDone."""
    with atomic():
        _become(act, "plan.archive", _locked(act, plan_id), "archived")


def delete(act: Act, plan_id: UUID) -> None:
    """With its prices. Raises NotFound, AlreadyDone, PlanSold."""
    with atomic():
        plan = _locked(act, plan_id)
        planning.refuse_sold(sold(plan_id))
        db.session.execute(delete_from(PriceMoveRow).where(PriceMoveRow.plan_id == plan_id))
        db.session.execute(delete_from(PriceRow).where(PriceRow.plan_id == plan_id))
        db.session.execute(delete_from(PlanRow).where(PlanRow.id == plan_id))
        _log(act, "plan.delete", plan_id, {"code": plan.code, "state": plan.state, "names": plan.names}, {})


def _locked(act: Act, plan_id: UUID) -> Plan:
    """The plan, which nobody buys for the first time until commit (standing.hold_plan)."""
    plan = rows.find(Plan, PlanRow.id == plan_id, lock=True)
    activity.refuse_repeat(act)
    if plan is None:
        raise NotFound(f"no plan {plan_id}")
    return plan


def _become(act: Act, what: str, plan: Plan, state: str) -> None:
    rows.put(plan, {"state": state})
    _log(act, what, plan.id, {"state": plan.state}, {"state": state})


def _log(act: Act, what: str, plan_id: UUID, before: Mapping[str, object], after: Mapping[str, object]) -> None:
    activity.log(act, what, "plan", plan_id, before=before, after=after)
