"""Time that an operator gives: to whom, how much, and what becomes of the schedule."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain import states
from portal.domain.calendar import Interval, step
from portal.domain.change import Set
from portal.domain.errors import InvalidRequest, NotGrantable
from portal.domain.granting import Standing, grant
from portal.domain.policy import Policy
from portal.domain.subscription import Period, Subscription
from tests.domain import samples
from tests.domain.ledger import added, moved, moves
from tests.domain.samples import NOW

ACT_ID = UUID(int=77)
END = datetime(2027, 2, 10, 9, 0, tzinfo=UTC)


def standing(**more: Any) -> Standing:
    facts: dict[str, Any] = {
        "subscription": samples.running(),
        "plan": samples.plan(),
        "unpaid_renewal": None,
        "takes_time_back": False,
    }
    return Standing(**(facts | more))


def granted(days: int = 10, **more: Any) -> Subscription:
    facts = standing(**more)
    _, change = grant(facts, days, ACT_ID, NOW, "operator:olga", Policy())
    after: Subscription = moved(change, facts.subscription)
    return after


def test_the_granted_time_touches_the_paid_time_and_is_nobodys_purchase() -> None:
    end, change = grant(standing(), 10, ACT_ID, NOW, "operator:olga", Policy())
    (period,) = added(change, Period)
    assert end == period.end
    assert (period.start, period.end, period.intervals) == (END, END + timedelta(days=10), 0)
    assert (period.invoice_id, period.act_id) == (None, ACT_ID)
    assert (moves(change), change.actor) == ("subscription granted, +Period", "operator:olga")
    assert states.edge("subscription", "active", "granted").tells == "subscription.renewed"


def test_its_end_is_the_new_anchor_and_the_next_renewal() -> None:
    after = granted()
    end = END + timedelta(days=10)
    assert (after.anchor, after.steps, after.paid_through, after.next_action_at) == (end, 0, end, end)
    assert (after.state, after.auto_renew) == ("active", True)


def test_a_bank_that_was_not_reached_is_asked_at_the_new_end() -> None:
    waiting = samples.running(gateway_failures=3, retry_at=END + timedelta(days=40))
    renewal = samples.invoice(reason="renewal")
    _, change = grant(
        standing(subscription=waiting, unpaid_renewal=(renewal, None)), 10, ACT_ID, NOW, "operator:olga", Policy()
    )
    assert moves(change) == "invoice closed, subscription granted, +Period"
    after = moved(change, waiting)
    assert (after.gateway_failures, after.retry_at, after.next_action_at) == (0, None, END + timedelta(days=10))
    assert moved(change, renewal).fail_reason == "superseded"


def test_a_trial_grows_longer_and_its_first_charge_waits_for_its_new_end() -> None:
    trial = samples.period(start=NOW - timedelta(days=3), end=END, intervals=0)
    tried = samples.running(state="trialing", anchor=None, steps=0, paid_through=None, trial_end=END)
    end, change = grant(standing(subscription=tried, trial=trial), 10, ACT_ID, NOW, "operator:olga", Policy())
    after = moved(change, tried)
    assert (moves(change), change.writes[-1]) == ("subscription granted, +Set", Set(trial, {"end": end}))
    assert (after.state, after.trial_end, after.next_action_at) == ("trialing", end, end)
    assert (after.anchor, after.paid_through, end) == (None, None, END + timedelta(days=10))


@pytest.mark.parametrize("days", [0, -5, 367, 10**9, 1.0, True, "10", None])
def test_days_are_a_whole_number_of_at_most_a_leap_year(days: Any) -> None:
    with pytest.raises(InvalidRequest) as refused:
        granted(days)
    assert refused.value.facts == {"field": "days"}


REFUSED: dict[str, dict[str, Any]] = {
    **{
        state: {"subscription": samples.running(state=state)}
        for state in ("pending", "past_due", "suspended", "paused", "expired", "ended")
    },
    "a renewal is being charged": {
        "unpaid_renewal": (samples.invoice(reason="renewal"), samples.payment("unknown", kind="charge"))
    },
    "a refund takes time back": {"takes_time_back": True},
}


@pytest.mark.parametrize("why", list(REFUSED))
def test_only_a_subscription_that_runs_undisturbed_is_extended(why: str) -> None:
    with pytest.raises(NotGrantable):
        granted(**REFUSED[why])


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Europe/Moscow", "America/New_York", "Australia/Lord_Howe"])
@given(days=st.integers(1, 366), more=st.integers(1, 366))
def test_days_keep_the_hour_of_the_customers_clock(zone: str, days: int, more: int) -> None:
    running = samples.running(zone=zone)
    first = granted(days, subscription=running)
    assert first.paid_through == step(END, zone, Interval.day, days)
    second = granted(more, subscription=replace(first, next_action_at=None))
    assert first.paid_through is not None
    assert second.paid_through == step(first.paid_through, zone, Interval.day, more)
