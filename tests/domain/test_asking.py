"""When a payment system is asked again, how long a key lives, and what it proves that something is absent."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from portal.domain import settlement
from portal.domain.asking import absence, may_resend, next_check, wants_review
from portal.domain.outcome import DeclineClass, Outcome
from portal.domain.payment import Payment
from portal.domain.policy import Policy
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
        standing = settlement.Standing(subscription, samples.plan(), samples.invoice(), payment, paid_before=False)
        change = settlement.decide(standing, settlement.Word(Outcome.unknown, note="http 500"), now, "worker", Policy())
        asked.append(now)
        payment, subscription = moved(change, payment), moved(change, subscription)
    gaps = [later - earlier for earlier, later in pairwise(asked)]
    assert gaps == [timedelta(minutes=5), timedelta(minutes=60), *[timedelta(days=1)] * 5]
    assert payment.open
    assert payment.next_check_at is None
    assert subscription.parked_at == payment.review_at == asked[-1]


def test_a_payment_in_review_is_not_put_back_on_the_schedule_by_another_look() -> None:
    payment = samples.payment("requires_action", review_at=NOW, next_check_at=None, note="another sum")
    standing = settlement.Standing(samples.subscription(), samples.plan(), samples.invoice(), payment, False)
    for outcome in (Outcome.requires_action, Outcome.unknown):
        change = settlement.decide(standing, settlement.Word(outcome), NOW + timedelta(days=1), "worker", Policy())
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
