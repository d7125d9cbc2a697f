"""An order that nobody pays in time: closed at the payment system first, then with us."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.services.promise import assert_kept
from tests.services.stubborn import invoices_of, order, pay_page, plan_fault
from tests.world import World

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def test_an_order_that_nobody_paid_runs_out_with_its_page(world: World) -> None:
    started = world.buy(world.sign_in("alice"))
    world.pass_time(DAY - SECOND)
    assert invoices_of(world, "alice") == ["not_paid"]
    world.pass_time(SECOND)
    assert invoices_of(world, "alice") == ["fail"]
    assert world.sign_in("alice").get(f"/invoices/{started['invoice_guid']}").json["fail_reason"] == "expired"
    assert [one["state"] for one in world.sandbox.book.payments()] == ["failed"]
    assert world.sign_in("alice").get("/subscriptions").json == []
    pay_page(world, started["redirect_url"])
    assert world.sandbox.book.charges() == []
    assert_kept(world)


def test_after_an_order_ran_out_the_next_one_is_a_new_one(world: World) -> None:
    old = world.buy(world.sign_in("alice"))
    world.pass_time(DAY)
    world.bought("alice", "premium")
    assert invoices_of(world, "alice") == ["paid", "fail"]
    assert old["invoice_guid"] != world.sign_in("alice").get("/purchases").json[0]["invoice_guid"]
    assert_kept(world)


def test_an_order_placed_anew_in_the_moment_before_the_sweep_is_not_the_dead_one(world: World) -> None:
    old = world.buy(world.sign_in("alice"))
    world.clock.at += DAY
    new = world.buy(world.sign_in("alice"))
    assert new["invoice_guid"] != old["invoice_guid"]
    world.pay(new["redirect_url"])
    world.settle(hours=3)
    assert invoices_of(world, "alice") == ["paid", "fail"]
    assert_kept(world)


@pytest.mark.fault("W8")
def test_paid_in_the_last_second_and_never_told_is_found_when_the_page_is_closed(world: World) -> None:
    started = world.buy(world.sign_in("alice"))
    world.clock.at += DAY - SECOND
    plan_fault(world, "drop", "webhook")
    world.pay(started["redirect_url"])
    world.pass_time(SECOND)
    world.settle(hours=3)
    assert invoices_of(world, "alice") == ["paid"]
    assert world.rights("alice")["version"] == 1
    assert_kept(world)


@pytest.mark.fault("P14")
def test_the_bank_that_says_yes_days_after_the_order_ran_out_is_heard(world: World) -> None:
    plan_fault(world, "pending_then_late", "pay", after=3 * 86_400)
    world.pay(world.buy(world.sign_in("alice"))["redirect_url"])
    world.settle(hours=80)
    assert invoices_of(world, "alice") == ["paid"]
    assert_kept(world)


def test_the_bank_that_says_no_days_after_the_order_ran_out_ends_it(world: World) -> None:
    plan_fault(world, "pending_then_late", "pay", after=3 * 86_400, outcome="failed")
    world.pay(world.buy(world.sign_in("alice"))["redirect_url"])
    world.settle(hours=80)
    assert invoices_of(world, "alice") == ["fail"]
    assert world.rights("alice")["version"] == 0
    assert_kept(world)


@pytest.mark.parametrize("fault", ["timeout_before", "timeout_after", "error_after", "rate_limited", "garbage"])
def test_a_page_that_cannot_be_closed_at_once_is_closed_later(world: World, fault: str) -> None:
    world.buy(world.sign_in("alice"))
    plan_fault(world, fault, "close_checkout", times=3, hold_seconds=0)
    world.pass_time(DAY)
    world.settle(hours=2)
    assert invoices_of(world, "alice") == ["fail"]
    assert_kept(world)


def test_a_declined_order_may_be_tried_again_until_it_runs_out(world: World) -> None:
    for card in ("4000 0000 0000 0002", "4000 0000 0000 9995", "4000 0000 0000 9987"):
        answer = order(world.sign_in("alice"))
        world.pay(answer.json["redirect_url"], card=card)
        world.drain()
        world.pass_time(timedelta(hours=1))
    assert invoices_of(world, "alice") == ["not_paid"]
    assert world.count("payments") == 3
    world.pass_time(DAY)
    assert invoices_of(world, "alice") == ["fail"]
    assert_kept(world)
