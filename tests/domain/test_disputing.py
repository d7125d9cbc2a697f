"""Disputes and refunds made at the payment system, decided on frozen rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from portal.domain import importing, refund_effects, refunding, states
from portal.domain.dispute import Dispute
from portal.domain.disputing import Standing, Word, decided, felt, opened, recounted
from portal.domain.errors import NotRefundable
from portal.domain.money import Money
from portal.domain.offers import available
from portal.domain.payment import Payment
from portal.domain.policy import Policy
from portal.domain.refund import Refund
from portal.domain.states import IllegalMove
from tests.domain import samples
from tests.domain.ledger import added, moved, moves
from tests.domain.samples import NOW, SUM

POLICY = Policy()
BANK = "provider:sandbox"
HALF = SUM.minor // 2


def money(**more: Any) -> refund_effects.Standing:
    given: dict[str, Any] = {
        "subscription": samples.running(),
        "plan": samples.plan(),
        "period": samples.period(),
        "payment": samples.payment("succeeded"),
        "unpaid_renewal": None,
    }
    return refund_effects.Standing(**(given | more))


def standing(*disputes: Dispute, unsent: tuple[Refund, ...] = (), elsewhere: bool = False, **more: Any) -> Standing:
    return Standing(money(**more), disputes, elsewhere, unsent)


def word(state: Any = "open", minor: int = SUM.minor, ref: str = "dp_1") -> Word:
    return Word(ref, state, Money(minor, SUM.currency), NOW)


def under_dispute(minor: int = SUM.minor, **more: Any) -> tuple[Standing, Dispute]:
    """After a dispute was opened: everything as it stands then."""
    facts = standing(**more)
    dispute, change = opened(facts, word(minor=minor), NOW, BANK, POLICY)
    after = replace(
        facts.money,
        payment=moved(change, facts.payment),
        subscription=moved(change, facts.money.subscription),
    )
    return replace(facts, money=after, disputes=(dispute,)), dispute


def sums(payment: Payment) -> tuple[int, int, int]:
    return payment.refunded_minor, payment.reserved_minor, payment.disputed_minor


def test_opened_it_holds_the_payment_and_stops_renewal() -> None:
    facts = standing()
    dispute, change = opened(facts, word(), NOW, BANK, POLICY)
    assert moves(change) == "+Dispute, payment disputed, subscription dispute_opened"
    assert (dispute.state, dispute.counted_minor) == ("open", SUM.minor)
    held = moved(change, facts.payment)
    assert (sums(held), available(held)) == ((0, 0, SUM.minor), Money.zero(SUM.currency))
    stopped = moved(change, facts.money.subscription)
    assert (stopped.auto_renew, stopped.disputed_at, stopped.next_action_at) == (False, NOW, stopped.paid_through)
    with pytest.raises(NotRefundable):
        refunding.check_sum(held, Money(1, SUM.currency))


def test_where_renewal_was_off_nobody_is_told_that_it_stopped() -> None:
    facts = standing(subscription=samples.running(auto_renew=False))
    _, change = opened(facts, word(), NOW, BANK, POLICY)
    assert moves(change) == "+Dispute, payment disputed, subscription dispute_noted"


@pytest.mark.parametrize("state", ["ended", "expired", "pending", "trialing", "paused"])
def test_what_charges_nobody_is_not_stopped(state: str) -> None:
    facts = standing(subscription=samples.running(state=state), period=None)
    _, change = opened(facts, word(), NOW, BANK, POLICY)
    assert moves(change) == "+Dispute, payment disputed"


def test_a_renewal_that_waits_is_dropped() -> None:
    renewal = samples.invoice(id=UUID(int=71), reason="renewal")
    unsent = samples.payment("created", id=UUID(int=72), invoice_id=renewal.id, kind="charge")
    _, change = opened(standing(unpaid_renewal=(renewal, unsent)), word(), NOW, BANK, POLICY)
    assert "invoice closed, payment aborted, subscription dispute_opened" in (moves(change) or "")


def test_won_everything_is_free_and_renewal_stays_off() -> None:
    facts, dispute = under_dispute()
    change = decided(facts, dispute, word("won"), NOW, BANK, POLICY)
    assert moves(change) == "dispute won, payment dispute_won, subscription dispute_over"
    free = moved(change, facts.payment)
    assert (sums(free), free.disputed_at, available(free)) == ((0, 0, 0), None, SUM)
    let_go = moved(change, facts.money.subscription)
    assert (let_go.auto_renew, let_go.disputed_at) == (False, None)


def test_lost_in_full_it_ends_the_subscription_whose_time_it_was() -> None:
    facts, dispute = under_dispute()
    change = decided(facts, dispute, word("lost"), NOW, BANK, POLICY)
    assert sums(moved(change, facts.payment)) == (SUM.minor, 0, 0)
    over = moved(change, facts.money.subscription)
    assert (over.state, over.end_reason, over.next_action_at) == ("ended", "disputed", None)


def test_lost_in_part_it_keeps_access_and_lets_the_rest_go() -> None:
    facts, dispute = under_dispute()
    change = decided(facts, dispute, word("lost", HALF), NOW, BANK, POLICY)
    assert moves(change) == "dispute lost, payment dispute_lost, subscription dispute_over"
    after = moved(change, facts.payment)
    assert (sums(after), after.disputed_at) == ((HALF, 0, 0), None)


def test_the_last_part_that_is_lost_is_the_whole() -> None:
    facts, dispute = under_dispute(SUM.minor - HALF, payment=samples.payment("succeeded", refunded_minor=HALF))
    change = decided(facts, dispute, word("lost", SUM.minor - HALF), NOW, BANK, POLICY)
    assert moved(change, facts.money.subscription).end_reason == "disputed"


def test_another_dispute_of_the_subscription_keeps_it_stopped() -> None:
    facts, dispute = under_dispute()
    change = decided(replace(facts, elsewhere=True), dispute, word("won"), NOW, BANK, POLICY)
    assert moves(change) == "dispute won, payment dispute_won"


def test_of_two_disputes_of_one_payment_the_other_goes_on() -> None:
    facts, first = under_dispute(HALF)
    second, change = opened(facts, word(minor=SUM.minor - HALF, ref="dp_2"), NOW, BANK, POLICY)
    assert moves(change) == "+Dispute, payment disputed"
    both = replace(facts, money=replace(facts.money, payment=moved(change, facts.payment)), disputes=(first, second))
    over = decided(both, first, word("lost", HALF), NOW, BANK, POLICY)
    after = moved(over, both.payment)
    assert (sums(after), after.disputed_at) == ((HALF, 0, SUM.minor - HALF), NOW)
    assert moves(over) == "dispute lost, payment dispute_lost"


def test_what_was_decided_stays_decided_and_a_look_too_early_does_not_count() -> None:
    facts, dispute = under_dispute()
    assert decided(facts, replace(dispute, state="won"), word("lost"), NOW, BANK, POLICY) is None
    assert decided(facts, dispute, word(), NOW + timedelta(hours=1), BANK, POLICY) is None
    assert moves(decided(facts, dispute, word(), NOW + timedelta(days=1), BANK, POLICY)) == "dispute asked"


def test_it_takes_no_more_than_what_refunds_have_left() -> None:
    payment = samples.payment("succeeded", reserved_minor=HALF)
    facts, dispute = under_dispute(payment=payment)
    assert (sums(facts.payment), dispute.counted_minor) == ((0, HALF, SUM.minor - HALF), SUM.minor - HALF)
    change = decided(facts, dispute, word("lost"), NOW, BANK, POLICY)
    assert sums(moved(change, facts.payment)) == (SUM.minor - HALF, HALF, 0)


@pytest.mark.parametrize(("state", "event"), [("requested", "rejected"), ("submitted", "overtaken")])
def test_lost_it_overtakes_refunds_nobody_was_asked_for(state: str, event: str) -> None:
    waiting = samples.refund(state, amount_minor=HALF)
    facts, dispute = under_dispute(payment=samples.payment("succeeded", reserved_minor=HALF), unsent=(waiting,))
    change = decided(facts, dispute, word("lost"), NOW, BANK, POLICY)
    assert (moves(change) or "").startswith(f"refund {event}, dispute lost, payment dispute_lost")
    assert sums(moved(change, facts.payment)) == (SUM.minor, 0, 0)
    assert not moved(change, waiting).open


def test_a_refund_that_was_not_made_leaves_its_sum_to_the_bank() -> None:
    payment = samples.payment("succeeded", refunded_minor=SUM.minor - HALF)
    _, dispute = under_dispute(payment=samples.payment("succeeded", reserved_minor=HALF))
    lost = replace(dispute, state="lost", decided_at=NOW)
    change = recounted(payment, [lost], NOW, BANK)
    assert moves(change) == "payment dispute_counted, dispute counted"
    assert sums(moved(change, payment)) == (SUM.minor, 0, 0)
    still = replace(payment, refunded_minor=0, disputed_minor=SUM.minor - HALF, disputed_at=NOW)
    assert sums(moved(recounted(still, [dispute], NOW, BANK), still)) == (0, 0, SUM.minor)
    assert recounted(samples.payment("succeeded"), [replace(dispute, state="won")], NOW, BANK) is None


# What becomes of access when the whole payment is gone


def test_what_runs_or_was_bought_last_ends_what_has_not_begun_is_taken_back_the_rest_stays() -> None:
    period, running = samples.period(), samples.running()
    ahead = replace(period, start=period.end, end=period.end + timedelta(days=28))
    both = replace(running, paid_through=ahead.end)
    late = period.end + timedelta(days=2)
    assert felt(money(), NOW) == "end_now"
    assert felt(money(subscription=both), NOW) == "end_now"
    assert felt(money(subscription=both, period=ahead), NOW) == "take_back"
    assert felt(money(subscription=replace(both, paid_through=late + timedelta(days=90)), period=ahead), NOW) == "keep"
    assert felt(money(subscription=replace(running, state="past_due")), late) == "end_now"
    assert felt(money(subscription=replace(both, paid_through=ahead.end)), late) == "keep"
    assert felt(money(period=None), NOW) == "keep"
    assert felt(money(subscription=samples.running(state="ended")), NOW) == "keep"


# Refunds made at the payment system


def imported(minor: int, *unsent: Refund, **more: Any) -> Any:
    amount = Money(minor, SUM.currency)
    return importing.imported(money(**more), unsent, amount, "re_1", NOW, NOW, BANK)


def test_a_refund_made_there_is_reserved_like_ours() -> None:
    refund, change = imported(HALF)
    assert moves(change) == "payment refund_reserved, +Refund"
    assert (refund.reason, refund.state, refund.effect, refund.sent_at) == ("provider", "unknown", "keep", NOW)
    assert added(change, Refund) == [refund]


def test_the_whole_made_there_ends_what_runs() -> None:
    assert imported(SUM.minor)[0].effect == "end_now"
    assert imported(HALF, payment=samples.payment("succeeded", refunded_minor=SUM.minor - HALF))[0].effect == "end_now"
    assert imported(SUM.minor, payment=samples.payment("duplicate"), period=None)[0].effect == "keep"


def test_what_waits_gives_way_to_what_was_made_and_what_was_sent_does_not() -> None:
    held = samples.payment("succeeded", reserved_minor=SUM.minor)
    waiting = samples.refund("requested")
    _, change = imported(HALF, waiting, payment=held)
    assert moves(change) == "refund rejected, payment refund_reserved, +Refund"
    assert sums(moved(change, held)) == (0, HALF, 0)
    assert imported(HALF, payment=held) is None


def test_a_dispute_that_was_won_takes_no_edge_any_more() -> None:
    facts, dispute = under_dispute()
    won = moved(decided(facts, dispute, word("won"), NOW, BANK, POLICY), dispute)
    for event in ("won", "lost", "asked", "counted"):
        with pytest.raises(IllegalMove):
            states.edge("dispute", won.state, event)
