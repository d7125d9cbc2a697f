"""An operator stops a subscription for its customer, with or without money back, and lets it renew again."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from uuid import UUID, uuid4

import pytest

from portal.audit.run import violations
from portal.domain.errors import (
    AlreadyDone,
    AlreadyEnded,
    InvalidRequest,
    MethodRequired,
    NotFound,
    NotResumable,
    Refused,
    SumChanged,
)
from portal.domain.money import Money
from portal.services import operator_refunds, refund, standing, unused_money
from portal.services.grant import grant
from portal.services.operator_cancel import cancel, resume
from tests.services.changes import look, take, upgraded
from tests.services.desk import assert_kept, entries, entry, given_back, or_refused, payment_of, press, refused
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
    shown,
    subscribed,
    subscription_id,
    taken,
    told,
)
from tests.services.stubborn import plan_fault
from tests.services.together import at_once
from tests.world import World

MONTH = 31 * DAY


def stop(world: World, when: str, money: str = "none", sum_: Money | None = None) -> list[UUID]:
    made: list[UUID] = do(world, cancel, press("agreement"), subscription_id(world), when, money, sum_)
    world.drain()
    return made


def unused(world: World, invoice: UUID) -> Money:
    """As the operator's page shows it."""
    return next(o.amount for o in do(world, refund.offers_of, ALICE, invoice) if o.kind == "unused")


@pytest.mark.parametrize(("when", "event"), [("now", "deactivated"), ("period_end", "cancelled")])
def test_an_operator_cancels_as_the_customer_could(world: World, when: str, event: str) -> None:
    subscribed(world)
    assert stop(world, when) == []
    assert (shown(world)["status"], shown(world)["auto_renew"]) == ("ended" if when == "now" else "active", False)
    assert (told(world), may_watch(world)) == (["activated", event], when == "period_end")
    moved = world.rows("SELECT actor FROM history WHERE kind = 'subscription' ORDER BY seq")[-1]
    assert moved["actor"] == "operator:olga"
    days_pass(world, 40)
    assert (taken(world), given_back(world)) == ([29900], [])
    assert_kept(world)


def test_the_log_says_how_it_was_and_how_it_is(world: World) -> None:
    subscribed(world)
    stop(world, "period_end")
    said = entry(world)
    assert (said["act"], said["kind"], UUID(said["subject_id"])) == (
        "subscription.cancel",
        "subscription",
        subscription_id(world),
    )
    assert (said["before"]["auto_renew"], said["after"]["auto_renew"]) == (True, False)
    assert (said["after"]["state"], said["after"]["when"], said["user_id"]) == ("active", "period_end", "alice")


@pytest.mark.parametrize("when", ["now", "period_end"])
def test_a_suspended_subscription_is_cancelled_with_an_event(world: World, when: str) -> None:
    subscribed(world, DECLINES_LATER)
    world.pass_time(MONTH + MINUTE)
    days_pass(world, 8)
    assert shown(world)["status"] == "suspended"
    before = told(world)
    stop(world, when)
    assert (shown(world)["status"], told(world)[len(before) :]) == ("ended", ["deactivated"])
    assert_kept(world)


@pytest.mark.parametrize("when", ["now", "period_end"])
def test_cancelling_what_is_cancelled_changes_nothing_and_is_logged(world: World, when: str) -> None:
    subscribed(world)
    stop(world, when)
    before = world.counts()
    stop(world, when)
    assert world.counts() == before
    assert [row["act"] for row in entries(world)] == ["subscription.cancel"] * 2
    assert entries(world)[1]["before"].items() <= entries(world)[1]["after"].items()


def test_the_unused_time_is_given_back_in_the_same_commit(world: World) -> None:
    invoice = subscribed(world)
    world.pass_time(20 * DAY)
    made = stop(world, "now", "unused", unused(world, invoice))

    assert (given_back(world), shown(world)["status"]) == ([10610], "ended")
    assert (told(world), may_watch(world)) == (["activated", "deactivated"], False)
    assert world.one("SELECT end_reason FROM subscriptions")["end_reason"] == "cancelled"
    row = world.one("SELECT state, reason, effect, grounds, amount_minor FROM refunds")
    assert row == {
        "state": "succeeded",
        "reason": "operator",
        "effect": "keep",
        "grounds": "agreement",
        "amount_minor": 10610,
    }
    said = entry(world)
    assert (said["after"]["refund_ids"], said["after"]["amount_minor"]) == ([str(one) for one in made], 10610)
    assert_kept(world)
    assert do(world, lambda: list(violations(now=world.clock.now()))) == []


def test_the_sum_that_was_shown_is_good_for_fifteen_minutes(world: World) -> None:
    invoice = subscribed(world)
    world.pass_time(20 * DAY)
    read = unused(world, invoice)
    world.pass_time(15 * MINUTE)
    now = unused(world, invoice)
    assert now < read
    mine = subscription_id(world)
    world.pass_time(HOUR)
    error = refused(world, cancel, press(), mine, "now", "unused", read)
    assert (type(error), error.facts["available"]) == (SumChanged, unused(world, invoice))
    world.clock.at -= HOUR
    stop(world, "now", "unused", read)
    assert given_back(world) == [read.minor]


def test_where_nothing_is_unused_any_more_nothing_is_cancelled(world: World) -> None:
    subscribed(world)
    stop(world, "now")
    error = refused(world, cancel, press(), subscription_id(world), "now", "unused", Money(29900, "RUB"))
    assert (type(error), error.facts["available"]) == (SumChanged, Money(0, "RUB"))


