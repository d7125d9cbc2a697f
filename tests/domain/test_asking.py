"""When a payment system is asked again, how long a key lives, and what it proves that something is absent."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from portal.domain import settlement
from portal.domain.asking import (
    absence,
    absent_since,
    calls_person,
    may_resend,
    next_check,
    refund_absence,
    wants_review,
)
from portal.domain.outcome import DeclineClass, Outcome
from portal.domain.payment import Payment
from portal.domain.policy import Policy
from portal.domain.word import Standing, Word
from tests.domain import samples
from tests.domain.ledger import moved, moves
from tests.domain.samples import NOW


def test_questions_come_after_1_5_and_60_minutes_and_then_daily() -> None:
    waits = [next_check(NOW, checks) - NOW for checks in range(6)]
    minutes = [wait / timedelta(minutes=1) for wait in waits]
    assert minutes == [1, 5, 60, 1440, 1440, 1440]


def test_a_person_looks_after_five_daily_questions() -> None:
    assert [checks for checks in range(10) if wants_review(checks)] == [8, 9]


def test_a_payment_nobody_can_tell_about_is_asked_eight_times_and_then_a_person_is_called() -> None:
    payment, subscription = samples.payment(checks=0), samples.subscription()
    asked: list[datetime] = []
    while payment.review_at is None:
        now = payment.next_check_at
        assert now is not None
        standing = Standing(subscription, samples.plan(), samples.invoice(), payment, paid_before=False)
        change = settlement.decide(standing, Word(Outcome.unknown, note="http 500"), now, "worker", Policy())
        asked.append(now)
        payment, subscription = moved(change, payment), moved(change, subscription)
    gaps = [later - earlier for earlier, later in pairwise(asked)]
    assert gaps == [timedelta(minutes=5), timedelta(minutes=60), *[timedelta(days=1)] * 5]
    assert payment.open
    assert payment.next_check_at is None
    assert subscription.parked_at == payment.review_at == asked[-1]


def test_a_payment_in_review_is_not_put_back_on_the_schedule_by_another_look() -> None:
    payment = samples.payment("requires_action", review_at=NOW, next_check_at=None, note="another sum")
    standing = Standing(samples.subscription(), samples.plan(), samples.invoice(), payment, False)
    for outcome in (Outcome.requires_action, Outcome.unknown):
        change = settlement.decide(standing, Word(outcome), NOW + timedelta(days=1), "worker", Policy())
        assert moves(change) is None


@pytest.mark.parametrize(
    ("sent", "may"),
    [
        (None, True),
        (timedelta(0), True),
        (timedelta(hours=20) - timedelta(seconds=1), True),
        (timedelta(hours=20), False),
        (timedelta(hours=24), False),
    ],
)
def test_a_key_is_sent_again_only_within_twenty_hours(sent: timedelta | None, may: bool) -> None:
    assert may_resend(None if sent is None else NOW - sent, NOW) is may


def lost(**more: object) -> Payment:
    """A checkout whose answer never came."""
    return samples.payment("unknown", **({"sent_at": NOW - timedelta(seconds=30)} | more))


def test_an_absent_checkout_that_nobody_was_given_has_failed_on_the_way() -> None:
    decline = absence(lost(), NOW)
    assert decline is not None
    assert decline.kind is DeclineClass.gateway


@pytest.mark.parametrize(
    "payment",
    [
        lost(sent_at=NOW - timedelta(seconds=29)),  # our call may still be under way
        lost(redirect_url="https://pay.example/1"),  # somebody may be paying on it
        lost(kind="charge"),  # the bank may have it
        lost(sent_at=None),
    ],
)
@pytest.mark.parametrize("at", [NOW])
def test_absence_proves_nothing_of_anything_else(payment: Payment, at: datetime) -> None:
    assert absence(payment, at) is None


DAYS_AGO = {"sent_at": NOW - timedelta(hours=44)}
MISSED = {"absent_at": NOW - timedelta(hours=1)}
PAGE = {"redirect_url": "https://pay.example/1"}


@pytest.mark.parametrize(
    ("payment", "proven"),
    [
        (lost(kind="charge", **DAYS_AGO, **MISSED), True),
        (lost(kind="charge", **DAYS_AGO), False),  # not found for the first time
        (lost(kind="charge", **DAYS_AGO, absent_at=NOW - timedelta(minutes=59)), False),
        (
            lost(kind="charge", sent_at=NOW - timedelta(hours=43, minutes=59), **MISSED),
            False,
        ),  # the last send: 24 h ago
        (lost(**PAGE, **DAYS_AGO, **MISSED, expires_at=NOW), True),
        (lost(**PAGE, **DAYS_AGO, **MISSED, expires_at=NOW + timedelta(seconds=1)), False),  # somebody may be paying
        (lost(**PAGE, **DAYS_AGO, expires_at=NOW), False),
    ],
)
def test_what_is_not_found_twice_and_long_enough_after_the_last_send_never_arrived(
    payment: Payment, proven: bool
) -> None:
    decline = absence(payment, NOW)
    assert (decline is not None) is proven
    assert decline is None or decline.kind is DeclineClass.gateway


def test_absence_is_kept_until_it_is_found_and_silence_says_nothing_of_it() -> None:
    before = NOW - timedelta(hours=1)
    assert absent_since(None, absent=True, silent=True, now=NOW) == NOW
    assert absent_since(before, absent=True, silent=True, now=NOW) == before
    assert absent_since(before, absent=False, silent=True, now=NOW) == before
    assert absent_since(before, absent=False, silent=False, now=NOW) is None


@pytest.mark.parametrize("absent_at", [None, NOW - timedelta(hours=1)])
def test_a_refund_is_absent_by_the_same_rule(absent_at: datetime | None) -> None:
    refund = samples.refund(absent_at=absent_at, **DAYS_AGO)
    assert (refund_absence(refund, NOW) is not None) is (absent_at is not None)


@pytest.mark.parametrize(
    ("state", "checks", "expired", "called"),
    [
        ("unknown", 7, None, False),
        ("unknown", 8, None, True),
        ("pending", 8, None, True),
        ("requires_action", 8, timedelta(days=-1), False),
        ("requires_action", 20, timedelta(days=4, hours=23), False),
        ("requires_action", 8, timedelta(days=5), True),
    ],
)
def test_who_is_called_when_nobody_can_tell(state: str, checks: int, expired: timedelta | None, called: bool) -> None:
    payment = samples.payment(state, expires_at=NOW - expired if expired is not None else None)
    assert calls_person(payment, checks, NOW) is called
