"""A trial from its order to the first charge, and every way in which it ends before that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from portal.domain.errors import Refused, SubscriptionExists
from portal.domain.money import Money
from portal.services import buy, cancel, close_invoice, grant, methods, plans
from tests.services.desk import or_refused, press, refused
from tests.services.month import (
    AGREED,
    ALICE,
    ASKS_LATER,
    DAY,
    DECLINES_LATER,
    HOUR,
    MINUTE,
    NO_RENEWAL,
    dates,
    days_pass,
    do,
    invoice_row,
    may_watch,
    periods,
    save_card,
    shown,
    subscribed,
    subscription_id,
    taken,
    told,
)
from tests.services.promise import assert_kept, moment_of, uuid_of
from tests.services.stubborn import forget_faults, plan_fault
from tests.services.together import at_once
from tests.services.trial import DAYS, order, row, tried, with_trial
from tests.world import START, World

END = START + DAYS * DAY
SECOND = timedelta(seconds=1)
DECLINED_CARD = "4000 0000 0000 0002"


# From the order to the first charge


def test_a_card_is_saved_nothing_is_taken_and_the_films_open(world: World) -> None:
    tried(world)

    assert (taken(world), told(world), may_watch(world)) == ([], ["activated"], True)
    seen = shown(world)
    assert (seen["status"], seen["auto_renew"]) == ("trialing", True)
    assert seen["current_period"] == {"from": "2027-01-10T09:00:00Z", "to": "2027-01-17T09:00:00Z"}
    assert seen["next"] == {
        "what": "renewal",
        "at": "2027-01-17T09:00:00Z",
        "price": {"amount": 299.0, "currency": "RUB"},
    }
    assert seen["access_until"] == "2027-01-18T09:00:00Z"
    invoice = invoice_row(world, "purchase")
    assert (invoice["state"], invoice["total_minor"], invoice["trial_days"]) == ("paid", 0, DAYS)
    line = world.one("SELECT * FROM invoice_lines")
    assert (line["unit_minor"], line["count"], line["discount_minor"], line["total_minor"]) == (0, 1, 0, 0)
    user = world.one("SELECT * FROM users")
    assert moment_of(user["first_subscribed_at"]) == START
    assert (user["entitlements_version"], user["tokens_from_version"]) == (1, 1)
    assert_kept(world)


def test_the_first_charge_comes_at_the_trials_end_and_counts_from_there(world: World) -> None:
    tried(world)
    world.pass_time(DAYS * DAY - SECOND)
    assert taken(world) == []

    world.pass_time(SECOND + MINUTE)

    after = row(world)
    assert (after["state"], after["anchor"], after["steps"]) == ("active", END, 1)
    assert after["started_at"] == START, "access has run on without a break"
    assert dates(world) == ["10 Jan - 17 Jan", "17 Jan - 17 Feb"]
    assert (taken(world), told(world)) == ([29900], ["activated", "renewed"])
    renewal = invoice_row(world)
    assert (renewal["state"], moment_of(renewal["due_at"])) == ("paid", END)
    world.pass_time(31 * DAY)
    assert dates(world)[-1] == "17 Feb - 17 Mar"
    assert_kept(world)


def test_the_charge_at_the_very_moment_of_the_trials_end_does_not_begin_access_anew(world: World) -> None:
    tried(world)
    world.pass_time(DAYS * DAY)
    after = row(world)
    assert (after["state"], after["anchor"], after["started_at"]) == ("active", END, START)
    assert_kept(world)


def test_the_price_of_the_order_is_the_price_of_the_first_charge(world: World) -> None:
    tried(world)
    do(world, plans.add_price, press(), uuid_of(row(world)["plan_id"]), Money(99_900, "RUB"), START)
    world.pass_time(DAYS * DAY + MINUTE)
    assert taken(world) == [29900]


@pytest.mark.parametrize(
    ("zone", "begins", "ends"),
    [
        # Clocks went forward on 28 March 2027: seven days are an hour shorter.
        ("Europe/Berlin", datetime(2027, 3, 25, 9, 0, tzinfo=UTC), datetime(2027, 4, 1, 8, 0, tzinfo=UTC)),
        # And back on 31 October: an hour longer.
        ("Europe/Berlin", datetime(2027, 10, 27, 9, 0, tzinfo=UTC), datetime(2027, 11, 3, 10, 0, tzinfo=UTC)),
        # 02:30 does not exist on 28 March: the next that does.
        ("Europe/Berlin", datetime(2027, 3, 21, 1, 30, tzinfo=UTC), datetime(2027, 3, 28, 1, 0, tzinfo=UTC)),
        ("Europe/Moscow", datetime(2027, 3, 25, 9, 0, tzinfo=UTC), datetime(2027, 4, 1, 9, 0, tzinfo=UTC)),
    ],
)
def test_a_trial_ends_at_the_hour_of_the_customers_clock(
    world: World, zone: str, begins: datetime, ends: datetime
) -> None:
    world.clock.at = begins
    with_trial(world)
    alice = world.sign_in("alice")
    world.buy(alice)
    world.write("UPDATE users SET zone = :zone", zone=zone)
    world.write("UPDATE subscriptions SET zone = :zone", zone=zone)
    world.pay(world.buy(alice)["redirect_url"])
    world.drain()

    assert row(world)["trial_end"] == ends
    world.pass_time(ends - begins - SECOND)
    assert taken(world) == []
    world.pass_time(SECOND)
    assert (taken(world), row(world)["anchor"]) == ([29900], ends)


# The first charge does not go through


def test_a_decline_suspends_at_once_and_dunning_goes_on_from_there(world: World) -> None:
    tried(world, DECLINES_LATER)
    world.pass_time(DAYS * DAY + MINUTE)

    assert (shown(world)["status"], may_watch(world)) == ("suspended", False)
    assert told(world) == ["activated", "deactivated"]
    assert shown(world)["next"]["at"] == "2027-01-18T09:01:00Z", "the first retry, a day after the decline"
    days_pass(world, 13)
    assert world.one("SELECT count(*) AS n FROM payments WHERE kind = 'charge'")["n"] == 6
    assert shown(world)["status"] == "suspended"
    days_pass(world, 1)
    last = row(world)
    assert (last["state"], last["end_reason"]) == ("ended", "unpaid")
    assert invoice_row(world)["fail_reason"] == "declined"
    assert_kept(world)


def test_another_card_is_tried_at_once_and_the_paid_time_begins_with_its_payment(world: World) -> None:
    tried(world, DECLINES_LATER)
    world.pass_time(DAYS * DAY + MINUTE)
    world.pass_time(2 * DAY)

    save_card(world)
    world.pass_time(MINUTE)

    after = row(world)
    assert (after["state"], after["anchor"], after["started_at"]) == ("active", world.clock.at, world.clock.at)
    assert dates(world) == ["10 Jan - 17 Jan", "19 Jan - 19 Feb"]
    assert told(world) == ["activated", "deactivated", "activated"]
    assert_kept(world)


def test_who_was_suspended_may_buy_at_full_price_and_has_no_second_trial(world: World) -> None:
    tried(world, DECLINES_LATER)
    world.pass_time(DAYS * DAY + HOUR)
    started = world.buy(world.sign_in("alice"))
    world.pay(started["redirect_url"])
    world.drain()
    assert (shown(world)["status"], dates(world)[-1]) == ("active", "17 Jan - 17 Feb")
    assert sorted(invoice["state"] for invoice in world.rows("SELECT * FROM invoices")) == ["fail", "paid", "paid"]
    assert_kept(world)


def test_an_answer_lost_for_a_minute_leaves_the_anchor_at_the_trials_end(world: World) -> None:
    tried(world)
    plan_fault(world, "timeout_after", "charge", hold_seconds=0)
    world.clock.at += DAYS * DAY + SECOND
    world.run_jobs()
    assert (shown(world)["status"], may_watch(world)) == ("trialing", True)

    world.pass_time(MINUTE)

    after = row(world)
    assert (after["state"], after["anchor"], after["started_at"]) == ("active", END, START)
    assert (dates(world)[-1], taken(world)) == ("17 Jan - 17 Feb", [29900])
    assert_kept(world)


def test_a_card_removed_while_the_answer_is_lost_does_not_move_the_anchor(world: World) -> None:
    tried(world)
    plan_fault(world, "timeout_after", "charge", hold_seconds=0)
    world.clock.at += DAYS * DAY + SECOND
    world.run_jobs()
    do(world, methods.remove, ALICE, uuid_of(row(world)["payment_method_id"]))
    world.pass_time(MINUTE)
    assert (row(world)["state"], row(world)["anchor"]) == ("active", END)
    assert_kept(world)


def test_an_answer_that_nobody_can_give_for_days_parks_and_the_films_stay_open(world: World) -> None:
    tried(world)
    plan_fault(world, "timeout_after", "charge", hold_seconds=0)
    plan_fault(world, "timeout_before", "find", times=1000, hold_seconds=0)
    world.clock.at += DAYS * DAY
    for _ in range(9):
        world.pass_time(DAY)
    parked = row(world)
    assert (parked["state"], parked["parked_at"] is not None, may_watch(world)) == ("trialing", True, True)
    forget_faults(world)


def test_a_bank_that_is_not_reached_is_asked_again_and_no_trial_outlasts_its_day_of_grace(world: World) -> None:
    tried(world)
    plan_fault(world, "rate_limited", "charge", times=50)
    world.pass_time(DAYS * DAY + SECOND)
    assert (shown(world)["status"], may_watch(world)) == ("trialing", True)
    days_pass(world, 2)
    assert (shown(world)["status"], may_watch(world)) == ("suspended", False), "the day of grace is over"

    forget_faults(world)
    days_pass(world, 1)

    after = row(world)
    assert (after["state"], taken(world)) == ("active", [29900])
    assert after["anchor"] == after["started_at"] == world.clock.at, "nobody pays for days without access"
    assert_kept(world)


def test_a_bank_that_wants_to_see_its_customer_waits_a_day_and_then_suspends(world: World) -> None:
    tried(world, ASKS_LATER)
    world.pass_time(DAYS * DAY + SECOND)
    assert (shown(world)["status"], may_watch(world)) == ("trialing", True)
    world.pass_time(DAY + MINUTE)
    world.pass_time(MINUTE)
    assert (shown(world)["status"], may_watch(world)) == ("suspended", False)
    assert_kept(world)


# The page on which the card is saved


def test_a_page_that_runs_out_expires_the_order_and_uses_up_no_trial(world: World) -> None:
    with_trial(world)
    order(world)
    world.pass_time(25 * HOUR)
    assert (row(world)["state"], invoice_row(world, "purchase")["fail_reason"]) == ("expired", "expired")
    assert (row(world)["trial_end"], told(world)) == (None, [])

    order(world)
    assert invoice_row(world, "purchase")["trial_days"] == DAYS
    assert_kept(world)


def test_a_customer_who_closes_the_order_has_no_trial_and_may_come_back(world: World) -> None:
    with_trial(world)
    bought = order(world)
    do(world, close_invoice.close, ALICE, bought.invoice_id)
    assert (row(world)["state"], invoice_row(world, "purchase")["fail_reason"]) == ("expired", "cancelled")
    tried(world)
    assert shown(world)["status"] == "trialing"
    assert_kept(world)


def test_a_card_that_is_refused_is_told_and_another_may_be_tried(world: World) -> None:
    tried(world, DECLINED_CARD)
    assert (shown(world)["status"], told(world)) == ("pending", [])
    payment = world.one("SELECT * FROM payments")
    assert (payment["state"], payment["decline_code"]) == ("failed", "declined")

    world.pay(world.buy(world.sign_in("alice"))["redirect_url"])
    world.drain()
    assert (shown(world)["status"], invoice_row(world, "purchase")["state"]) == ("trialing", "paid")
    assert_kept(world)


def test_a_card_saved_on_a_page_that_was_superseded_begins_nothing_and_returns_nothing(world: World) -> None:
    with_trial(world)
    first = order(world)
    plan_fault(world, "timeout_before", "close_checkout", hold_seconds=0)
    order(world, plan="premium")
    world.pay(first.redirect_url)
    world.drain()

    assert (row(world)["state"], told(world), world.count("refunds")) == ("pending", [], 0)
    assert row(world)["trial_end"] is None
    assert_kept(world)


def test_the_same_order_again_is_the_same_page_and_another_one_supersedes_it(world: World) -> None:
    with_trial(world)
    first = order(world)
    assert order(world) == first
    paid_at_once = order(world, trial=False)
    assert paid_at_once.invoice_id != first.invoice_id
    states = {uuid_of(invoice["id"]): invoice for invoice in world.rows("SELECT * FROM invoices")}
    assert states[first.invoice_id]["fail_reason"] == "superseded"
    assert states[paid_at_once.invoice_id]["total_minor"] == 29900
    world.pay(paid_at_once.redirect_url)
    world.drain()
    assert (shown(world)["status"], row(world)["trial_end"]) == ("active", None)
    assert_kept(world)


# Only once, and only for one interval


@pytest.mark.parametrize(("count", "more"), [(2, {}), (1, NO_RENEWAL)])
def test_several_intervals_or_no_consent_to_renewal_are_paid_at_once(
    world: World, count: int, more: dict[str, object]
) -> None:
    with_trial(world)
    subscribed(world, count=count, **more)
    assert (shown(world)["status"], row(world)["trial_end"]) == ("active", None)
    assert taken(world) == [29900 * count]


@pytest.mark.parametrize("plan", ["standard", "premium"])
def test_a_second_trial_in_the_group_is_refused_without_a_word(world: World, plan: str) -> None:
    with_trial(world, plan)
    tried(world)
    do(world, cancel.cancel, ALICE, subscription_id(world), "now")
    world.clock.at += MINUTE

    invoice = subscribed(world, plan=plan)

    assert world.one("SELECT * FROM invoices WHERE id = :id", id=_raw(world, invoice))["trial_days"] is None
    assert (row(world)["state"], row(world)["trial_end"]) == ("active", None)
    assert_kept(world)


def test_another_group_has_a_trial_of_its_own(world: World) -> None:
    tried(world)
    other = world.one("SELECT code FROM plans WHERE \"group\" <> 'main' AND state = 'on_sale' ORDER BY code LIMIT 1")
    tried(world, plan=other["code"])
    assert [card["status"] for card in world.sign_in("alice").get("/subscriptions").json] == ["trialing", "trialing"]
    assert_kept(world)


def test_who_subscribed_before_and_never_tried_may_try(world: World) -> None:
    subscribed(world)
    do(world, cancel.cancel, ALICE, subscription_id(world), "now")
    world.clock.at += MINUTE
    tried(world)
    assert row(world)["state"] == "trialing"
    assert_kept(world)


def test_two_tabs_start_one_trial(world: World) -> None:
    with_trial(world)
    request = buy.BuyRequest("standard", 1, AGREED)
    act = or_refused(world, buy.buy, ALICE, request)
    answers = at_once(act, act, act)
    opened = {answer.redirect_url for answer in answers if isinstance(answer, buy.Bought)}
    assert len(opened) == 1
    assert all(isinstance(answer, buy.Bought | Refused) for answer in answers)
    (page,) = opened
    at_once(lambda: world.pay(page), lambda: world.pay(page))
    world.drain()
    assert (world.count("subscriptions"), world.count("invoices"), told(world)) == (1, 1, ["activated"])
    assert isinstance(refused(world, buy.buy, ALICE, request), SubscriptionExists)
    assert_kept(world)


def test_a_tab_that_still_offers_the_trial_is_not_answered_with_a_second_one(world: World) -> None:
    tried(world)
    do(world, cancel.cancel, ALICE, subscription_id(world), "now")
    late = order(world)
    invoice = world.one("SELECT * FROM invoices WHERE state = 'not_paid'")
    assert (uuid_of(invoice["id"]), invoice["total_minor"]) == (late.invoice_id, 29900)


def test_the_database_itself_refuses_a_second_trial(world: World) -> None:
    tried(world)
    do(world, cancel.cancel, ALICE, subscription_id(world), "now")
    subscribed(world)
    with pytest.raises(Exception, match=r"(?i)unique|uq_subscriptions_one_trial_per_group"):
        world.write("UPDATE subscriptions SET trial_end = :at WHERE state = 'active'", at=START)


# Leaving, and being given time


def test_cancelled_at_its_end_a_trial_ends_there_and_nothing_is_charged(world: World) -> None:
    tried(world)
    do(world, cancel.cancel, ALICE, subscription_id(world), "period_end")
    assert (shown(world)["status"], shown(world)["next"]) == (
        "trialing",
        {"what": "end", "at": "2027-01-17T09:00:00Z", "price": None},
    )
    assert shown(world)["access_until"] == "2027-01-17T09:00:00Z"
    world.pass_time(DAYS * DAY - SECOND)
    assert may_watch(world)
    world.pass_time(SECOND)
    assert (row(world)["state"], row(world)["end_reason"], may_watch(world)) == ("ended", "cancelled", False)
    assert (told(world), taken(world)) == (["activated", "cancelled", "deactivated"], [])
    assert_kept(world)


def test_renewal_may_be_switched_on_again(world: World) -> None:
    tried(world)
    do(world, cancel.cancel, ALICE, subscription_id(world), "period_end")
    do(world, cancel.resume, ALICE, subscription_id(world))
    world.pass_time(DAYS * DAY + MINUTE)
    assert (shown(world)["status"], row(world)["anchor"]) == ("active", END)
    assert told(world) == ["activated", "cancelled", "resumed", "renewed"]
    assert_kept(world)


def test_cancelled_at_once_a_trial_closes_access(world: World) -> None:
    tried(world)
    do(world, cancel.cancel, ALICE, subscription_id(world), "now")
    assert (row(world)["state"], may_watch(world)) == ("ended", True), "Auth hears of it with the next event"
    world.drain()
    assert (told(world), may_watch(world)) == (["activated", "deactivated"], False)
    days_pass(world, 10)
    assert taken(world) == []
    assert_kept(world)


def test_cancelled_while_the_bank_is_not_reached_it_ends_and_the_invoice_is_closed(world: World) -> None:
    tried(world)
    plan_fault(world, "rate_limited", "charge", times=50)
    world.pass_time(DAYS * DAY + SECOND)
    do(world, cancel.cancel, ALICE, subscription_id(world), "period_end")
    world.pass_time(MINUTE)
    assert (row(world)["end_reason"], invoice_row(world)["fail_reason"]) == ("cancelled", "cancelled")
    assert_kept(world)


def test_a_removed_card_ends_the_trial_at_its_end(world: World) -> None:
    tried(world)
    do(world, methods.remove, ALICE, uuid_of(row(world)["payment_method_id"]))
    world.drain()
    assert (shown(world)["status"], may_watch(world)) == ("trialing", True)
    world.pass_time(DAYS * DAY)
    assert (row(world)["state"], row(world)["end_reason"]) == ("ended", "no_method")
    assert (told(world), taken(world)) == (["activated", "cancelled", "deactivated"], [])
    assert_kept(world)


def test_another_card_put_in_its_place_pays_at_the_trials_end(world: World) -> None:
    tried(world)
    do(world, methods.remove, ALICE, uuid_of(row(world)["payment_method_id"]))
    save_card(world)
    world.pass_time(DAYS * DAY + MINUTE)
    assert (shown(world)["status"], taken(world)) == ("active", [29900])
    assert told(world) == ["activated", "cancelled", "resumed", "renewed"]
    assert_kept(world)


def test_a_removed_card_of_a_trial_that_does_not_renew_is_nothing_to_tell_auth(world: World) -> None:
    tried(world)
    do(world, cancel.cancel, ALICE, subscription_id(world), "period_end")
    do(world, methods.remove, ALICE, uuid_of(row(world)["payment_method_id"]))
    assert told(world) == ["activated", "cancelled"]


def test_a_grant_moves_the_end_and_the_first_charge_with_it(world: World) -> None:
    tried(world)
    do(world, grant.grant, press("goodwill"), subscription_id(world), 10)
    world.drain()
    later = END + 10 * DAY
    assert (row(world)["trial_end"], row(world)["next_action_at"]) == (later, later)
    assert periods(world) == [(START, later)]
    assert told(world) == ["activated", "renewed"]
    world.pass_time(17 * DAY - SECOND)
    assert taken(world) == []
    world.pass_time(SECOND)
    assert (row(world)["state"], row(world)["anchor"], dates(world)[-1]) == ("active", later, "27 Jan - 27 Feb")
    assert_kept(world)


def test_who_is_trying_cannot_buy(world: World) -> None:
    tried(world)
    for plan in ("standard", "premium"):
        error = refused(world, buy.buy, ALICE, buy.BuyRequest(plan, 1, AGREED))
        assert isinstance(error, SubscriptionExists)


def _raw(world: World, guid: object) -> object:
    """An id as the engine stores it."""
    found = world.rows("SELECT id FROM invoices")
    return next(one["id"] for one in found if uuid_of(one["id"]) == guid)
