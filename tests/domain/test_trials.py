"""Who may try, when a trial begins and ends, and what the first charge makes of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain import trials
from portal.domain.access import until
from portal.domain.dunning import Due, due, next_action_at
from portal.domain.errors import SubscriptionExists
from portal.domain.invoice import Invoice, InvoiceLine
from portal.domain.money import Money
from portal.domain.outcome import Decline, DeclineClass, Outcome
from portal.domain.payment import intent
from portal.domain.policy import Policy
from portal.domain.purchasing import Order, decide
from portal.domain.purchasing import Standing as Having
from portal.domain.settlement import decide as told
from portal.domain.subscription import Period, Subscription
from portal.domain.word import Standing, Word
from tests.domain import samples
from tests.domain.ledger import added, moved, moves
from tests.domain.samples import NOW, SUM

POLICY = Policy()
PLAN = samples.plan(trial_days=7)
DAY = timedelta(days=1)
END = NOW + 7 * DAY
NOTHING = Money(0, "RUB")
SOFT = Decline(DeclineClass.soft, "insufficient_funds")
HARD = Decline(DeclineClass.hard, "lost_card")
GATEWAY = Decline(DeclineClass.gateway, "gateway")


def trying(**more: Any) -> Subscription:
    """Begun at NOW, for seven days."""
    given: dict[str, Any] = {
        "state": "trialing",
        "anchor": None,
        "steps": 0,
        "paid_through": None,
        "trial_end": END,
        "started_at": NOW,
        "next_action_at": END,
    }
    return samples.running(**(given | more))


@pytest.mark.parametrize(
    ("days", "count", "state",     "had",  "given"),
    [
        (7,  1, None,         False, 7),
        (7,  1, "pending",    False, 7),
        (7,  1, None,         True,  0),
        (7,  2, None,         False, 0),
        (0,  1, None,         False, 0),
        (7,  1, "past_due",   False, 0),
        (7,  1, "suspended",  False, 0),
        (7,  1, "active",     False, 0),
        (90, 1, None,         False, 90),
    ],
)  # fmt: skip
def test_who_is_offered_a_trial(days: int, count: int, state: str | None, had: bool, given: int) -> None:
    running = samples.running(state=state) if state else None
    assert trials.days(samples.plan(trial_days=days), count, running, had) == given


# The order


def order(**more: Any) -> Order:
    given: dict[str, Any] = {
        "plan": PLAN,
        "price": samples.price(),
        "count": 1,
        "provider": "sandbox",
        "agreement": samples.agreement(),
        "trial_days": 7,
    }
    return Order(**(given | more))


def test_the_order_is_an_invoice_over_nothing_that_saves_a_method() -> None:
    purchase = decide(samples.user(), Having(None, None, None), order(), NOW, POLICY, "Europe/Moscow")
    (invoice,), (line,) = added(purchase.change, Invoice), added(purchase.change, InvoiceLine)
    assert (invoice.total, invoice.trial_days, invoice.count, invoice.saves_method) == (NOTHING, 7, 1, True)
    assert (line.unit_minor, line.discount_minor, line.total_minor) == (0, 0, 0)
    assert intent(invoice, samples.subscription(), NOW, kind="checkout").why["trial_days"] == 7


def test_the_same_plan_with_and_without_its_trial_are_two_requests() -> None:
    tried = samples.invoice(trial_days=7, total_minor=0, expires_at=NOW + DAY)
    having = Having(samples.subscription(), tried, None)
    again = decide(samples.user(), having, order(), NOW, POLICY, "Europe/Moscow")
    assert again.change is None
    at_once = decide(samples.user(), having, order(trial_days=0), NOW, POLICY, "Europe/Moscow")
    (invoice,) = added(at_once.change, Invoice)
    assert (invoice.total, invoice.trial_days) == (SUM, None)


def test_nobody_buys_while_trying() -> None:
    with pytest.raises(SubscriptionExists):
        decide(samples.user(), Having(trying(), None, None), order(trial_days=0), NOW, POLICY, "Europe/Moscow")


# The method is saved


def saving(state: str = "requires_action", **more: Any) -> Standing:
    given: dict[str, Any] = {
        "subscription": samples.subscription(),
        "plan": PLAN,
        "invoice": samples.invoice(trial_days=7, total_minor=0),
        "payment": samples.payment(state, amount_minor=0),
        "paid_before": False,
    }
    return Standing(**(given | more))


SAVED = Word(Outcome.succeeded, amount=NOTHING, method=samples.method(), method_is_new=True)


def test_the_saved_method_opens_access_until_the_trials_end_and_a_day_more() -> None:
    change = told(saving(), SAVED, NOW, "provider:sandbox", POLICY)
    after = moved(change, samples.subscription())
    assert moves(change) == "+PaymentMethod, payment succeeded, invoice paid, subscription trial_started, +Period"
    assert (after.state, after.trial_end, after.started_at, after.auto_renew) == ("trialing", END, NOW, True)
    assert (after.anchor, after.steps, after.paid_through, after.next_action_at) == (None, 0, None, END)
    assert until(after, PLAN, POLICY) == END + DAY
    (period,) = added(change, Period)
    assert (period.start, period.end, period.intervals, period.bought) == (NOW, END, 0, False)


@pytest.mark.parametrize("state", ["unknown", "requires_action", "pending", "failed"])
def test_a_page_that_left_no_method_begins_no_trial(state: str) -> None:
    change = told(saving(state), replace(SAVED, method=None), NOW, "provider:sandbox", POLICY)
    closed = "payment failed, invoice closed, subscription checkout_closed"
    assert moves(change) == (None if state == "failed" else closed)


@pytest.mark.parametrize(
    "more",
    [
        {"invoice": samples.invoice("fail", trial_days=7, total_minor=0)},
        {"subscription": samples.subscription(state="expired")},
        {"invoice": samples.invoice("paid", trial_days=7, total_minor=0), "paid_before": True},
    ],
)
def test_a_card_that_was_saved_too_late_or_twice_has_nothing_to_give_back(more: dict[str, Any]) -> None:
    change = told(saving(**more), SAVED, NOW, "provider:sandbox", POLICY)
    assert "Refund" not in str(moves(change))
    assert "trial_started" not in str(moves(change))


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Europe/Moscow", "America/New_York", "Australia/Lord_Howe"])
@given(days=st.integers(1, 90), hours=st.integers(0, 24 * 400))
def test_a_trial_is_whole_days_of_the_customers_calendar(zone: str, days: int, hours: int) -> None:
    start = NOW + timedelta(hours=hours)
    assert abs(trials.end_of(start, zone, days) - start - days * DAY) <= timedelta(hours=1)


# Its end

FACTS: list[tuple[str, dict[str, Any], timedelta, Due]] = [
    ("running",             {},                                                    -DAY,               Due.nothing),
    ("over",                {},                                                    timedelta(0),       Due.charge),
    ("not reached",         {"retry_at": END + timedelta(minutes=5)},              timedelta(0),       Due.nothing),
    ("asked again",         {"retry_at": END + timedelta(minutes=5)},              timedelta(hours=1), Due.charge),
    ("cancelled, running",  {"auto_renew": False},                                 -DAY,               Due.nothing),
    ("cancelled, over",     {"auto_renew": False},                                 timedelta(0),       Due.end),
    ("no method",           {"payment_method_id": None},                           timedelta(0),       Due.end),
    ("parked",              {"parked_at": NOW},                                    timedelta(0),       Due.nothing),
]  # fmt: skip


@pytest.mark.parametrize(("more", "after_end", "expected"), [row[1:] for row in FACTS], ids=[row[0] for row in FACTS])
def test_what_is_due(more: dict[str, Any], after_end: timedelta, expected: Due) -> None:
    subscription = trying(**more)
    assert due(subscription, PLAN, POLICY, END + after_end) is expected
    assert next_action_at(subscription, PLAN, POLICY) == max(END, subscription.retry_at or END)


def charging(**more: Any) -> Standing:
    subscription = trying(**more)
    return Standing(
        subscription=subscription,
        plan=PLAN,
        invoice=samples.invoice(reason="renewal", due_at=END, expires_at=END + 44 * DAY),
        payment=samples.payment("unknown", kind="charge", payment_method_id=subscription.payment_method_id),
        paid_before=False,
        charged=samples.method(),
    )


PAID = Word(Outcome.succeeded, amount=SUM)


@pytest.mark.parametrize(
    ("later",                          "more",                        "begins"),
    [
        (timedelta(0),                 {},                            END),
        (timedelta(minutes=1),         {},                            END),
        (timedelta(hours=23),          {},                            END),
        (timedelta(hours=23),          {"payment_method_id": None},   END),
        (DAY,                          {},                            END + DAY),
        (3 * DAY,                      {},                            END + 3 * DAY),
        (10 * DAY,                     {"parked_at": END + 6 * DAY},  END),
        (14 * DAY,                     {"parked_at": END + 6 * DAY},  END + 14 * DAY),
    ],
)  # fmt: skip
def test_paid_time_begins_at_the_trials_end_unless_access_was_closed(
    later: timedelta, more: dict[str, Any], begins: datetime
) -> None:
    where = charging(**more)
    change = told(where, PAID, END + later, "provider:sandbox", POLICY)
    after = moved(change, where.subscription)
    assert moves(change) == "payment succeeded, invoice paid, subscription trial_converted, +Period"
    assert (after.state, after.anchor, after.steps) == ("active", begins, 1)
    assert after.started_at == (NOW if begins == END else begins)
    (period,) = added(change, Period)
    assert (period.start, period.end, period.intervals) == (begins, after.paid_through, 1)


def test_a_month_after_a_trial_counts_from_its_end() -> None:
    start = datetime(2027, 1, 31, 9, 0, tzinfo=UTC)
    where = charging(trial_end=start)
    after = moved(told(where, PAID, start, "provider:sandbox", POLICY), where.subscription)
    assert after.paid_through == datetime(2027, 2, 28, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(("decline", "dead"), [(SOFT, False), (HARD, True)])
def test_a_decline_suspends_and_starts_dunning(decline: Decline, dead: bool) -> None:
    where = charging()
    change = told(where, Word(Outcome.failed, decline=decline), END, "provider:sandbox", POLICY)
    after = moved(change, where.subscription)
    assert (after.state, after.past_due_since, after.declines, after.method_dead) == ("suspended", END, 1, dead)
    assert after.next_action_at == (END + 14 * DAY if dead else END + DAY)
    assert until(after, PLAN, POLICY) is None


def test_a_bank_that_was_not_reached_suspends_nobody() -> None:
    where = charging()
    change = told(where, Word(Outcome.failed, decline=GATEWAY), END, "provider:sandbox", POLICY)
    after = moved(change, where.subscription)
    assert moves(change) == "payment failed, subscription not_reached"
    assert (after.state, after.gateway_failures, after.retry_at) == ("trialing", 1, END + timedelta(minutes=5))
