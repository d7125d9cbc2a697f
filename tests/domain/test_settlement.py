"""What a payment system's word means: every state a payment can be in, and every answer there is."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.calendar import Interval
from portal.domain.change import Change
from portal.domain.invoice import Invoice
from portal.domain.method import PaymentMethod
from portal.domain.money import Money
from portal.domain.outcome import Decline, DeclineClass, Outcome
from portal.domain.payment import Payment
from portal.domain.policy import Policy
from portal.domain.refund import Refund
from portal.domain.settlement import decide
from portal.domain.subscription import Period, Subscription
from portal.domain.word import Standing, Word
from tests.domain import samples
from tests.domain.ledger import added, moved, moves
from tests.domain.samples import NOW, SUM

OUTCOMES = (Outcome.failed, Outcome.requires_action, Outcome.pending, Outcome.unknown, Outcome.succeeded)
POLICY = Policy()
PAID_TO = datetime(2027, 2, 10, 9, 0, tzinfo=UTC)
PAGE = "https://pay.example/1"
SOFT = Decline(DeclineClass.soft, "insufficient_funds")
CLOSED = Decline(DeclineClass.closed, "checkout_expired")


def word(outcome: Outcome = Outcome.succeeded, **more: Any) -> Word:
    """An answer as a payment system gives it when nothing is odd."""
    usual: dict[str, Any] = {
        "amount": SUM if outcome is Outcome.succeeded else None,
        "decline": SOFT if outcome is Outcome.failed else None,
        "redirect_url": PAGE if outcome is Outcome.requires_action else None,
    }
    return Word(outcome, **(usual | more))


def standing(payment: Payment | None = None, **more: Any) -> Standing:
    given: dict[str, Any] = {
        "subscription": samples.subscription(),
        "plan": samples.plan(),
        "invoice": samples.invoice(),
        "payment": payment or samples.payment(),
        "paid_before": False,
    }
    return Standing(**(given | more))


def told(where: Standing, what: Word, now: datetime = NOW) -> Change | None:
    return decide(where, what, now, "provider:sandbox", POLICY)


GRANTED = "payment succeeded, invoice paid, subscription first_paid, +Period"
LATE = "payment succeeded, +Refund"
TWICE = "payment succeeded_again, +Refund"
FAILED, ACTION, TAKEN, ASKED = "payment failed", "payment action_required", "payment taken_in_hand", "payment asked"


@pytest.mark.parametrize(
    ("state",            "failed", "action", "pending", "unknown", "not_paid", "fail", "paid"),
    [
        ("created",         None,   None,   None,      None,      None,       None,   None),
        ("unknown",         FAILED, ACTION, TAKEN,     ASKED,     GRANTED,    LATE,   TWICE),
        ("requires_action", FAILED, ASKED,  TAKEN,     ASKED,     GRANTED,    LATE,   TWICE),
        ("pending",         FAILED, ACTION, ASKED,     ASKED,     GRANTED,    LATE,   TWICE),
        ("failed",          None,   None,   None,      None,      GRANTED,    LATE,   TWICE),
        ("succeeded",       None,   None,   None,      None,      None,       None,   None),
        ("duplicate",       None,   None,   None,      None,      None,       None,   None),
        ("aborted",         None,   None,   None,      None,      None,       None,   None),
    ],
)  # fmt: skip
def test_every_answer_in_every_state(
    state: str,
    failed: str | None,
    action: str | None,
    pending: str | None,
    unknown: str | None,
    not_paid: str | None,
    fail: str | None,
    paid: str | None,
) -> None:
    """The last three columns are success, by the invoice's state; the others do not depend on it."""
    without_money = dict(zip(OUTCOMES, (failed, action, pending, unknown), strict=False))
    with_money = {"not_paid": not_paid, "fail": fail, "paid": paid}
    for invoice_state, granted in with_money.items():
        where = standing(
            samples.payment(state), invoice=samples.invoice(invoice_state), paid_before=invoice_state == "paid"
        )
        for outcome, expected in (without_money | {Outcome.succeeded: granted}).items():
            assert moves(told(where, word(outcome))) == expected, (state, outcome, invoice_state)


