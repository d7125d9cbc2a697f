"""Time that an operator gives: a period of its own, renewal at its end, and nobody's money."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from portal.domain.errors import AlreadyDone, InvalidRequest, NotFound, NotGrantable
from portal.domain.money import Money
from portal.services import cancel, refund
from portal.services.grant import grant
from tests.services.desk import assert_kept as money_and_story_hold
from tests.services.desk import entry, given_back, or_refused, press, refused
from tests.services.month import (
    ALICE,
    DAY,
    DECLINES_LATER,
    HOUR,
    MINUTE,
    NO_RENEWAL,
    dates,
    days_pass,
    do,
    may_watch,
    periods,
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

MONTH = 31 * DAY
RUB = "RUB"


def give(world: World, days: int = 10) -> None:
    do(world, grant, press("goodwill"), subscription_id(world), days)
    world.drain()


def offered(world: World, invoice: UUID) -> dict[str, int]:
    return {o.kind: o.amount.minor for o in do(world, refund.offers_of, ALICE, invoice)}


def test_granted_days_follow_the_paid_time_and_renewal_follows_them(world: World) -> None:
    subscribed(world)
    give(world)
    assert dates(world) == ["10 Jan - 10 Feb", "10 Feb - 20 Feb"]
    assert (shown(world)["next"]["at"], told(world)) == ("2027-02-20T09:00:00Z", ["activated", "renewed"])

    world.pass_time(MONTH + HOUR)
    assert (taken(world), may_watch(world)) == ([29900], True)
    world.pass_time(10 * DAY)
    world.pass_time(28 * DAY)

    assert dates(world) == ["10 Jan - 10 Feb", "10 Feb - 20 Feb", "20 Feb - 20 Mar", "20 Mar - 20 Apr"]
    ends = [end for _, end in periods(world)]
    assert ends[:-1] == [start for start, _ in periods(world)][1:]
    assert taken(world) == [29900] * 3
    assert_kept(world)


def test_the_log_and_the_period_name_each_other(world: World) -> None:
    subscribed(world)
    give(world)
    said = entry(world)
    period = world.one("SELECT act_id, invoice_id, intervals FROM periods WHERE invoice_id IS NULL")
    assert (uuid_of(period["act_id"]), period["intervals"]) == (uuid_of(said["id"]), 0)
    assert (said["act"], said["kind"], said["reason"]) == ("subscription.grant", "subscription", "goodwill")
    assert said["before"]["paid_through"].startswith("2027-02-10T09:00")
    assert said["after"] == {"days": 10, "paid_through": said["after"]["paid_through"]}
    assert said["after"]["paid_through"].startswith("2027-02-20T09:00")
    moved = world.one("SELECT actor, event FROM history WHERE event = 'granted'")
    assert moved["actor"] == "operator:olga"


def test_its_customer_reads_of_it(world: World) -> None:
    subscribed(world)
    give(world)
    page = world.browser("alice").get("/cabinet/history").text
    assert "Time added by our support: Standard, paid until 20 February 2027." in page


def test_days_are_days_of_the_customers_calendar(world: World) -> None:
    """Where clocks change in between, the hour stays."""
    world.write("UPDATE users SET zone = 'Europe/Berlin'")
    subscribed(world)
    world.write("UPDATE subscriptions SET zone = 'Europe/Berlin'")
    give(world, 60)
    assert shown(world)["next"]["at"] == "2027-04-11T08:00:00Z"


def test_grants_add_up_and_a_purchase_after_them_starts_at_their_end(world: World) -> None:
    subscribed(world)
    give(world, 10)
    give(world, 5)
    world.clock.at += HOUR
    subscribed(world)
    assert dates(world) == ["10 Jan - 10 Feb", "10 Feb - 20 Feb", "20 Feb - 25 Feb", "25 Feb - 25 Mar"]
    assert_kept(world)


def test_without_renewal_access_ends_with_the_granted_time(world: World) -> None:
    subscribed(world, **NO_RENEWAL)
    give(world)
    world.pass_time(MONTH + 9 * DAY)
    assert may_watch(world)
    world.pass_time(DAY)
    assert (shown(world)["status"], may_watch(world), taken(world)) == ("ended", False, [29900])
    assert_kept(world)


@pytest.mark.parametrize("days", [0, -1, 367, 1.5, True])
def test_only_a_number_of_days_up_to_a_leap_year_is_granted(world: World, days: Any) -> None:
    subscribed(world)
    error = refused(world, grant, press(), subscription_id(world), days)
    assert (type(error), error.facts) == (InvalidRequest, {"field": "days"})


def test_a_whole_leap_year_may_be_granted(world: World) -> None:
    subscribed(world)
    give(world, 366)
    assert shown(world)["next"]["at"] == "2028-02-11T09:00:00Z"


def test_only_a_running_subscription_is_extended(world: World) -> None:
    assert type(refused(world, grant, press(), uuid4(), 10)) is NotFound
    world.buy(world.sign_in("boris"))
    pending = uuid_of(world.one("SELECT id FROM subscriptions")["id"])
    assert type(refused(world, grant, press(), pending, 10)) is NotGrantable
    subscribed(world, DECLINES_LATER)
    mine = subscription_id(world)
    world.clock.at += MINUTE
    for days, status in ((31, "past_due"), (8, "suspended"), (8, "ended")):
        days_pass(world, days)
        assert shown(world)["status"] == status
        assert type(refused(world, grant, press(), mine, 10)) is NotGrantable


def test_nothing_is_granted_while_a_renewal_is_being_charged(world: World) -> None:
    subscribed(world)
    plan_fault(world, "timeout_after", "charge", hold_seconds=0)
    world.clock.at += MONTH
    world.run_jobs()
    assert type(refused(world, grant, press(), subscription_id(world), 10)) is NotGrantable
    world.settle(hours=2)
    give(world)
    assert dates(world) == ["10 Jan - 10 Feb", "10 Feb - 10 Mar", "10 Mar - 20 Mar"]
    assert_kept(world)


def test_a_renewal_that_could_not_be_charged_waits_for_the_end_of_the_granted_time(world: World) -> None:
    subscribed(world)
    plan_fault(world, "rate_limited", "charge", times=3)
    world.pass_time(MONTH)
    assert shown(world)["status"] == "active"
    give(world)
    assert [row["fail_reason"] for row in world.rows("SELECT fail_reason FROM invoices WHERE state = 'fail'")] == [
        "superseded"
    ]
    world.pass_time(9 * DAY)
    assert taken(world) == [29900]
    for _ in range(8):
        world.pass_time(6 * HOUR)
    assert (taken(world), dates(world)[-1]) == ([29900, 29900], "20 Feb - 20 Mar")
    assert_kept(world)


def test_what_was_bought_last_is_refunded_first_and_granted_time_was_not_bought(world: World) -> None:
    invoice = subscribed(world)
    give(world)
    world.pass_time(2 * DAY)
    assert offered(world, invoice) == {"unused": 27971, "full": 29900}
    do(world, refund.request, ALICE, invoice, Money(27971, RUB), None)
    world.drain()
    assert (given_back(world), shown(world)["status"], may_watch(world)) == ([27971], "ended", False)
    money_and_story_hold(world)


def test_in_the_granted_time_nothing_that_was_bought_is_left(world: World) -> None:
    invoice = subscribed(world)
    give(world, 20)
    world.pass_time(MONTH + DAY)
    assert offered(world, invoice) == {}


@pytest.mark.parametrize("granted", [False, True])
def test_a_grant_changes_nothing_in_what_three_months_are_worth(world: World, granted: bool) -> None:
    """From 31 January, so that months reckoned from anything but the anchor would be others."""
    world.clock.at += 21 * DAY
    invoice = subscribed(world, count=3)
    if granted:
        give(world)
    world.pass_time(28 * DAY + 10 * DAY)  # 10 March: 21 of the 31 days from 28 February are left, and a month
    assert offered(world, invoice) == {"unused": 29900 + 20255}


def test_time_bought_ahead_is_not_taken_out_from_before_granted_time(world: World) -> None:
    subscribed(world)
    world.clock.at += HOUR
    ahead = subscribed(world)
    assert offered(world, ahead) == {"unused": 29900}
    give(world)
    assert offered(world, ahead) == {}


def test_nothing_is_granted_behind_time_that_is_being_taken_back(world: World) -> None:
    subscribed(world)
    world.clock.at += HOUR
    ahead = subscribed(world)
    plan_fault(world, "timeout_before", "refund", hold_seconds=0)
    do(world, refund.request, ALICE, ahead, Money(29900, RUB), None)
    assert type(refused(world, grant, press(), subscription_id(world), 10)) is NotGrantable
    for _ in range(3):
        world.pass_time(HOUR)
    give(world)
    assert dates(world) == ["10 Jan - 10 Feb", "10 Feb - 20 Feb"]
    money_and_story_hold(world)


def test_the_same_form_grants_once_and_two_forms_grant_twice(world: World) -> None:
    subscribed(world)
    mine, form = subscription_id(world), press()
    answers = at_once(
        *[or_refused(world, grant, form, mine, 10)] * 3, or_refused(world, grant, press(operator="pavel"), mine, 5)
    )
    assert sorted(type(answer).__name__ for answer in answers) == ["AlreadyDone"] * 2 + ["NoneType"] * 2
    assert type(refused(world, grant, form, mine, 10)) is AlreadyDone
    world.drain()
    assert periods(world)[-1][1] - periods(world)[0][1] == timedelta(days=15)
    assert_kept(world)


def test_a_cancelled_subscription_stays_cancelled_with_more_time(world: World) -> None:
    subscribed(world)
    do(world, cancel.cancel, ALICE, subscription_id(world), "period_end")
    give(world)
    assert shown(world)["auto_renew"] is False
    days_pass(world, 42)
    assert (shown(world)["status"], taken(world)) == ("ended", [29900])
    assert_kept(world)
