"""Stories of money that everybody asks about first, told from the provider's book and what Auth believes.

Told elsewhere: a stored 500 (test_renewing: ...answered_by_a_500_for_as_long_as_its_key_lives..., test_outages for a
refund), two groups at
once (test_races: plans_of_two_groups..., test_renewing: two_groups_renew_beside_each_other), five days of silence
(test_unknown).
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.domain.ids import new_id
from portal.services import cancel, methods
from tests.services import desk
from tests.services.month import (
    ALICE,
    DAY,
    HOUR,
    MINUTE,
    dates,
    days_pass,
    do,
    may_watch,
    shown,
    subscribed,
    subscription_id,
    taken,
    told,
)
from tests.services.promise import assert_kept, uuid_of
from tests.services.stubborn import plan_fault
from tests.world import World

MONTH = timedelta(days=31)


def renewal(world: World, fault: str, **more: object) -> None:
    """The second month is due, and its charge meets a fault."""
    subscribed(world)
    plan_fault(world, fault, "charge", **({"hold_seconds": 0} | more))
    world.clock.at += MONTH
    world.run_jobs()


def charge_keys(world: World) -> list[str]:
    return [one["key"] for one in world.sandbox.book.requests() if one["operation"] == "charge"]


def given_back(world: World) -> list[int]:
    return [one["amount"] for one in world.sandbox.book.refunds() if one["state"] == "succeeded"]


@pytest.mark.fault("P1")
def test_a_timeout_after_the_charge_is_found_a_minute_later(world: World) -> None:
    renewal(world, "timeout_after")
    plan_fault(world, "drop", "webhook", times=5)
    world.pass_time(MINUTE)
    assert (dates(world)[1], taken(world)) == ("10 Feb - 10 Mar", [29900, 29900])
    assert len(charge_keys(world)) == 1
    assert_kept(world)


@pytest.mark.fault("P2")
def test_a_timeout_before_the_charge_is_sent_again_once_and_charged_once(world: World) -> None:
    renewal(world, "timeout_before")
    assert taken(world) == [29900]
    world.settle(hours=2)
    assert (dates(world)[1], taken(world)) == ("10 Feb - 10 Mar", [29900, 29900])
    assert len(charge_keys(world)) == 2
    assert len(set(charge_keys(world))) == 1
    assert_kept(world)


@pytest.mark.fault("P5")
def test_what_was_unknown_for_25_hours_is_never_sent_again(world: World) -> None:
    renewal(world, "timeout_before")
    plan_fault(world, "timeout_before", "find", times=3, hold_seconds=0)  # silence for as long as the key lives
    world.clock.at += 25 * HOUR
    before = charge_keys(world)
    for _ in range(4):
        world.pass_time(DAY)
    keys = charge_keys(world)
    assert keys[: len(before)] == before
    assert keys.count(before[0]) == 1, "the old key was sent again although the payment system had forgotten it"
    assert taken(world) == [29900]
    for _ in range(3):
        world.pass_time(DAY)  # proven absent by then: the next try has a key of its own
    assert taken(world) == [29900, 29900]
    assert_kept(world)


@pytest.mark.parametrize("when", ["now", "period_end"])
def test_cancelled_while_nobody_knew_whether_the_month_was_paid(world: World, when: str) -> None:
    """Cancelling is obeyed at once; the money that turns up for what is over goes back by itself."""
    renewal(world, "timeout_after")
    plan_fault(world, "drop", "webhook", times=5)
    do(world, cancel.cancel, ALICE, subscription_id(world), when)
    world.settle(hours=2)
    days_pass(world, 2)
    assert (taken(world), given_back(world)) == ([29900, 29900], [29900])
    assert shown(world)["status"] == "ended"
    assert_kept(world)


def test_a_card_removed_while_nobody_knew_is_not_charged_again(world: World) -> None:
    renewal(world, "timeout_before")
    card = uuid_of(world.one("SELECT id FROM payment_methods")["id"])
    do(world, methods.remove, ALICE, card)
    days_pass(world, 40)
    assert taken(world) == [29900]
    assert len(charge_keys(world)) == 1
    assert shown(world)["status"] == "ended"
    assert not may_watch(world)
    assert_kept(world)


@pytest.mark.fault("P14")
def test_money_that_comes_two_days_after_the_suspension_opens_the_film_again(world: World) -> None:
    """No fall happens while a charge is open, so that this is money after a no: the bank changed its mind."""
    subscribed(world)
    plan_fault(world, "decline", "charge", times=4, code="insufficient_funds")
    world.pass_time(MONTH + MINUTE)
    days_pass(world, 9)
    assert (shown(world)["status"], may_watch(world)) == ("suspended", False)
    days_pass(world, 1)
    assert (shown(world)["status"], dates(world)[1]) == ("active", "20 Feb - 20 Mar")
    assert told(world)[-1] == "activated"
    assert may_watch(world)
    assert_kept(world)


@pytest.mark.fault("P14")
def test_money_that_comes_after_the_end_goes_back_by_itself(world: World) -> None:
    renewal(world, "pending_then_late", after=5 * 86_400)
    do(world, cancel.cancel, ALICE, subscription_id(world), "now")
    world.drain()
    assert shown(world)["status"] == "ended"
    days_pass(world, 6)
    assert (taken(world), given_back(world)) == ([29900, 29900], [29900])
    assert shown(world)["status"] == "ended"
    assert not may_watch(world)
    assert_kept(world)


def test_three_months_for_900_are_worth_600_after_one(world: World) -> None:
    world.write(
        "INSERT INTO prices (id, plan_id, amount_minor, currency, valid_from, created_at) "
        "SELECT :id, id, 30000, 'RUB', :at, :at FROM plans WHERE code = 'standard'",
        id=new_id(world.clock.now()).hex,
        at=world.clock.now() if world.settings.database.startswith("postgresql") else "2027-01-10 09:00:00.000000",
    )
    invoice = subscribed(world, count=3)
    assert taken(world) == [90000]
    world.pass_time(MONTH)
    price = {"amount": 600, "currency": "RUB"}
    answer = world.sign_in("alice").post("/refunds", {"invoice_guid": str(invoice), "price": price})
    world.drain()
    assert (answer.status_code, given_back(world), shown(world)["status"]) == (200, [60000], "ended")
    desk.assert_kept(world)
