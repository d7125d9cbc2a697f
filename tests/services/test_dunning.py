"""The story of a month that was not paid: each day of it, and each moment at which it is paid after all."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.services import buy
from tests.services.month import (
    ALICE,
    ASKS_LATER,
    DECLINES_LATER,
    HOUR,
    MINUTE,
    dates,
    days_pass,
    do,
    invoice_id,
    invoice_row,
    may_watch,
    save_card,
    shown,
    subscribed,
    taken,
    told,
)
from tests.services.promise import assert_kept, moment_of
from tests.services.stubborn import forget_faults, plan_fault
from tests.world import GOOD_CARD, World, path_of

MONTH = timedelta(days=31)
LOST_CARD = "4000 0000 0000 9987"

# Day, state, charges tried so far, whether the film opens, what Auth was told last. Access ends on day 7.
STORY = [
    (0, "past_due", 1, True, "past_due"),
    (1, "past_due", 2, True, "past_due"),
    (2, "past_due", 2, True, "past_due"),
    (3, "past_due", 3, True, "past_due"),
    (6, "past_due", 4, True, "past_due"),
    (7, "suspended", 4, False, "deactivated"),
    (9, "suspended", 4, False, "deactivated"),
    (10, "suspended", 5, False, "deactivated"),
    (13, "suspended", 6, False, "deactivated"),
    (14, "ended", 6, False, "deactivated"),
    (40, "ended", 6, False, "deactivated"),
]


def renewal_day(world: World) -> None:
    """Just after the moment at which the second month was due; the standing clock began in January."""
    world.pass_time(MONTH + MINUTE)


@pytest.mark.fault("P10")
def test_the_dunning_story_day_by_day(world: World) -> None:
    subscribed(world, DECLINES_LATER)
    renewal_day(world)
    day = 0
    for at, state, charges, opens, last in STORY:
        days_pass(world, at - day)
        day = at
        now = shown(world)
        tries = len(world.rows("SELECT id FROM payments WHERE kind = 'charge'"))
        assert (at, now["status"], tries, may_watch(world), told(world)[-1]) == (at, state, charges, opens, last)
        assert (now["access_until"] is not None) is opens
    assert told(world) == ["activated", "past_due", "deactivated", "deactivated"]
    assert (invoice_row(world)["state"], invoice_row(world)["fail_reason"]) == ("fail", "declined")
    assert taken(world) == [29900]
    assert_kept(world)


# The day on which another card pays; the state it is found in; the second month then; what Auth hears.
RECOVERIES = [
    (0, "past_due", "10 Feb - 10 Mar", "renewed"),
    (3, "past_due", "10 Feb - 10 Mar", "renewed"),
    (6, "past_due", "10 Feb - 10 Mar", "renewed"),
    (7, "suspended", "17 Feb - 17 Mar", "activated"),
    (10, "suspended", "20 Feb - 20 Mar", "activated"),
    (13, "suspended", "23 Feb - 23 Mar", "activated"),
]


@pytest.mark.parametrize(("day", "state", "second_month", "event"), RECOVERIES)
def test_another_card_is_tried_at_once_and_the_anchor_follows_from_the_state(
    world: World, day: int, state: str, second_month: str, event: str
) -> None:
    subscribed(world, DECLINES_LATER)
    renewal_day(world)
    days_pass(world, day)
    assert shown(world)["status"] == state

    save_card(world)
    world.pass_time(MINUTE)

    assert shown(world)["status"] == "active"
    assert dates(world)[1] == second_month
    assert told(world)[-1] == event
    assert may_watch(world)
    assert taken(world) == [29900, 29900]
    days_pass(world, 20)
    assert taken(world) == [29900, 29900]
    assert_kept(world)


@pytest.mark.parametrize("day", [0, 1, 3, 6, 10, 13])
def test_the_same_card_that_has_money_again_recovers_by_the_schedule(world: World, day: int) -> None:
    subscribed(world)
    for _ in range([0, 1, 3, 6, 10, 13].index(day) + 1):
        plan_fault(world, "decline", "charge", code="insufficient_funds")
    renewal_day(world)
    days_pass(world, 14)
    now = shown(world)
    assert now["status"] == ("active" if day < 13 else "ended")
    recovered = {0: "10 Feb", 1: "10 Feb", 3: "10 Feb", 6: "20 Feb", 10: "23 Feb"}
    if day in recovered:
        assert dates(world)[1].startswith(recovered[day])
    assert_kept(world)


@pytest.mark.fault("P11")
@pytest.mark.fault("P20")
@pytest.mark.parametrize("code", ["lost_card", "expired_card", "stolen_card"])
def test_a_hard_refusal_stops_the_retries_until_another_card_comes(world: World, code: str) -> None:
    subscribed(world)
    plan_fault(world, "decline", "charge", code=code)
    renewal_day(world)
    days_pass(world, 5)
    assert (shown(world)["status"], world.count("payments")) == ("past_due", 2)

    save_card(world)
    world.pass_time(MINUTE)
    assert shown(world)["status"] == "active"
    assert dates(world)[1] == "10 Feb - 10 Mar"
    assert_kept(world)


@pytest.mark.fault("P11")
def test_a_hard_refusal_left_alone_ends_as_a_soft_one_does(world: World) -> None:
    subscribed(world)
    plan_fault(world, "decline", "charge", code="lost_card")
    renewal_day(world)
    days_pass(world, 15)
    assert (shown(world)["status"], world.count("payments")) == ("ended", 2)
    assert told(world) == ["activated", "past_due", "deactivated", "deactivated"]
    assert_kept(world)


@pytest.mark.fault("P7")
def test_a_bank_that_is_not_reached_is_tried_ever_more_rarely_and_never_called_a_refusal(world: World) -> None:
    subscribed(world)
    plan_fault(world, "rate_limited", "charge", times=100)
    world.clock.at += MONTH
    waits = []
    for _ in range(40):
        world.run_jobs()
        at = moment_of(world.one("SELECT next_action_at FROM subscriptions")["next_action_at"])
        waits.append((at - world.clock.at) // MINUTE)
        world.clock.at = at
    assert waits == [5, 10, 20, 40, 80, 160, 320] + [360] * 26 + [85, 275] + [360] * 5  # eight days of it
    assert (shown(world)["status"], told(world)) == ("suspended", ["activated", "deactivated"])
    assert world.one("SELECT declines FROM subscriptions")["declines"] == 0

    forget_faults(world)
    world.pass_time(6 * HOUR)
    assert dates(world) == ["10 Jan - 10 Feb", "19 Feb - 19 Mar"]  # longer than the grace: nobody pays for that time
    assert_kept(world)


@pytest.mark.fault("P13")
def test_a_renewal_that_waits_for_its_customer_forever_is_given_up(world: World) -> None:
    """The bank asks for authentication, and nobody comes: the page is closed, and the story takes its course."""
    subscribed(world, ASKS_LATER)
    renewal_day(world)
    days_pass(world, 20)
    assert shown(world)["status"] == "ended"
    assert not may_watch(world)
    assert taken(world) == [29900]
    assert_kept(world)


def test_no_fall_while_a_charge_may_still_succeed(world: World) -> None:
    subscribed(world)
    plan_fault(world, "decline", "charge", code="insufficient_funds")
    renewal_day(world)
    plan_fault(world, "pending_then_late", "charge", after=9 * 86400)
    days_pass(world, 8)
    assert shown(world)["status"] == "past_due"
    assert not may_watch(world)
    days_pass(world, 3)
    assert shown(world)["status"] == "active"
    assert taken(world) == [29900, 29900]
    assert may_watch(world)
    assert_kept(world)


def test_a_customers_own_try_on_a_page_is_no_retry_of_ours(world: World) -> None:
    """Wrong cards typed by the customer use up none of the retries, and say nothing of the saved card."""
    subscribed(world, DECLINES_LATER)
    renewal_day(world)
    for _ in range(3):
        world.pay(do(world, buy.pay_again, ALICE, invoice_id(world)).redirect_url, LOST_CARD)
        world.drain()
    row = world.one("SELECT declines, method_dead FROM subscriptions")
    assert (row["declines"], bool(row["method_dead"])) == (1, False)
    world.pay(do(world, buy.pay_again, ALICE, invoice_id(world)).redirect_url, GOOD_CARD)
    world.drain()
    assert shown(world)["status"] == "active"
    assert dates(world)[1] == "10 Feb - 10 Mar"
    assert_kept(world)


@pytest.mark.fault("C11")
def test_late_word_of_the_old_card_says_nothing_of_the_new_one(world: World) -> None:
    subscribed(world)
    plan_fault(world, "pending_then_late", "charge", after=2 * 86400, outcome="failed", code="lost_card")
    renewal_day(world)
    save_card(world)
    days_pass(world, 3)
    assert shown(world)["status"] == "active"
    assert taken(world) == [29900, 29900]
    assert dates(world)[1] == "10 Feb - 10 Mar"
    assert_kept(world)


def test_another_card_is_used_at_once_although_the_old_one_waits_for_its_owner(world: World) -> None:
    subscribed(world, ASKS_LATER)
    renewal_day(world)
    save_card(world)
    for _ in range(3):
        world.pass_time(MINUTE)
    assert shown(world)["status"] == "active"
    assert dates(world)[1] == "10 Feb - 10 Mar"
    assert_kept(world)


@pytest.mark.fault("P12")
def test_a_renewal_that_its_customer_confirms_in_time_is_paid_on_the_same_payment(world: World) -> None:
    subscribed(world, ASKS_LATER)
    renewal_day(world)
    (payment,) = world.rows("SELECT redirect_url, state FROM payments WHERE kind = 'charge'")
    assert payment["state"] == "requires_action"
    world.app.test_client().post(f"{path_of(payment['redirect_url'])}/confirm", data={"decision": "confirm"})
    world.drain()
    assert (shown(world)["status"], dates(world)[1]) == ("active", "10 Feb - 10 Mar")
    assert world.count("payments") == 2
    assert_kept(world)
