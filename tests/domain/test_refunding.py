"""What a payment system's word about a refund means for the refund and for what is reserved on the payment."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.change import Change
from portal.domain.outcome import Decline, DeclineClass, Outcome
from portal.domain.payment import Payment
from portal.domain.policy import Policy
from portal.domain.refund import Refund
from portal.domain.refunding import Standing, Word, decide
from tests.domain import samples
from tests.domain.ledger import moved, moves
from tests.domain.samples import NOW, SUM

DONE = "refund succeeded, payment refund_done"
FAILED = "refund failed, payment refund_released"
BOUNCED, TAKEN, ASKED = "refund bounced", "refund taken_in_hand", "refund asked"
HARD, GATEWAY = Decline(DeclineClass.hard, "refused"), Decline(DeclineClass.gateway, "rate_limited")


def reserved(**more: Any) -> Payment:
    return samples.payment("succeeded", **({"reserved_minor": SUM.minor} | more))


def told(payment: Payment, refund: Refund, word: Word, now: datetime = NOW) -> Change | None:
    """Of a refund that happens by itself: it gives back money that bought no time."""
    standing = Standing(samples.running(), samples.plan(), None, payment, None)
    return decide(standing, refund, word, now, "worker", Policy())


@pytest.mark.parametrize(
    ("state",      "succeeded", "refused", "bounced", "action", "pending", "unknown"),
    [
        ("requested",  None,    None,      None,      None,     None,      None),
        ("rejected",   None,    None,      None,      None,     None,      None),
        ("submitted",  None,    None,      None,      None,     None,      None),
        ("unknown",    DONE,    FAILED,    BOUNCED,   ASKED,    TAKEN,     ASKED),
        ("pending",    DONE,    FAILED,    FAILED,    ASKED,    ASKED,     ASKED),
        ("succeeded",  None,    None,      None,      None,     None,      None),
        ("failed",     None,    None,      None,      None,     None,      None),
    ],
)  # fmt: skip
def test_every_answer_in_every_state(
    state: str,
    succeeded: str | None,
    refused: str | None,
    bounced: str | None,
    action: str | None,
    pending: str | None,
    unknown: str | None,
) -> None:
    expected = {
        Word(Outcome.succeeded): succeeded,
        Word(Outcome.failed, decline=HARD): refused,
        Word(Outcome.failed, decline=GATEWAY): bounced,
        Word(Outcome.requires_action): action,
        Word(Outcome.pending): pending,
        Word(Outcome.unknown): unknown,
    }
    for word, becomes in expected.items():
        assert moves(told(reserved(), samples.refund(state), word)) == becomes, (state, word)


def test_the_reservation_becomes_money_given_back() -> None:
    payment = reserved(amount_minor=50_000, reserved_minor=SUM.minor + 100, refunded_minor=200)
    change = told(payment, samples.refund(), Word(Outcome.succeeded, "re_1"))
    after, refund = moved(change, payment), moved(change, samples.refund())
    assert (after.reserved_minor, after.refunded_minor) == (100, SUM.minor + 200)
    assert (refund.state, refund.provider_ref, refund.next_check_at) == ("succeeded", "re_1", None)


def test_a_proven_failure_releases_the_reservation_and_gives_nothing_back() -> None:
    change = told(reserved(), samples.refund(), Word(Outcome.failed, decline=HARD))
    after = moved(change, reserved())
    assert (after.reserved_minor, after.refunded_minor) == (0, 0)


@pytest.mark.parametrize("outcome", [Outcome.unknown, Outcome.pending, Outcome.requires_action])
def test_what_is_not_proven_releases_nothing(outcome: Outcome) -> None:
    assert moved(told(reserved(), samples.refund(), Word(outcome)), reserved()) == reserved()


def test_a_refund_that_never_reached_the_bank_waits_to_be_sent_again_and_stays_reserved() -> None:
    change = told(reserved(), samples.refund(), Word(Outcome.failed, decline=GATEWAY))
    refund = moved(change, samples.refund())
    assert (refund.state, refund.sent_at, refund.next_check_at) == ("submitted", None, NOW + timedelta(minutes=5))
    assert moved(change, reserved()) == reserved()


def test_a_refund_nobody_can_tell_about_is_asked_about_less_and_less_often() -> None:
    refund, now, waits = samples.refund(), NOW, []
    for _ in range(5):
        refund = moved(told(reserved(), refund, Word(Outcome.unknown), now), refund)
        waits.append((refund.next_check_at - now) / timedelta(minutes=1))
        now = refund.next_check_at
    assert waits == [1, 5, 60, 1440, 1440]


words = st.builds(
    Word,
    st.sampled_from(Outcome),
    decline=st.none() | st.builds(Decline, st.sampled_from(DeclineClass), st.just("why")),
)


@given(st.lists(words, max_size=10))
def test_whatever_is_said_a_sum_is_reserved_or_given_back_or_released_and_only_once(said: list[Word]) -> None:
    payment, refund = reserved(), samples.refund()
    for word in said:
        change = told(payment, refund, word)
        payment, refund = moved(change, payment), moved(change, refund)
        held = {"succeeded": (0, SUM.minor), "failed": (0, 0)}.get(refund.state, (SUM.minor, 0))
        assert (payment.reserved_minor, payment.refunded_minor) == held
