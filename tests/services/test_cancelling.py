"""Cancelling in every state, twice, in time and too late; resuming."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from portal.domain.errors import AlreadyEnded, MethodRequired, NotFound, NotResumable
from portal.domain.user import Person
from portal.services import cancel, collect, methods, renew
from tests.services.month import (
    ALICE,
    DECLINES_LATER,
    MINUTE,
    NO_RENEWAL,
    dates,
    days_pass,
    do,
    invoice_row,
    may_watch,
    shown,
    subscribed,
    subscription_id,
    taken,
    told,
)
from tests.services.promise import assert_kept, uuid_of
from tests.services.stubborn import plan_fault
from tests.services.together import at_once
from tests.world import World

MONTH = timedelta(days=31)


def stop(world: World, when: str) -> None:
    do(world, cancel.cancel, ALICE, subscription_id(world), when)
    world.drain()


def resume(world: World) -> None:
    do(world, cancel.resume, ALICE, subscription_id(world))
    world.drain()


def active(world: World) -> None:
    subscribed(world)


def past_due(world: World) -> None:
    subscribed(world, DECLINES_LATER)
    world.pass_time(MONTH + MINUTE)


def suspended(world: World) -> None:
    past_due(world)
    days_pass(world, 8)


BEFORE = {"active": active, "past_due": past_due, "suspended": suspended}


@pytest.mark.parametrize("when", ["now", "period_end"])
@pytest.mark.parametrize("state", list(BEFORE))
def test_cancelling_works_in_every_living_state_and_stops_all_charges(world: World, state: str, when: str) -> None:
    BEFORE[state](world)
    assert shown(world)["status"] == state
    charges, events = len(world.sandbox.book.payments()), len(told(world))

    stop(world, when)
    stop(world, when)

    goes_on = state == "active" and when == "period_end"
    assert shown(world)["status"] == ("active" if goes_on else "ended")
    assert may_watch(world) is goes_on
    assert told(world)[events:] == ["cancelled" if goes_on else "deactivated"]
    if state != "active":
        assert (invoice_row(world)["state"], invoice_row(world)["fail_reason"]) == ("fail", "cancelled")
    days_pass(world, 40)
    assert len(world.sandbox.book.payments()) == charges
    assert shown(world)["status"] == "ended"
    assert world.one("SELECT end_reason FROM subscriptions")["end_reason"] == "cancelled"
    assert_kept(world)


def test_cancelled_at_the_end_then_now_ends_now(world: World) -> None:
    subscribed(world)
    stop(world, "period_end")
    stop(world, "now")
    stop(world, "period_end")
    assert (shown(world)["status"], told(world)) == ("ended", ["activated", "cancelled", "deactivated"])
    assert_kept(world)


def test_access_goes_on_to_the_end_of_the_paid_time_and_not_into_grace(world: World) -> None:
    subscribed(world)
    stop(world, "period_end")
    world.pass_time(MONTH - MINUTE)
    assert may_watch(world)
    world.pass_time(2 * MINUTE)
    assert (shown(world)["status"], may_watch(world)) == ("ended", False)
    assert taken(world) == [29900]


def test_resuming_in_time_renews_as_if_nothing_had_been(world: World) -> None:
    subscribed(world)
    resume(world)
    stop(world, "period_end")
    resume(world)
    resume(world)
    assert told(world) == ["activated", "cancelled", "resumed"]
    world.pass_time(MONTH)
    assert dates(world) == ["10 Jan - 10 Feb", "10 Feb - 10 Mar"]
    assert_kept(world)


@pytest.mark.parametrize("state", ["past_due", "suspended", "ended"])
def test_only_what_runs_can_be_resumed(world: World, state: str) -> None:
    BEFORE.get(state, active)(world)
    if state == "ended":
        stop(world, "now")
    before = world.counts()
    with pytest.raises(NotResumable):
        resume(world)
    assert world.counts() == before


def test_resuming_needs_a_method(world: World) -> None:
    subscribed(world, **NO_RENEWAL)
    with pytest.raises(MethodRequired):
        resume(world)
    subscribed(world, plan="sport")
    sport = [one for one in world.sign_in("alice").get("/subscriptions").json if one["product_id"] == "sport"]
    do(world, methods.remove, ALICE, uuid_of(world.one("SELECT id FROM payment_methods")["id"]))
    with pytest.raises(MethodRequired):
        do(world, cancel.resume, ALICE, uuid_of(sport[0]["subscription_id"]))


def test_foreign_and_unknown_subscriptions_are_not_found_and_pending_ones_never_began(world: World) -> None:
    subscribed(world)
    mine = subscription_id(world)
    for person, which in ((Person("boris"), mine), (ALICE, uuid4())):
        with pytest.raises(NotFound):
            do(world, cancel.cancel, person, which, "now")
        with pytest.raises(NotFound):
            do(world, cancel.resume, person, which)
    world.buy(world.sign_in("boris"))
    (pending,) = world.sign_in("boris").get("/subscriptions").json
    with pytest.raises(AlreadyEnded):
        do(world, cancel.cancel, Person("boris"), uuid_of(pending["subscription_id"]), "now")


@pytest.mark.fault("C6")
@pytest.mark.parametrize("when", ["now", "period_end"])
def test_a_cancel_between_the_decision_and_the_charge_wins(world: World, when: str) -> None:
    subscribed(world)
    world.clock.at += MONTH
    decided, _ = do(world, lambda: renew._decide_chunk(None, 100))
    stop(world, when)
    do(world, collect.charge, decided[0].payment_id)
    assert [one["operation"] for one in world.sandbox.book.requests()].count("charge") == 0
    assert [row["state"] for row in world.rows("SELECT state FROM payments WHERE kind = 'charge'")] == ["aborted"]
    days_pass(world, 2)
    assert (shown(world)["status"], taken(world)) == ("ended", [29900])
    assert_kept(world)


@pytest.mark.fault("C6")
@pytest.mark.parametrize("fault", ["timeout_after", "timeout_before"])
@pytest.mark.parametrize("when", ["now", "period_end"])
def test_a_charge_that_was_on_its_way_when_the_customer_cancelled_goes_back(
    world: World, when: str, fault: str
) -> None:
    subscribed(world)
    plan_fault(world, fault, "charge", hold_seconds=0)
    world.clock.at += MONTH
    world.run_jobs()
    stop(world, when)
    world.settle(hours=4)
    days_pass(world, 3)

    back = [(one["amount"], one["state"]) for one in world.sandbox.book.refunds()]
    assert back == ([(29900, "succeeded")] if fault == "timeout_after" else [])
    assert shown(world)["status"] == "ended"
    assert dates(world) == ["10 Jan - 10 Feb"]
    assert_kept(world)


def test_a_cancelled_and_resumed_one_with_a_charge_under_way_pays_one_month(world: World) -> None:
    subscribed(world)
    plan_fault(world, "timeout_after", "charge", hold_seconds=0)
    world.clock.at += MONTH
    world.run_jobs()
    stop(world, "period_end")
    resume(world)
    world.settle(hours=4)
    assert (shown(world)["status"], dates(world)[1]) == ("active", "10 Feb - 10 Mar")
    assert_kept(world)


@pytest.mark.fault("C6")
@pytest.mark.parametrize("when", ["now", "period_end"])
def test_a_cancel_that_races_the_renewal_leaves_no_second_month_paid_unless_it_was_first(
    world: World, when: str
) -> None:
    subscribed(world)
    mine = subscription_id(world)
    world.clock.at += MONTH
    at_once(lambda: do(world, renew.run_once), lambda: do(world, cancel.cancel, ALICE, mine, when))
    world.drain()
    world.settle(hours=1)

    paid = [row["state"] for row in world.rows("SELECT state FROM invoices")].count("paid")
    assert len(dates(world)) == paid
    if paid == 1:
        assert shown(world)["status"] == "ended"
    assert_kept(world)
