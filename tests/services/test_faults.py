"""Each fault of the sandbox's plan on a first payment: what the customer, the book and Auth are left with."""

from __future__ import annotations

import pytest

from portal.demo.sandbox.faults import MOVING, PLAN, TAKING
from tests.services.promise import assert_kept
from tests.services.stubborn import insist, invoices_of, order, pay_page, plan_fault
from tests.world import World

STORED_500 = "error_before"  # repeated for a day: a refund that met it is in test_outages.py
ON_FIRST_PAYMENT = [
    pytest.param(operation, fault, id=f"{operation}-{fault}")
    for operation in ("start_checkout", "find", "pay", "webhook")
    for fault, (_, operations) in PLAN.items()
    if operation in operations and fault != "wrong_amount"
]


@pytest.mark.fault("P1", "P2", "P3", "P15", "W8")
@pytest.mark.parametrize(("operation", "fault"), ON_FIRST_PAYMENT)
def test_a_first_payment_survives_one_fault(world: World, operation: str, fault: str) -> None:
    plan_fault(world, fault, operation, hold_seconds=0)

    insist(world, "alice")
    world.settle(hours=1)

    assert invoices_of(world, "alice") == ["paid"]
    assert world.rights("alice")["version"] == 1
    assert_kept(world)


@pytest.mark.fault("P3")
@pytest.mark.parametrize("fault", ["timeout_after", "error_after", "error_before", "garbage", "rate_limited"])
def test_a_provider_that_is_broken_for_ten_minutes_takes_the_money_once(world: World, fault: str) -> None:
    plan_fault(world, fault, "start_checkout", times=3, hold_seconds=0)
    plan_fault(world, fault, "find", times=6, hold_seconds=0)

    insist(world, "alice", tries=12)
    world.settle(hours=1)

    assert invoices_of(world, "alice") == ["paid"]
    assert_kept(world)


@pytest.mark.fault("P16")
def test_a_wrong_sum_gives_no_rights_and_is_not_asked_for_again(world: World) -> None:
    alice = world.sign_in("alice")
    plan_fault(world, "wrong_amount", "pay")
    pay_page(world, world.buy(alice)["redirect_url"])
    world.drain()

    assert order(alice).status_code == 409
    assert order(alice, count=2).status_code == 409
    assert order(alice, "premium").json["error_id"] == "payment_in_progress"
    world.settle(hours=3)

    assert world.rights("alice")["version"] == 0
    assert world.count("periods") == 0
    assert len(world.sandbox.book.charges()) == 1
    (payment,) = world.rows("SELECT state, review_at FROM payments")
    assert payment["review_at"] is not None
    assert world.one("SELECT parked_at FROM subscriptions")["parked_at"] is not None
    assert_kept(world)


@pytest.mark.fault("C2")
@pytest.mark.parametrize("fault", [name for name, (_, where) in PLAN.items() if "close_checkout" in where])
def test_a_superseded_page_ends_closed_whatever_the_first_try_to_close_it_met(world: World, fault: str) -> None:
    alice = world.sign_in("alice")
    old = world.buy(alice)
    plan_fault(world, fault, "close_checkout", hold_seconds=0)
    new = world.buy(alice, count=2)

    pay_page(world, new["redirect_url"])
    world.settle(hours=1)
    pay_page(world, old["redirect_url"])
    world.settle(hours=1)

    assert [one["state"] for one in world.sandbox.book.payments()] == ["failed", "succeeded"]
    assert world.count("periods") == 1
    assert_kept(world)


@pytest.mark.fault("C2")
@pytest.mark.parametrize("fault", [name for name, (_, on) in PLAN.items() if "refund" in on and name != STORED_500])
def test_a_late_payment_goes_back_once_whatever_its_refund_meets(world: World, fault: str) -> None:
    alice = world.sign_in("alice")
    old = world.buy(alice)
    plan_fault(world, "timeout_before", "close_checkout", hold_seconds=0)
    new = world.buy(alice, count=2)
    pay_page(world, new["redirect_url"])
    world.drain()
    plan_fault(world, fault, "refund", hold_seconds=0)
    pay_page(world, old["redirect_url"])
    world.settle(hours=1)

    (refund,) = world.rows("SELECT state, reason FROM refunds")
    assert refund["reason"] == "late"
    given_back = [one["amount"] for one in world.sandbox.book.refunds() if one["state"] == "succeeded"]
    if fault in ("decline", "comes_back"):  # an operator's task, and nothing is claimed that is not so
        assert (refund["state"], given_back) == ("failed", [])
        return
    assert (refund["state"], given_back) == ("succeeded", [29900])
    assert_kept(world)


def test_every_kind_of_fault_that_can_meet_a_purchase_is_tried() -> None:
    tried = {(p.values[0], p.values[1]) for p in ON_FIRST_PAYMENT}
    of_refunds = {fault for fault, (_, operations) in PLAN.items() if operations == {"refund"}}
    assert {fault for _, fault in tried} | {"wrong_amount"} | of_refunds == set(PLAN)
    assert {"refund"} == MOVING - TAKING
