"""Operators give money back, and decide about what customers asked for: once, and on the sum that they saw."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from portal.domain.errors import (
    AlreadyDone,
    ExceedsRefundable,
    InvalidAmount,
    InvalidRequest,
    NotDecidable,
    NotFound,
    NotRefundable,
    Refused,
    SumChanged,
)
from portal.domain.money import Money
from portal.domain.outcome import Decline, DeclineClass, Outcome
from portal.providers.port import Answer, RefundOrder
from portal.services import refund
from portal.services.operator_refunds import approve, give, reject
from portal.services.settle import settle
from tests.services.desk import assert_kept, entries, entry, given_back, or_refused, payment_of, press, refused, sums
from tests.services.month import (
    ALICE,
    DAY,
    DECLINES_LATER,
    HOUR,
    MINUTE,
    dates,
    days_pass,
    do,
    may_watch,
    shown,
    subscribed,
    told,
)
from tests.services.promise import uuid_of
from tests.services.stubborn import plan_fault
from tests.services.together import at_once
from tests.world import World

RUB = "RUB"
ALL = Money(29900, RUB)


def rub(minor: int) -> Money:
    return Money(minor, RUB)


def gave(world: World, invoice: UUID, minor: int, effect: str = "keep", left: Money = ALL, **more: Any) -> UUID:
    made = do(world, give, press("goodwill", **more), payment_of(world, invoice), rub(minor), left, effect)
    world.drain()
    return made


def asked(world: World, invoice: UUID, minor: int = 10000) -> UUID:
    """A sum that waits for an operator."""
    return do(world, refund.request, ALICE, invoice, rub(minor), "it stutters")


def decided(world: World, act: Callable[..., Any], *given: Any) -> None:
    do(world, act, *given)
    world.drain()


def states(world: World) -> list[str]:
    return [row["state"] for row in world.rows("SELECT state FROM refunds ORDER BY created_at, id")]


def test_any_sum_can_be_given_back_and_access_left_as_it_is(world: World) -> None:
    invoice = subscribed(world)
    made = gave(world, invoice, 10000)

    assert (given_back(world), states(world), sums(world)) == ([10000], ["succeeded"], (0, 10000))
    assert (shown(world)["status"], told(world), may_watch(world)) == ("active", ["activated"], True)
    row = world.one("SELECT id, reason, grounds, effect, comment FROM refunds")
    assert (uuid_of(row["id"]), row["reason"], row["grounds"]) == (made, "operator", "goodwill")
    assert (row["effect"], row["comment"]) == ("keep", None)
    begun = world.one("SELECT actor FROM history WHERE kind = 'refund' AND event = 'created'")
    assert begun["actor"] == "operator:olga"
    assert_kept(world)


def test_the_log_says_who_gave_what_and_what_was_left(world: World) -> None:
    invoice = subscribed(world)
    made = gave(world, invoice, 10000)
    said = entry(world)
    assert (said["act"], said["kind"], said["outcome"]) == ("refund.give", "payment", "done")
    assert UUID(said["subject_id"]) == payment_of(world, invoice)
    assert (said["operator"], said["user_id"], said["reason"]) == ("olga", "alice", "goodwill")
    assert (said["before"]["left_minor"], said["after"]["left_minor"]) == (29900, 19900)
    assert (said["after"]["refund_id"], said["after"]["amount_minor"]) == (str(made), 10000)


@pytest.mark.fault("M5")
def test_partial_sums_add_up_to_the_payment_and_no_further(world: World) -> None:
    invoice = subscribed(world)
    gave(world, invoice, 10000)
    gave(world, invoice, 10000, left=rub(19900))
    payment = payment_of(world, invoice)
    error = refused(world, give, press("goodwill"), payment, rub(9901), rub(9900), "keep")
    assert isinstance(error, ExceedsRefundable)
    assert error.facts["available"] == rub(9900)
    gave(world, invoice, 9900, left=rub(9900))
    assert (given_back(world), sums(world)) == ([10000, 10000, 9900], (0, 29900))
    assert_kept(world)


@pytest.mark.parametrize(
    ("effect", "status", "events"),
    [
        ("end_now", "ended", ["activated", "deactivated"]),
        ("period_end", "active", ["activated", "cancelled"]),
        ("keep", "active", ["activated"]),
    ],
)
def test_the_operator_says_what_happens_to_access(world: World, effect: str, status: str, events: list[str]) -> None:
    invoice = subscribed(world)
    gave(world, invoice, 29900, effect)
    assert (shown(world)["status"], told(world)) == (status, events)
    assert shown(world)["auto_renew"] is (effect == "keep")
    assert may_watch(world) is (effect != "end_now")
    days_pass(world, 35)
    assert len(dates(world)) == {"end_now": 0, "period_end": 1, "keep": 2}[effect]
    assert_kept(world)


def test_what_was_paid_for_time_long_over_can_end_the_subscription_too(world: World) -> None:
    january = subscribed(world)
    world.pass_time(32 * DAY)
    gave(world, january, 29900, "end_now")
    assert (shown(world)["status"], may_watch(world), given_back(world)) == ("ended", False, [29900])
    assert_kept(world)


@pytest.mark.parametrize("state", ["past_due", "suspended"])
def test_stopping_at_the_end_of_time_that_is_over_ends_at_once(world: World, state: str) -> None:
    invoice = subscribed(world, DECLINES_LATER)
    world.pass_time(31 * DAY + MINUTE)
    days_pass(world, 8 if state == "suspended" else 0)
    assert shown(world)["status"] == state
    gave(world, invoice, 100, "period_end")
    assert (shown(world)["status"], told(world)[-1]) == ("ended", "deactivated")
    assert world.rows("SELECT state FROM invoices WHERE state = 'not_paid'") == []
    assert_kept(world)


def test_the_payment_of_an_ended_subscription_comes_back_and_touches_nothing(world: World) -> None:
    invoice = subscribed(world)
    gave(world, invoice, 100, "end_now")
    gave(world, invoice, 29800, "end_now", left=rub(29800))
    effects = {row["amount_minor"]: row["effect"] for row in world.rows("SELECT amount_minor, effect FROM refunds")}
    assert effects == {100: "end_now", 29800: "keep"}
    assert (given_back(world), told(world)) == ([100, 29800], ["activated", "deactivated"])
    assert_kept(world)


def test_a_second_payment_of_one_invoice_comes_back_without_the_time_the_first_one_bought(world: World) -> None:
    alice = world.sign_in("alice")
    world.buy(alice)
    first = uuid_of(world.one("SELECT id FROM payments")["id"])
    no = Answer(Outcome.failed, provider_ref="pay_1", decline=Decline(DeclineClass.soft, "declined"))
    do(world, settle, first, no)
    world.pay(world.buy(alice)["redirect_url"])
    world.drain()
    ref = world.one("SELECT provider_ref FROM payments WHERE state = 'succeeded'")["provider_ref"]
    do(world, settle, first, Answer(Outcome.succeeded, provider_ref=ref, amount=ALL))
    plan_fault(world, "decline", "refund")
    world.pass_time(MINUTE)
    assert (states(world), given_back(world)) == (["failed"], [])

    made = do(world, give, press("charged_by_mistake"), first, ALL, ALL, "end_now")
    world.drain()

    assert (given_back(world), shown(world)["status"], told(world)) == ([29900], "active", ["activated"])
    rows = world.rows("SELECT id, effect FROM refunds")
    assert [row["effect"] for row in rows if uuid_of(row["id"]) == made] == ["keep"]


def test_what_was_not_paid_or_is_unknown_or_makes_no_sense_changes_nothing(world: World) -> None:
    world.buy(world.sign_in("alice"))
    unpaid = uuid_of(world.one("SELECT id FROM payments")["id"])
    assert type(refused(world, give, press("goodwill"), unpaid, rub(100), ALL, "keep")) is NotRefundable
    assert type(refused(world, give, press("goodwill"), uuid4(), rub(100), ALL, "keep")) is NotFound
    paid = payment_of(world, subscribed(world))
    for reason in (None, "time_used", "because"):
        error = refused(world, give, press(reason), paid, rub(100), ALL, "keep")
        assert (type(error), error.facts) == (InvalidRequest, {"field": "reason"})
    assert type(refused(world, give, press("goodwill"), paid, rub(0), ALL, "keep")) is InvalidAmount
    assert type(refused(world, give, press("goodwill"), paid, Money(100, "USD"), ALL, "keep")) is InvalidAmount
    assert type(refused(world, give, press("goodwill"), paid, rub(100), ALL, "take_back")) is InvalidRequest


@pytest.mark.fault("C8")
def test_of_two_operators_at_once_one_gives_and_the_other_sees_what_is_left(world: World) -> None:
    invoice = subscribed(world)
    payment = payment_of(world, invoice)

    def one(operator: str) -> Callable[[], object]:
        return or_refused(world, give, press("goodwill", operator), payment, rub(10000), ALL, "keep")

    answers = at_once(one("olga"), one("pavel"))

    (error,) = (answer for answer in answers if isinstance(answer, Refused))
    assert isinstance(error, SumChanged)
    assert error.facts["available"] == rub(19900)
    world.drain()
    assert (given_back(world), len(entries(world))) == ([10000], 1)
    assert_kept(world)


def test_the_same_form_sent_many_times_gives_once(world: World) -> None:
    payment = payment_of(world, subscribed(world))
    form = press("goodwill")
    answers = at_once(*[or_refused(world, give, form, payment, rub(10000), ALL, "keep")] * 6)
    assert sorted(type(answer).__name__ for answer in answers) == ["AlreadyDone"] * 5 + ["UUID"]
    assert type(refused(world, give, form, payment, rub(10000), rub(19900), "keep")) is AlreadyDone
    world.drain()
    assert (given_back(world), world.count("refunds"), len(entries(world))) == ([10000], 1, 1)


@pytest.mark.parametrize("fault", ["timeout_before", "timeout_after", "error_after", "garbage", "rate_limited"])
def test_whatever_the_call_meets_the_money_goes_back_once(world: World, fault: str) -> None:
    invoice = subscribed(world)
    plan_fault(world, fault, "refund", hold_seconds=0)
    gave(world, invoice, 29900, "end_now")
    for _ in range(4):
        world.pass_time(HOUR)
    assert (states(world), given_back(world), shown(world)["status"]) == (["succeeded"], [29900], "ended")
    assert told(world) == ["activated", "deactivated"]
    assert_kept(world)


@pytest.mark.fault("P22")
def test_what_the_provider_will_never_do_fails_at_once_and_frees_its_sum(world: World) -> None:
    """Somebody gave the money back there and not here; theirs becomes a refund of ours."""
    invoice = subscribed(world)
    ref = world.one("SELECT provider_ref FROM payments")["provider_ref"]
    provider = world.app.extensions["matinee"].providers["sandbox"]
    assert provider.refund(RefundOrder("elsewhere:1", ref, ALL)).outcome is Outcome.succeeded

    gave(world, invoice, 29900, "end_now")

    row = world.one("SELECT state, note, next_check_at FROM refunds WHERE reason = 'operator'")
    assert (row["state"], row["next_check_at"]) == ("failed", None)
    assert "refund_exceeds_payment" in row["note"]
    days_pass(world, 3)
    assert world.one("SELECT state FROM refunds WHERE reason = 'provider'")["state"] == "succeeded"
    assert (sums(world), shown(world)["status"], given_back(world)) == ((0, 29900), "ended", [29900])


def test_an_approved_refund_is_sent_with_the_effect_the_operator_chose(world: World) -> None:
    invoice = subscribed(world)
    wanted = asked(world, invoice)
    assert sums(world) == (10000, 0)

    decided(world, approve, press(), wanted, "end_now", rub(19900))

    assert (states(world), given_back(world), sums(world)) == (["succeeded"], [10000], (0, 10000))
    assert (shown(world)["status"], told(world)) == ("ended", ["activated", "deactivated"])
    moved = world.one("SELECT actor FROM history WHERE kind = 'refund' AND event = 'approved'")
    assert moved["actor"] == "operator:olga"
    said = entry(world)
    assert (said["act"], said["kind"], UUID(said["subject_id"])) == ("refund.approve", "refund", wanted)
    assert (said["before"]["state"], said["after"]["state"]) == ("requested", "submitted")
    assert (said["before"]["effect"], said["after"]["effect"]) == ("keep", "end_now")
    assert_kept(world)


def test_a_rejected_refund_frees_its_sum_and_tells_its_customer_why(world: World) -> None:
    invoice = subscribed(world)
    wanted = asked(world, invoice)
    decided(world, reject, press("time_used"), wanted)

    assert (states(world), given_back(world), sums(world)) == (["rejected"], [], (0, 0))
    assert (shown(world)["status"], told(world)) == ("active", ["activated"])
    said = entry(world)
    assert (said["act"], said["after"]["state"], said["after"]["grounds"]) == ("refund.reject", "rejected", "time_used")
    why = {"en": "the time that was paid for has already been used", "ru": "оплаченное время уже использовано"}
    for language, words in why.items():
        assert words in world.browser("alice", language).get(f"/cabinet/refunds/{wanted}").text
    asked(world, invoice, 29000)
    assert sorted(states(world)) == ["rejected", "requested"]
    assert_kept(world)


@pytest.mark.fault("A8")
def test_a_rejection_needs_a_reason_that_can_be_told(world: World) -> None:
    wanted = asked(world, subscribed(world))
    for reason in (None, "goodwill", "we do not like him"):
        assert type(refused(world, reject, press(reason), wanted)) is InvalidRequest
    assert type(refused(world, reject, press("misuse"), uuid4())) is NotFound


def test_an_approval_is_for_what_was_shown_beside_the_request(world: World) -> None:
    invoice = subscribed(world)
    wanted = asked(world, invoice)
    gave(world, invoice, 5000, left=rub(19900))
    error = refused(world, approve, press(), wanted, "keep", rub(19900))
    assert (type(error), error.facts["available"]) == (SumChanged, rub(14900))
    decided(world, approve, press(), wanted, "keep", rub(14900))
    assert given_back(world) == [5000, 10000]
    assert_kept(world)


def test_what_is_decided_is_not_decided_again(world: World) -> None:
    invoice = subscribed(world)
    wanted, sent = asked(world, invoice), gave(world, invoice, 100, left=rub(19900))
    decided(world, reject, press("misuse"), wanted)
    for decision, more in ((approve, ("keep", rub(29800))), (reject, ())):
        for one in (wanted, sent):
            assert type(refused(world, decision, press("misuse" if not more else None), one, *more)) is NotDecidable


def test_of_an_approval_and_a_rejection_at_once_one_counts(world: World) -> None:
    invoice = subscribed(world)
    wanted = asked(world, invoice)
    answers = at_once(
        or_refused(world, approve, press(operator="olga"), wanted, "keep", rub(19900)),
        or_refused(world, reject, press("time_used", "pavel"), wanted),
        or_refused(world, approve, press(operator="rita"), wanted, "keep", rub(19900)),
    )
    assert [type(answer) for answer in answers].count(NotDecidable) == 2
    world.drain()
    (state,) = states(world)
    assert (state, given_back(world)) in (("succeeded", [10000]), ("rejected", []))
    assert len(entries(world)) == 1
    assert_kept(world)


def test_an_offer_that_waited_may_still_take_back_only_time_that_has_not_begun(
    make_world: Callable[..., World],
) -> None:
    world = make_world(refund_policy="manual")
    world.seed()
    subscribed(world)
    world.clock.at += HOUR
    second = subscribed(world)
    wanted = asked(world, second, 29900)
    decided(world, approve, press(), wanted, "take_back", rub(0))
    assert (dates(world), shown(world)["status"]) == (["10 Jan - 10 Feb"], "active")
    assert (given_back(world), told(world)) == ([29900], ["activated", "renewed", "changed"])
    other = asked(world, uuid_of(world.rows("SELECT invoice_id FROM periods ORDER BY start")[0]["invoice_id"]), 100)
    assert type(refused(world, approve, press(), other, "take_back", rub(29800))) is InvalidRequest
    assert_kept(world)
