"""What the next period is sold as: a plan that was booked, a price that operators moved."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from portal.domain.errors import InvalidRequest, NotChangeable, NotFound, PriceExists
from portal.domain.money import Money
from portal.services import cancel, change_plan, plans
from portal.services.change_plan import Changed
from portal.services.move_price import move_price
from tests.services import desk
from tests.services.changes import BORIS, RUB, look, plan_of, refusal, take, watches
from tests.services.month import (
    ALICE,
    DAY,
    DECLINES_LATER,
    HOUR,
    NO_RENEWAL,
    dates,
    days_pass,
    do,
    invoice_row,
    save_card,
    shown,
    subscribed,
    subscription_id,
    taken,
    told,
)
from tests.services.promise import uuid_of
from tests.world import World


def test_a_cheaper_plan_begins_with_the_next_period(world: World) -> None:
    subscribed(world, plan="premium")
    world.pass_time(10 * DAY)
    seen = look(world, "standard")
    assert (seen.quote.moment, seen.quote.today.minor) == ("period_end", 0)
    assert take(world, seen) == Changed(None, None)
    assert (plan_of(world), told(world)) == ("premium", ["activated"])
    assert shown(world)["next"]["price"] == {"amount": 299.0, "currency": RUB}
    days_pass(world, 22)
    assert (plan_of(world), watches(world), taken(world)) == ("standard", ["standard"], [49900, 29900])
    assert told(world) == ["activated", "renewed"]
    assert dates(world)[-1] == "10 Feb - 10 Mar"
    days_pass(world, 30)
    assert taken(world) == [49900, 29900, 29900]
    desk.assert_kept(world)


def test_a_booked_change_can_be_called_off(world: World) -> None:
    subscribed(world, plan="premium")
    take(world, look(world, "standard"))
    do(world, change_plan.unbook, ALICE, subscription_id(world))
    do(world, change_plan.unbook, ALICE, subscription_id(world))
    assert isinstance(refusal(world, change_plan.unbook, BORIS, subscription_id(world)), NotFound)
    days_pass(world, 32)
    assert (plan_of(world), taken(world)) == ("premium", [49900, 49900])


def test_cancelling_drops_what_was_booked(world: World) -> None:
    subscribed(world, plan="premium")
    take(world, look(world, "standard"))
    guid = subscription_id(world)
    do(world, cancel.cancel, ALICE, guid, "period_end")
    do(world, cancel.resume, ALICE, guid)
    days_pass(world, 32)
    assert (plan_of(world), taken(world)) == ("premium", [49900, 49900])


def test_what_does_not_renew_is_followed_by_nothing(world: World) -> None:
    subscribed(world, plan="premium", **NO_RENEWAL)
    guid = subscription_id(world)
    assert isinstance(refusal(world, change_plan.preview, ALICE, guid, "standard"), NotChangeable)


def test_a_booked_change_that_is_declined_is_collected_as_booked(world: World) -> None:
    subscribed(world, DECLINES_LATER, plan="premium")
    take(world, look(world, "standard"))
    days_pass(world, 32)
    assert (shown(world)["status"], plan_of(world)) == ("past_due", "premium")
    guid = subscription_id(world)
    assert isinstance(refusal(world, change_plan.preview, ALICE, guid, "premium-year"), NotChangeable)
    assert invoice_row(world)["total_minor"] == 29900


def test_more_credit_than_the_price_waits_for_the_end(world: World) -> None:
    subscribed(world, plan="premium-year")
    seen = look(world, "premium")
    assert (seen.quote.moment, seen.quote.anew, seen.quote.today.minor) == ("period_end", False, 0)
    take(world, seen)
    assert shown(world)["next"]["at"] == "2028-01-10T09:00:00Z"
    world.pass_time(366 * DAY)
    assert (plan_of(world), dates(world)[-1]) == ("premium", "10 Jan - 10 Feb")
    desk.assert_kept(world)


# Prices that operators move subscribers to


def price_ids(world: World, plan: str = "standard") -> tuple[UUID, UUID]:
    found = world.rows(
        "SELECT p.id, p.plan_id FROM prices p JOIN plans l ON l.id = p.plan_id WHERE l.code = :c", c=plan
    )
    return uuid_of(found[0]["plan_id"]), uuid_of(found[0]["id"])


def dearer(world: World, minor: int = 34900, plan: str = "standard") -> tuple[UUID, UUID, UUID]:
    """A new price of a plan; answers the plan, the old price and the new one."""
    plan_id, old = price_ids(world, plan)
    return plan_id, old, do(world, plans.add_price, desk.press(), plan_id, Money(minor, RUB), world.clock.at)


def move(world: World, prices: tuple[UUID, UUID, UUID], at: datetime, **more: Any) -> None:
    plan_id, old, new = prices
    do(world, move_price, desk.press(**more), plan_id, old, new, at)


@pytest.mark.fault("S8")
def test_periods_that_start_on_the_day_or_later_cost_the_new_price(world: World) -> None:
    subscribed(world)
    prices = dearer(world)
    move(world, prices, world.clock.at + 31 * DAY)
    assert shown(world)["next"]["price"] == {"amount": 349.0, "currency": RUB}
    days_pass(world, 32)
    assert taken(world) == [29900, 34900]
    days_pass(world, 30)
    assert taken(world) == [29900, 34900, 34900]
    row = world.one("SELECT price_id FROM subscriptions")
    assert uuid_of(row["price_id"]) == prices[2]
    said = next(one for one in desk.entries(world) if one["act"] == "plan.move_price")
    assert (said["kind"], said["after"]["amount_minor"], said["operator"]) == ("plan", 34900, "olga")
    desk.assert_kept(world)


def test_a_period_that_starts_before_the_day_keeps_its_price(world: World) -> None:
    subscribed(world)
    move(world, dearer(world), world.clock.at + 31 * DAY + HOUR)
    assert shown(world)["next"]["price"] == {"amount": 299.0, "currency": RUB}
    days_pass(world, 32)
    assert (taken(world), shown(world)["next"]["price"]["amount"]) == ([29900, 29900], 349.0)


@pytest.mark.fault("S8")
def test_an_open_invoice_keeps_its_price(world: World) -> None:
    subscribed(world, DECLINES_LATER)
    days_pass(world, 32)
    assert shown(world)["status"] == "past_due"
    move(world, dearer(world), world.clock.at)
    assert shown(world)["next"]["price"] == {"amount": 299.0, "currency": RUB}
    save_card(world)
    days_pass(world, 1)
    assert (taken(world), shown(world)["status"]) == ([29900, 29900], "active")
    days_pass(world, 30)
    assert taken(world) == [29900, 29900, 34900]
    desk.assert_kept(world)


def test_a_booked_change_keeps_its_price(world: World) -> None:
    subscribed(world, plan="premium")
    take(world, look(world, "standard"))
    move(world, dearer(world), world.clock.at + DAY)
    days_pass(world, 32)
    assert taken(world) == [49900, 29900]
    days_pass(world, 30)
    assert taken(world) == [49900, 29900, 34900]


def test_what_cannot_be_moved_is_refused(world: World, subtests: pytest.Subtests) -> None:
    plan_id, old, new = dearer(world)
    other = price_ids(world, "premium")[1]
    now = world.clock.at
    move(world, (plan_id, old, new), now + DAY)
    cases = {
        "to itself": ((plan_id, old, old, now + DAY), InvalidRequest),
        "to another plan's": ((plan_id, old, other, now + DAY), NotFound),
        "into the past": ((plan_id, old, new, now - HOUR), InvalidRequest),
        "twice for one moment": ((plan_id, old, new, now + DAY), PriceExists),
        "in a circle": ((plan_id, new, old, now + 2 * DAY), InvalidRequest),
        "of no plan": ((UUID(int=1), old, new, now + DAY), NotFound),
    }
    for what, (given, kind) in cases.items():
        with subtests.test(what):
            assert isinstance(desk.refused(world, move_price, desk.press(), *given), kind)