# Success


def test_the_first_payment_starts_the_subscription_at_the_moment_it_is_recorded() -> None:
    change = told(standing(), word(method=samples.method(), method_is_new=True))
    subscription = moved(change, samples.subscription())
    assert (subscription.state, subscription.anchor, subscription.started_at) == ("active", NOW, NOW)
    assert (subscription.steps, subscription.paid_through) == (1, datetime(2027, 2, 28, 9, 0, tzinfo=UTC))
    assert subscription.next_action_at == subscription.paid_through
    (period,) = added(change, Period)
    assert (period.start, period.end, period.intervals) == (NOW, subscription.paid_through, 1)
    assert (period.invoice_id, period.subscription_id) == (samples.INVOICE_ID, samples.SUBSCRIPTION_ID)
    assert moved(change, samples.invoice()).paid_at == NOW


def test_three_months_bought_on_31_january_end_on_30_april_and_one_more_on_31_may() -> None:
    change = told(standing(invoice=samples.invoice(count=3)), word())
    subscription = moved(change, samples.subscription())
    assert subscription.paid_through == datetime(2027, 4, 30, 9, 0, tzinfo=UTC)
    again = told(standing(subscription=subscription), word(), NOW + timedelta(days=5))
    assert moves(again) == "payment succeeded, invoice paid, subscription prolonged, +Period"
    (period,) = added(again, Period)
    assert (period.start, period.end) == (subscription.paid_through, datetime(2027, 5, 31, 9, 0, tzinfo=UTC))


