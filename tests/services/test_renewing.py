"""A month passes: the calendar of renewals, and a charge whose outcome is not known at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from portal.services import renew
from tests.services.month import (
    DAY,
    HOUR,
    MINUTE,
    dates,
    days_pass,
    invoice_row,
    may_watch,
    periods,
    shown,
    subscribed,
    taken,
    told,
)
from tests.services.promise import assert_kept
from tests.services.stubborn import forget_faults, plan_fault
from tests.world import World

MONTH = timedelta(days=31)


def pass_to(world: World, at: datetime) -> None:
    world.pass_time(at - world.clock.at)


def test_a_month_later_the_subscription_is_renewed_once_and_the_periods_touch(world: World) -> None:
    subscribed(world)

    world.pass_time(32 * DAY)

    (first, second) = periods(world)
    assert first[1] == second[0]
    assert taken(world) == [29900, 29900]
    assert world.rights("alice")["version"] == 2
    world.run_jobs()
    assert taken(world) == [29900, 29900]
    assert_kept(world)


@pytest.mark.fault("S7")
def test_the_last_day_of_january_renews_on_the_last_days_of_the_months(world: World) -> None:
    world.clock.at = datetime(2028, 1, 31, 10, 0, tzinfo=UTC)
    subscribed(world)
    for month, day in ((2, 29), (3, 31), (4, 30)):
        due = datetime(2028, month, day, 10, 0, tzinfo=UTC)
        assert shown(world)["next"]["at"] == f"2028-{month:02}-{day:02}T10:00:00Z"
        pass_to(world, due - timedelta(seconds=1))
        before = len(taken(world))
        pass_to(world, due)
        assert len(taken(world)) == before + 1
    assert shown(world)["current_period"] == {"from": "2028-04-30T10:00:00Z", "to": "2028-05-31T10:00:00Z"}
    assert_kept(world)


def test_three_months_bought_on_the_last_day_of_january_end_in_april_and_go_on_to_may(world: World) -> None:
    world.clock.at = datetime(2028, 1, 31, 10, 0, tzinfo=UTC)
    subscribed(world, count=3)
    assert shown(world)["current_period"] == {"from": "2028-01-31T10:00:00Z", "to": "2028-04-30T10:00:00Z"}
    pass_to(world, datetime(2028, 4, 30, 10, 0, tzinfo=UTC))
    assert shown(world)["current_period"] == {"from": "2028-04-30T10:00:00Z", "to": "2028-05-31T10:00:00Z"}
    assert taken(world) == [89700, 29900]
    assert_kept(world)


LOST_ON_THE_WAY = ("timeout_after", "reset_after", "garbage", "truncated", "error_after")
NEVER_ARRIVED = ("timeout_before", "reset_before")


@pytest.mark.parametrize("fault", [*LOST_ON_THE_WAY, *NEVER_ARRIVED])
def test_a_renewal_with_a_lost_answer_is_found_or_sent_again_with_its_key(world: World, fault: str) -> None:
    subscribed(world)
    plan_fault(world, fault, "charge", hold_seconds=0)
    world.clock.at += MONTH
    world.run_jobs()
    assert world.one("SELECT state FROM payments WHERE kind = 'charge'")["state"] == "unknown"

    world.settle(hours=2)

    assert (shown(world)["status"], dates(world)[1]) == ("active", "10 Feb - 10 Mar")
    assert taken(world) == [29900, 29900]
    keys = {request["key"] for request in world.sandbox.book.requests() if request["operation"] == "charge"}
    assert len(keys) == 1
    assert_kept(world)


def test_a_renewal_answered_by_a_500_for_as_long_as_its_key_lives_is_tried_anew_after_that(world: World) -> None:
    """The provider repeats its answer to that key; nothing was done, and days later that is certain."""
    subscribed(world)
    plan_fault(world, "error_before", "charge")
    world.clock.at += MONTH
    world.run_jobs()

    for _ in range(6 * 24):
        world.pass_time(HOUR)

    assert (shown(world)["status"], dates(world)[1]) == ("active", "10 Feb - 10 Mar")
    assert taken(world) == [29900, 29900]
    assert_kept(world)


def test_nothing_is_decided_while_nobody_can_tell_what_became_of_a_charge(world: World) -> None:
    subscribed(world)
    plan_fault(world, "timeout_after", "charge", hold_seconds=0)
    plan_fault(world, "timeout_before", "find", times=1000, hold_seconds=0)
    world.clock.at += MONTH
    for _ in range(12):
        world.pass_time(DAY)
    row = world.one("SELECT state, parked_at FROM subscriptions")
    assert row["state"] == "active"
    assert row["parked_at"] is not None
    forget_faults(world)
    assert taken(world) == [29900, 29900]


def test_an_earlier_renewal_of_a_poisoned_customer_does_not_hold_back_the_others(world: World) -> None:
    """A method of a payment system that is switched off: its owner waits, everybody else is renewed."""
    subscribed(world)
    world.bought("boris")
    world.write("UPDATE payment_methods SET provider = 'gone' WHERE user_id = 'alice'")
    world.pass_time(MONTH)
    held = {
        row["user_id"] for row in world.rows("SELECT user_id FROM invoices WHERE reason = 'renewal' AND state = 'paid'")
    }
    assert held == {"boris"}


def test_a_run_meets_everything_that_is_due_once_however_many_chunks_it_takes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of them stays due whatever is done: the run still ends."""
    monkeypatch.setattr(renew, "CHUNK", 2)
    people = ("alice", "boris", "clara", "viewer", "support")
    for login in people:
        world.bought(login)
    world.write("UPDATE subscriptions SET next_action_at = created_at WHERE user_id = 'clara'")
    world.clock.at += 32 * DAY
    with world.app.app_context():
        assert renew.run_once() == len(people)
    world.drain()
    assert sorted(taken(world)) == [29900] * 2 * len(people)


def test_two_groups_renew_beside_each_other(world: World) -> None:
    subscribed(world)
    subscribed(world, plan="sport")
    world.pass_time(MONTH)
    assert sorted(taken(world)) == [24900, 24900, 29900, 29900]
    assert [one["status"] for one in world.sign_in("alice").get("/subscriptions").json] == ["active", "active"]
    assert told(world) == ["activated", "activated", "renewed", "renewed"]
    assert world.rights("alice")["version"] == 4
    assert_kept(world)


def test_prolonging_while_a_renewal_was_not_reached_leaves_no_old_demand(world: World) -> None:
    subscribed(world)
    plan_fault(world, "rate_limited", "charge", times=3)
    world.pass_time(MONTH + MINUTE)
    assert invoice_row(world)["state"] == "not_paid"
    subscribed(world)
    assert dates(world) == ["10 Jan - 10 Feb", "10 Feb - 10 Mar"]
    assert (invoice_row(world)["state"], invoice_row(world)["fail_reason"]) == ("fail", "superseded")
    days_pass(world, 10)
    assert taken(world) == [29900, 29900]
    assert may_watch(world)
    assert_kept(world)
