"""What a payment system's word about a refund means for the refund and for what is reserved on the payment."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain import disputing, importing
from portal.domain.change import Change
from portal.domain.dispute import Dispute
from portal.domain.errors import ExceedsRefundable, InvalidRequest, NotDecidable, NotRefundable, SumChanged
from portal.domain.money import Money
from portal.domain.outcome import Decline, DeclineClass, Outcome
from portal.domain.payment import Payment
from portal.domain.policy import Policy
from portal.domain.refund import GIVING, REFUSING, Refund
from portal.domain.refund_answer import Word, decide
from portal.domain.refund_effects import Effect, Standing
from portal.domain.refunding import approve, give, giving, refuse_changed, refusing, reject
from tests.domain import samples, thousands
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


def whole(**more: Any) -> Standing:
    """A payment with the running time that it bought."""
    facts: dict[str, Any] = {
        "subscription": samples.running(),
        "plan": samples.plan(),
        "period": samples.period(),
        "payment": samples.payment("succeeded"),
        "unpaid_renewal": None,
    }
    return Standing(**(facts | more))


@pytest.mark.parametrize("effect", ["end_now", "period_end", "keep"])
def test_an_operators_refund_is_reserved_and_ready_to_be_sent(effect: Effect) -> None:
    refund, change = give(whole(), Money(100, "RUB"), effect, "goodwill", NOW, "operator:olga")
    assert moves(change) == "payment refund_reserved, +Refund"
    assert moved(change, samples.payment("succeeded")).reserved_minor == 100
    assert (refund.state, refund.effect, refund.next_check_at) == ("submitted", effect, NOW)
    assert (refund.reason, refund.grounds, change.actor) == ("operator", "goodwill", "operator:olga")


@pytest.mark.parametrize(
    "different",
    [
        {"period": None},
        {"subscription": samples.running(state="ended")},
        {"subscription": samples.running(state="expired")},
    ],
)
def test_where_there_is_no_time_a_refund_says_that_it_leaves_access_alone(different: dict[str, Any]) -> None:
    refund, _ = give(whole(**different), Money(100, "RUB"), "end_now", None, NOW, "operator:olga")
    assert refund.effect == "keep"


@pytest.mark.parametrize("state", ["created", "unknown", "requires_action", "pending", "failed", "aborted"])
def test_only_what_was_paid_is_given_back(state: str) -> None:
    with pytest.raises(NotRefundable):
        give(whole(payment=samples.payment(state)), Money(100, "RUB"), "keep", None, NOW, "operator:olga")


@pytest.mark.parametrize("state", ["submitted", "unknown", "pending", "succeeded", "failed", "rejected"])
def test_only_what_waits_is_decided(state: str) -> None:
    refund = samples.refund(state)
    with pytest.raises(NotDecidable):
        approve(whole(), refund, "keep", None, NOW, "operator:olga")
    with pytest.raises(NotDecidable):
        reject(reserved(), refund, "misuse", NOW, "operator:olga")


def test_an_approval_sends_and_a_rejection_releases() -> None:
    refund = samples.refund("requested", next_check_at=None)
    approved = approve(whole(payment=reserved()), refund, "period_end", None, NOW, "operator:olga")
    assert moves(approved) == "refund approved"
    after = moved(approved, refund)
    assert (after.state, after.effect, after.next_check_at) == ("submitted", "period_end", NOW)

    rejected = reject(reserved(), refund, "misuse", NOW, "operator:olga")
    assert moves(rejected) == "refund rejected, payment refund_released"
    assert (moved(rejected, refund).grounds, moved(rejected, reserved()).reserved_minor) == ("misuse", 0)


def test_an_operator_takes_back_time_only_where_the_offer_did() -> None:
    offer = samples.refund("requested", effect="take_back", offer="unused")
    after = moved(approve(whole(payment=reserved()), offer, "take_back", None, NOW, "operator:olga"), offer)
    assert after.effect == "take_back"
    for act in (
        lambda: approve(whole(), samples.refund("requested"), "take_back", None, NOW, "operator:olga"),
        lambda: give(whole(), Money(100, "RUB"), "take_back", None, NOW, "operator:olga"),
    ):
        with pytest.raises(InvalidRequest) as refused:
            act()
        assert refused.value.facts == {"field": "effect"}


def test_a_decision_is_about_the_sum_that_was_shown() -> None:
    payment = samples.payment("succeeded", reserved_minor=900)
    refuse_changed(payment, Money(29_000, "RUB"))
    for shown in (Money(29_900, "RUB"), Money(29_000, "USD"), Money(0, "RUB")):
        with pytest.raises(SumChanged) as refused:
            refuse_changed(payment, shown)
        assert refused.value.facts == {"available": Money(29_000, "RUB")}


@pytest.mark.parametrize("reason", [None, "", "whim"])
def test_reasons_are_of_their_lists(reason: str | None) -> None:
    assert [giving(one) for one in GIVING] == list(GIVING)
    assert [refusing(one) for one in REFUSING] == list(REFUSING)
    for check, others in ((giving, REFUSING), (refusing, GIVING)):
        for wrong in (reason, *others):
            with pytest.raises(InvalidRequest):
                check(wrong)


STOPPED, ENDED = "subscription cancelled_at_period_end", "subscription refunded"


@pytest.mark.parametrize(
    ("state",      "end_now",         "period_end", "keep"),
    [
        ("active",    f"+Set, {ENDED}", STOPPED,      None),
        ("past_due",  f"+Set, {ENDED}", ENDED,        None),
        ("suspended", f"+Set, {ENDED}", ENDED,        None),
        ("ended",     None,             None,         None),
    ],
)  # fmt: skip
def test_what_a_refund_does_to_access_in_every_state(
    state: str, end_now: str | None, period_end: str | None, keep: str | None
) -> None:
    for effect, felt in (("end_now", end_now), ("period_end", period_end), ("keep", keep)):
        facts = whole(subscription=samples.running(state=state, past_due_since=NOW), payment=reserved())
        change = decide(facts, samples.refund(effect=effect), Word(Outcome.succeeded), NOW, "worker", Policy())
        assert moves(change) == ", ".join(filter(None, (DONE, felt))), (state, effect)


words = st.builds(
    Word,
    st.sampled_from(Outcome),
    decline=st.none() | st.builds(Decline, st.sampled_from(DeclineClass), st.just("why")),
)


@st.composite
def acts(draw: st.DrawFn) -> list[tuple[str, int, int]]:
    kinds = st.sampled_from(["give", "settle", "fail", "dispute", "won", "lost", "made there"])
    return draw(st.lists(st.tuples(kinds, st.integers(1, 10**6), st.integers(0, 3)), max_size=15))


@thousands.of_cases
@given(st.integers(1, 10**9), st.sampled_from(["JPY", "RUB", "KWD"]), acts())
def test_refunds_and_disputes_together_never_exceed_the_payment(
    minor: int, currency: str, done: list[tuple[str, int, int]]
) -> None:
    payment = samples.payment("succeeded", amount_minor=minor, currency=currency)
    sent: list[Refund] = []
    disputes: list[Dispute] = []
    for kind, share, which in done:
        sum_ = Money(max(minor * share // 10**6, 1), currency)
        change: Change | None = None
        standing = Standing(samples.running(), samples.plan(), samples.period(), payment, None)
        if kind == "give":
            try:
                refund, change = give(standing, sum_, "keep", None, NOW, "operator:olga")
            except (NotRefundable, ExceedsRefundable):
                continue
            sent.append(replace(refund, state="unknown"))
        elif kind == "made there":
            found = importing.imported(standing, [], sum_, "re", NOW, NOW, "provider:sandbox")
            if found is None:
                continue
            refund, change = found
            sent.append(refund)
        elif kind in ("settle", "fail") and sent:
            refund = sent.pop(which % len(sent))
            word = Word(Outcome.succeeded) if kind == "settle" else Word(Outcome.failed, decline=HARD)
            change = decide(standing, refund, word, NOW, "worker", Policy())
        elif kind == "dispute":
            one = disputing.Word(f"dp_{len(disputes)}", "open", sum_, NOW)
            facts = disputing.Standing(standing, disputes, False, [])
            new, change = disputing.opened(facts, one, NOW, "provider:sandbox", Policy())
            disputes.append(new)
        elif disputes:
            at = which % len(disputes)
            state: Literal["won", "lost"] = "won" if kind == "won" else "lost"
            one = disputing.Word(disputes[at].provider_ref, state, sum_, NOW)
            facts = disputing.Standing(standing, disputes, False, [])
            change = disputing.decided(facts, disputes[at], one, NOW, "provider:sandbox", Policy())
            disputes[at] = moved(change, disputes[at])
        payment = moved(change, payment)
        sums = payment.refunded_minor, payment.reserved_minor, payment.disputed_minor
        assert min(sums) >= 0
        assert sum(sums) <= minor
    assert payment.reserved_minor == sum(one.amount_minor for one in sent)


@thousands.of_cases
@given(st.lists(words, max_size=10))
def test_whatever_is_said_a_sum_is_reserved_or_given_back_or_released_and_only_once(said: list[Word]) -> None:
    payment, refund = reserved(), samples.refund()
    for word in said:
        change = told(payment, refund, word)
        payment, refund = moved(change, payment), moved(change, refund)
        held = {"succeeded": (0, SUM.minor), "failed": (0, 0)}.get(refund.state, (SUM.minor, 0))
        assert (payment.reserved_minor, payment.refunded_minor) == held