def test_a_plan_of_three_months_counts_three_months_for_each_interval() -> None:
    change = told(standing(plan=samples.plan(interval_count=3), invoice=samples.invoice(count=2)), word())
    assert moved(change, samples.subscription()).paid_through == datetime(2027, 7, 31, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize("auto_renew", [True, False])
def test_prolonging_keeps_the_anchor_the_start_and_the_customers_choice_about_renewal(auto_renew: bool) -> None:
    before = samples.running(auto_renew=auto_renew)
    change = told(standing(subscription=before, invoice=samples.invoice(count=2)), word())
    after = moved(change, before)
    assert (after.anchor, after.started_at, after.auto_renew) == (before.anchor, before.started_at, auto_renew)
    assert (after.price_id, after.plan_id, after.zone) == (before.price_id, before.plan_id, before.zone)
    assert (after.steps, after.paid_through) == (3, datetime(2027, 4, 10, 9, 0, tzinfo=UTC))


@pytest.mark.parametrize(
    ("agreed", "method", "is_new", "renews", "saved"),
    [
        (True, samples.method(), True, True, 1),
        (True, samples.method(), False, True, 0),
        (True, None, False, False, 0),
        (False, samples.method(), True, False, 0),
        (False, None, False, False, 0),
    ],
)
def test_renewal_needs_both_the_customers_word_and_a_method_that_was_saved(
    agreed: bool, method: PaymentMethod | None, is_new: bool, renews: bool, saved: int
) -> None:
    where = standing(invoice=samples.invoice(renews=agreed))
    change = told(where, word(method=method, method_is_new=is_new))
    subscription = moved(change, samples.subscription())
    assert subscription.auto_renew is renews
    assert (subscription.payment_method_id is not None) is renews
    assert len(added(change, PaymentMethod)) == saved


@pytest.mark.parametrize("amount", [Money(29_899, "RUB"), Money(29_900, "USD"), Money(0, "RUB"), None])
@pytest.mark.parametrize("state", ["unknown", "requires_action", "pending", "failed"])
@pytest.mark.parametrize("invoice", ["not_paid", "fail"])
def test_a_success_over_another_sum_grants_nothing_and_calls_a_person(
    amount: Money | None, state: str, invoice: str
) -> None:
    where = standing(samples.payment(state), invoice=samples.invoice(invoice))
    change = told(where, word(amount=amount))
    assert moves(change) == "payment put_in_review, subscription parked"
    payment, subscription = moved(change, where.payment), moved(change, where.subscription)
    assert (payment.state, payment.review_at, payment.next_check_at) == (state, NOW, None)
    assert (subscription.state, subscription.parked_at) == ("pending", NOW)
    assert told(replace(where, payment=payment, subscription=subscription), word(amount=amount)) is None


@pytest.mark.parametrize("parked", [None, NOW])
def test_a_review_parks_what_is_not_parked_and_not_over(parked: datetime | None) -> None:
    expired = standing(subscription=samples.subscription(state="expired"))
    already = standing(subscription=samples.running(parked_at=NOW))
    for where in (expired, already):
        assert moves(told(where, word(amount=None))) == "payment put_in_review"


def test_the_right_sum_after_a_review_is_granted_and_ends_the_review() -> None:
    payment = samples.payment("unknown", review_at=NOW - timedelta(hours=1), next_check_at=None)
    change = told(standing(payment, subscription=samples.subscription(parked_at=NOW)), word())
    assert moves(change) == GRANTED
    assert moved(change, payment).review_at is None


@pytest.mark.parametrize(
    ("invoice", "paid_before", "reason"),
    [("paid", True, "duplicate"), ("fail", False, "late"), ("fail", True, "duplicate")],
)
@pytest.mark.parametrize("subscription", [samples.subscription(state="expired"), samples.running()])
def test_money_that_buys_nothing_goes_back_whole(
    invoice: str, paid_before: bool, reason: str, subscription: Subscription
) -> None:
    where = standing(invoice=samples.invoice(invoice), paid_before=paid_before, subscription=subscription)
    change = told(where, word(method=samples.method(), method_is_new=True))
    (refund,) = added(change, Refund)
    assert (refund.amount, refund.reason, refund.state) == (SUM, reason, "submitted")
    assert (refund.payment_id, refund.next_check_at) == (where.payment.id, NOW)
    assert moved(change, where.payment).reserved_minor == SUM.minor
    assert moved(change, where.invoice) == where.invoice
    assert moved(change, subscription) == subscription
    assert added(change, PaymentMethod) == added(change, Period) == []


def over(state: str) -> Subscription:
    return samples.running(state=state, auto_renew=False, end_reason="cancelled" if state == "ended" else None)


@pytest.mark.parametrize("state", ["expired", "ended"])
@pytest.mark.parametrize("payment", ["failed", "unknown", "requires_action"])
def test_money_for_a_subscription_that_is_over_goes_back_and_nobody_can_pay_again(state: str, payment: str) -> None:
    where = standing(samples.payment(payment), subscription=over(state))
    change = told(where, word(method=samples.method(), method_is_new=True))
    assert moves(change) == "payment succeeded, invoice closed, +Refund"
    assert moved(change, where.payment).reserved_minor == SUM.minor
    assert moved(change, where.subscription) == where.subscription


def fallen(state: str, **more: Any) -> Subscription:
    """A renewal was declined on 10 February, when the paid time was over."""
    return samples.running(**({"state": state, "past_due_since": PAID_TO, "declines": 1, "method_dead": True} | more))


@pytest.mark.parametrize(
    ("state", "day", "same_interval", "anchor", "steps", "start"),
    [
        # Within grace the new time follows the old; after it, or for another interval, reckoning begins anew.
        ("past_due", 12, True, "old", 2, "old end"),
        ("past_due", 12, False, "old end", 1, "old end"),
        ("suspended", 18, True, "now", 1, "now"),
        ("suspended", 18, False, "now", 1, "now"),
    ],
)
def test_buying_brings_back_what_had_fallen(
    state: str, day: int, same_interval: bool, anchor: str, steps: int, start: str
) -> None:
    now = datetime(2027, 2, day, 9, 0, tzinfo=UTC)
    before = fallen(state)
    moments = {"old": before.anchor, "old end": PAID_TO, "now": now}
    bought = samples.invoice(plan_id=samples.OTHER_PLAN_ID)
    renewal = samples.invoice(id=UUID(int=61), reason="renewal")
    plan = samples.plan(id=samples.OTHER_PLAN_ID, interval="month" if same_interval else "year")
    where = standing(subscription=before, invoice=bought, plan=plan, before=samples.plan(), unpaid_renewal=renewal)
    change = told(where, word(), now)
    assert moves(change) == "payment succeeded, invoice paid, invoice closed, subscription recovered, +Period"
    after_it = moved(change, before)
    assert (after_it.state, after_it.plan_id) == ("active", samples.OTHER_PLAN_ID)
    assert (after_it.anchor, after_it.steps) == (moments[anchor], steps)
    assert (after_it.declines, after_it.past_due_since, after_it.method_dead) == (0, None, False)
    assert added(change, Period)[0].start == moments[start]
    assert moved(change, renewal).fail_reason == "superseded"


# Failure


@pytest.mark.parametrize("kind", DeclineClass)
@pytest.mark.parametrize("subscription", [samples.subscription(), samples.running()])
@pytest.mark.parametrize("invoice", ["not_paid", "fail"])
def test_only_a_closed_checkout_ends_the_invoice(kind: DeclineClass, subscription: Subscription, invoice: str) -> None:
    where = standing(subscription=subscription, invoice=samples.invoice(invoice))
    change = told(where, word(Outcome.failed, decline=Decline(kind, "why")))
    ends = kind is DeclineClass.closed and invoice == "not_paid"
    expires = ends and subscription.state == "pending"
    expected = FAILED + ", invoice closed" * ends + ", subscription checkout_closed" * expires
    assert moves(change) == expected
    payment = moved(change, where.payment)
    assert (payment.decline_kind, payment.decline_code, payment.next_check_at) == (kind, "why", None)
    if ends:
        assert moved(change, where.invoice).fail_reason == "expired"


def test_a_failure_without_a_reason_is_soft() -> None:
    assert moved(told(standing(), word(Outcome.failed, decline=None)), samples.payment()).decline_kind == "soft"


# Nothing new


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("state", ["unknown", "requires_action", "pending", "failed"])
@pytest.mark.parametrize("invoice", ["not_paid", "fail", "paid"])
def test_a_repeated_answer_changes_nothing(outcome: Outcome, state: str, invoice: str) -> None:
    where = standing(samples.payment(state), invoice=samples.invoice(invoice), paid_before=invoice == "paid")
    again = after(where, told(where, word(outcome)))
    assert told(again, word(outcome)) is None


@pytest.mark.parametrize("outcome", [Outcome.unknown, Outcome.requires_action])
def test_a_look_between_two_scheduled_ones_does_not_count(outcome: Outcome) -> None:
    payment = samples.payment("requires_action", next_check_at=NOW + timedelta(seconds=1))
    assert told(standing(payment), word(outcome)) is None


def test_an_address_that_comes_later_is_kept_and_one_that_never_comes_is_no_news() -> None:
    payment = samples.payment("requires_action", redirect_url=None, next_check_at=NOW + timedelta(minutes=1))
    assert told(standing(payment), word(Outcome.requires_action, redirect_url=None)) is None
    change = told(standing(payment), word(Outcome.requires_action))
    assert moves(change) == ACTION
    assert moved(change, payment).redirect_url == PAGE


def test_what_is_known_of_the_providers_object_is_not_forgotten() -> None:
    payment = samples.payment("requires_action", provider_ref="pay_1")
    after_it = moved(told(standing(payment), word(Outcome.pending)), payment)
    assert (after_it.provider_ref, after_it.redirect_url) == ("pay_1", PAGE)


def after(where: Standing, change: Change | None) -> Standing:
    return replace(
        where,
        subscription=moved(change, where.subscription),
        invoice=moved(change, where.invoice),
        payment=moved(change, where.payment),
    )


# Any answers, in any order


@dataclass
class Customer:
    """One order with two payments, the first of which was given up; words come in as they like."""

    subscription: Subscription
    invoice: Invoice
    payments: list[Payment] = field(
        default_factory=lambda: [samples.payment("failed"), samples.payment(id=UUID(int=77))]
    )
    periods: list[Period] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)

    def hear(self, which: int, what: Word, now: datetime) -> Change | None:
        payment = self.payments[which]
        paid_before = any(other.state == "succeeded" for other in self.payments if other is not payment)
        where = Standing(self.subscription, samples.plan(), self.invoice, payment, paid_before)
        change = decide(where, what, now, "provider:sandbox", POLICY)
        later = after(where, change)
        self.subscription, self.invoice, self.payments[which] = later.subscription, later.invoice, later.payment
        self.periods += added(change, Period)
        self.refunds += added(change, Refund)
        return change


