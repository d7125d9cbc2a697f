"""Buying again while money is owed: any plan of the group at its full price, and the old demand goes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.services import buy
from tests.services.month import (
    ALICE,
    DECLINES_LATER,
    HOUR,
    MINUTE,
    NO_RENEWAL,
    dates,
    days_pass,
    do,
    invoice_id,
    invoice_row,
    may_watch,
    shown,
    subscribed,
    taken,
    told,
)
from tests.services.promise import assert_kept
from tests.services.stubborn import plan_fault
from tests.world import World

MONTH = timedelta(days=31)

# Days owed, the plan bought, the new time, what Auth hears. A year counts from the old end, which is its new anchor.
BOUGHT = [
    (2, "standard", "10 Feb - 10 Mar", "renewed"),
    (2, "premium", "10 Feb - 10 Mar", "renewed"),
    (2, "premium-year", "10 Feb - 10 Feb", "renewed"),
    (9, "standard", "19 Feb - 19 Mar", "activated"),
    (9, "premium", "19 Feb - 19 Mar", "activated"),
    (9, "premium-year", "19 Feb - 19 Feb", "activated"),
]


def owing(world: World, days: int) -> None:
    subscribed(world, DECLINES_LATER)
    world.pass_time(MONTH + MINUTE)
    days_pass(world, days)


@pytest.mark.parametrize(("days", "plan", "new_time", "event"), BOUGHT)
def test_buying_again_recovers_on_any_plan_of_the_group(
    world: World, days: int, plan: str, new_time: str, event: str
) -> None:
    owing(world, days)
    old = invoice_row(world)
    subscribed(world, plan=plan)

    now = shown(world)
    assert (now["status"], now["product_id"], dates(world)[1], told(world)[-1]) == ("active", plan, new_time, event)
    assert may_watch(world)
    (after,) = world.rows("SELECT state, fail_reason FROM invoices WHERE number = :n", n=old["number"])
    assert (after["state"], after["fail_reason"]) == ("fail", "superseded")
    days_pass(world, 20)
    assert len(taken(world)) == 2
    assert_kept(world)


def test_the_next_month_is_charged_at_the_price_of_the_new_plan(world: World) -> None:
    owing(world, 2)
    subscribed(world, plan="premium")
    days_pass(world, 30)
    assert taken(world) == [29900, 49900, 49900]
    assert dates(world)[-1] == "10 Mar - 10 Apr"
    assert_kept(world)


def test_retries_rest_while_the_page_of_the_new_purchase_is_open(world: World) -> None:
    owing(world, 0)
    world.clock.at += 12 * HOUR
    started = world.buy(world.sign_in("alice"), "premium")
    world.pass_time(13 * HOUR)
    assert len(world.rows("SELECT id FROM payments WHERE kind = 'charge'")) == 1
    world.pass_time(12 * HOUR)  # the page has run out
    world.pass_time(MINUTE)
    assert len(world.rows("SELECT id FROM payments WHERE kind = 'charge'")) == 2
    world.pay(started["redirect_url"])
    world.drain()
    assert taken(world) == [29900]
    assert_kept(world)


def test_buying_waits_for_a_charge_that_may_still_succeed(world: World) -> None:
    subscribed(world)
    plan_fault(world, "pending_then_late", "charge", after=7200, outcome="failed")
    world.pass_time(MONTH + MINUTE)
    answer = world.sign_in("alice").post("/purchases", {"product_id": "standard", "product_count": 1})
    assert (answer.status_code, answer.json["error_id"]) == (409, "payment_in_progress")
    world.pass_time(3 * HOUR)
    subscribed(world, plan="premium")
    assert shown(world)["product_id"] == "premium"
    assert_kept(world)


@pytest.mark.parametrize(("days", "second_month"), [(2, "10 Feb - 10 Mar"), (9, "19 Feb - 19 Mar")])
def test_the_demand_itself_can_be_paid_on_a_page(world: World, days: int, second_month: str) -> None:
    owing(world, days)
    world.pay(do(world, buy.pay_again, ALICE, invoice_id(world)).redirect_url)
    world.drain()
    assert (shown(world)["status"], dates(world)[1]) == ("active", second_month)
    days_pass(world, 31)
    # Nobody agreed that the card of this page is kept: the agreed one is tried again, and declines again.
    assert (taken(world), shown(world)["status"]) == ([29900] * 2, "past_due")
    assert_kept(world)


def test_buying_again_without_agreeing_to_renewals_does_not_charge_the_old_card(world: World) -> None:
    owing(world, 2)
    subscribed(world, plan="premium", **NO_RENEWAL)
    days_pass(world, 60)
    assert [one["operation"] for one in world.sandbox.book.requests()].count("charge") == 2  # day 0 and day 1
    assert shown(world)["status"] == "ended"
    assert_kept(world)