def test_money_goes_with_the_end_at_once_only_and_needs_the_sum(world: World) -> None:
    subscribed(world)
    mine = subscription_id(world)
    for when, sum_ in (("period_end", Money(29900, "RUB")), ("now", None)):
        assert type(refused(world, cancel, press(), mine, when, "unused", sum_)) is InvalidRequest
    assert type(refused(world, cancel, press(), uuid4(), "now", "none", None)) is NotFound


def test_time_that_was_given_is_not_money_and_ends_with_the_rest(world: World) -> None:
    invoice = subscribed(world)
    do(world, grant, press("goodwill"), subscription_id(world), 10)
    world.pass_time(20 * DAY)
    stop(world, "now", "unused", unused(world, invoice))
    assert (given_back(world), may_watch(world)) == ([10610], False)
    assert_kept(world)


def all_unused(world: World) -> Money | None:
    """As the operator's page shows it."""
    with world.app.app_context():
        return unused_money.total(unused_money.parts_of(standing.subscription(subscription_id(world))))


def test_with_a_better_plan_on_top_all_that_is_unused_goes_back_to_the_kopeck(world: World) -> None:
    subscribed(world)
    upgraded(world)  # for 135.48, on the tenth day
    world.pass_time(7 * DAY)
    shown_sum = all_unused(world)
    assert shown_sum == Money(9032 + 13503, "RUB")  # 13548 * 14/21 and 29900 * 14/31
    world.pass_time(14 * MINUTE)
    stop(world, "now", "unused", shown_sum)
    assert (given_back(world), shown(world)["status"], may_watch(world)) == ([9032, 13503], "ended", False)
    assert_kept(world)


def test_what_a_part_was_given_back_of_comes_back_without_that_part(world: World) -> None:
    """A better plan in mid-period, a part of it given back, then cancelled."""
    subscribed(world)
    better = payment_of(world, upgraded(world))
    do(world, operator_refunds.give, press("goodwill"), better, Money(1000, "RUB"), Money(13548, "RUB"), "keep")
    world.drain()
    world.pass_time(7 * DAY)
    stop(world, "now", "unused", all_unused(world))
    assert (given_back(world), taken(world)) == ([1000, 8032, 13503], [29900, 13548])
    assert_kept(world)


def test_what_was_carried_into_another_interval_comes_back_with_it(world: World) -> None:
    subscribed(world)
    world.pass_time(10 * DAY)
    take(world, look(world, "premium-year"))
    world.pass_time(timedelta(days=73))  # a fifth of the year
    # 299.00 * 21/31 were carried into the year: 202.55, of which four fifths are unused.
    paid = taken(world)[1]
    stop(world, "now", "unused", all_unused(world))
    assert given_back(world) == [Money(paid, "RUB").share(Fraction(4, 5)).minor, 16204]
    assert_kept(world)


def test_months_bought_one_by_one_come_back_together(world: World) -> None:
    subscribed(world)
    subscribed(world)
    world.pass_time(20 * DAY)
    stop(world, "now", "unused", all_unused(world))
    assert given_back(world) == [29900, 10610]
    assert_kept(world)


def test_a_provider_that_does_not_answer_gives_the_money_back_later_and_once(world: World) -> None:
    invoice = subscribed(world)
    world.pass_time(20 * DAY)
    plan_fault(world, "timeout_before", "refund", hold_seconds=0)
    stop(world, "now", "unused", unused(world, invoice))
    assert (shown(world)["status"], given_back(world)) == ("ended", [])
    for _ in range(3):
        world.pass_time(HOUR)
    assert given_back(world) == [10610]
    assert_kept(world)


def test_two_forms_at_once_cancel_once_and_give_back_once(world: World) -> None:
    invoice = subscribed(world)
    world.pass_time(20 * DAY)
    mine, sum_ = subscription_id(world), unused(world, invoice)
    form = press()
    answers = at_once(
        *[or_refused(world, cancel, form, mine, "now", "unused", sum_)] * 2,
        or_refused(world, cancel, press(operator="pavel"), mine, "now", "unused", sum_),
    )
    world.drain()
    assert {type(answer) for answer in answers if isinstance(answer, Refused)} <= {AlreadyDone, SumChanged}
    assert len([answer for answer in answers if isinstance(answer, list)]) == 1
    assert (given_back(world), len(entries(world))) == ([10610], 1)
    assert told(world) == ["activated", "deactivated"]
    assert_kept(world)


def test_an_operator_lets_it_renew_again(world: World) -> None:
    subscribed(world)
    stop(world, "period_end")
    for _ in range(2):
        do(world, resume, press(), subscription_id(world))
    world.drain()
    assert (shown(world)["auto_renew"], told(world)) == (True, ["activated", "cancelled", "resumed"])
    first, second = entries(world)[1:]
    assert (first["act"], first["before"]["auto_renew"], first["after"]["auto_renew"]) == (
        "subscription.resume",
        False,
        True,
    )
    assert second["before"] == second["after"]
    world.pass_time(MONTH + MINUTE)
    assert len(dates(world)) == 2
    assert_kept(world)


def test_what_cannot_go_on_is_not_resumed(world: World) -> None:
    subscribed(world, **NO_RENEWAL)
    assert type(refused(world, resume, press(), subscription_id(world))) is MethodRequired
    stop(world, "now")
    assert type(refused(world, resume, press(), subscription_id(world))) is NotResumable


def test_what_ended_for_another_reason_is_not_cancelled(world: World) -> None:
    subscribed(world, DECLINES_LATER)
    world.pass_time(MONTH + MINUTE)
    days_pass(world, 16)
    assert type(refused(world, cancel, press(), subscription_id(world), "now", "none", None)) is AlreadyEnded
