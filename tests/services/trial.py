"""A plan that can be tried: what tests of trials do again and again."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from portal.domain.user import Person
from portal.services import buy
from tests.services.month import AGREED, ALICE, do
from tests.services.promise import moment_of
from tests.world import GOOD_CARD, World

DAYS = 7


def tried(world: World, card: str = GOOD_CARD, plan: str = "standard", days: int = DAYS) -> UUID:
    """Alice saves a card for a trial; answers her invoice."""
    with_trial(world, plan, days)
    started = world.buy(world.sign_in("alice"), plan)
    world.pay(started["redirect_url"], card)
    world.drain()
    return UUID(started["invoice_guid"])


def with_trial(world: World, plan: str = "standard", days: int = DAYS) -> None:
    """As an operator sets it before anybody has bought the plan."""
    assert world.write("UPDATE plans SET trial_days = :days WHERE code = :plan", days=days, plan=plan) == 1


def order(world: World, person: Person = ALICE, plan: str = "standard", **more: Any) -> buy.Bought:
    return do(world, buy.buy, person, buy.BuyRequest(plan, 1, AGREED, **more))


def row(world: World) -> dict[str, Any]:
    """The newest subscription."""
    found = world.rows("SELECT * FROM subscriptions ORDER BY created_at DESC, id DESC")[0]
    moments = ("anchor", "trial_end", "paid_through", "next_action_at", "started_at", "past_due_since", "ended_at")
    return found | {name: moment_of(found[name]) if found[name] else None for name in moments}