words = st.builds(
    Word,
    outcome=st.sampled_from(OUTCOMES),
    provider_ref=st.sampled_from([None, "pay_1"]),
    amount=st.sampled_from([SUM, SUM, SUM, Money(1, "RUB"), None]),
    redirect_url=st.sampled_from([None, PAGE]),
    method=st.sampled_from([None, samples.method()]),
    decline=st.none() | st.builds(Decline, st.sampled_from(DeclineClass), st.just("why")),
)
heard = st.lists(st.tuples(st.integers(0, 1), words, st.integers(0, 3_000)), max_size=12)
customers = st.builds(
    Customer,
    subscription=st.sampled_from([samples.subscription(), samples.running()]),
    invoice=st.builds(samples.invoice, st.sampled_from(["not_paid", "fail"]), count=st.integers(1, 12)),
)


@given(customers, heard)
def test_whatever_is_said_in_whatever_order_one_sum_gives_one_period_and_every_other_goes_back(
    customer: Customer, said: list[tuple[int, Word, int]]
) -> None:
    now = NOW
    for which, what, minutes in said:
        now += timedelta(minutes=minutes)
        customer.hear(which, what, now)
        assert customer.hear(which, what, now) is None
        check(customer)


def check(customer: Customer) -> None:
    paid = customer.invoice.state == "paid"
    assert len(customer.periods) == paid
    taken = [payment for payment in customer.payments if payment.state in ("succeeded", "duplicate")]
    assert len([payment for payment in taken if payment.state == "succeeded"]) <= 1
    assert len(customer.refunds) == len(taken) - paid
    assert sum(payment.reserved_minor for payment in taken) == SUM.minor * len(customer.refunds)
    for payment in customer.payments:
        assert (payment.state == "failed") == (payment.decline_kind is not None)
        assert payment.review_at is None or payment not in taken
    for period in customer.periods:
        assert period.start < period.end == customer.subscription.paid_through


@given(
    st.sampled_from(Interval),
    st.integers(1, 12),
    st.lists(st.integers(1, 12), min_size=1, max_size=6),
    st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
)
def test_paid_periods_follow_each_other_without_gap_or_overlap(
    interval: Interval, every: int, counts: list[int], now: datetime
) -> None:
    plan, subscription, last = samples.plan(interval=interval, interval_count=every), samples.subscription(), now
    for count in counts:
        where = standing(subscription=subscription, plan=plan, invoice=samples.invoice(count=count))
        change = told(where, word(), now)
        (period,) = added(change, Period)
        assert period.start == last < period.end
        subscription, last = moved(change, subscription), period.end
    assert subscription.steps == sum(counts)
