"""How long a subscription lets its user watch, and what is left of it at a moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.access import WITHDRAWS_TOKENS, entitlements, until
from portal.domain.calendar import Interval
from portal.domain.plan import Plan
from portal.domain.policy import Policy
from tests.domain import samples
from tests.domain.samples import NOW, PLAN_ID

END = datetime(2027, 2, 10, 9, 0, tzinfo=UTC)
POLICY = Policy(grace_days=7)
STATES = ("pending", "trialing", "active", "past_due", "suspended", "paused", "expired", "ended")
DAILY = {"interval": Interval.day}
THREE_DAYS = {"interval": Interval.day, "interval_count": 3}
WEEKLY = {"interval": Interval.week}


@pytest.mark.parametrize(
    ("state", "row", "plan", "days"),
    [
        # state      what else is so                                      plan    days of grace
        ("active",   {},                                                  {},     7),
        ("past_due", {},                                                  {},     7),
        ("active",   {"auto_renew": False},                               {},     0),
        ("past_due", {"auto_renew": False},                               {},     0),
        ("active",   {"payment_method_id": None},                         {},     0),
        ("active",   {},                                                  DAILY,  1),
        ("active",   {},                                                  WEEKLY, 7),
        ("active",   {},                                                  THREE_DAYS, 3),
        ("active",   {"parked_at": NOW},                                  {},     14),
        ("past_due", {"parked_at": NOW},                                  {},     14),
        ("active",   {"parked_at": NOW},                                  DAILY,  14),
        ("trialing", {"trial_end": END},                                  {},     1),
        ("trialing", {"trial_end": END, "auto_renew": False},             {},     0),
        ("trialing", {"trial_end": END, "payment_method_id": None},       {},     0),
        ("trialing", {"trial_end": END, "parked_at": NOW},                {},     14),
    ],
)  # fmt: skip
def test_access_is_what_was_paid_for_and_some_grace(
    state: str, row: dict[str, Any], plan: dict[str, Any], days: int
) -> None:
    subscription = samples.running(state=state, paid_through=END, **row)
    assert until(subscription, samples.plan(**plan), POLICY) == END + timedelta(days=days)


@pytest.mark.parametrize("state", ["pending", "suspended", "paused", "expired", "ended"])
@pytest.mark.parametrize("parked_at", [None, NOW])
def test_other_states_give_no_access_whatever_was_paid(state: str, parked_at: datetime | None) -> None:
    subscription = samples.running(state=state, trial_end=END, parked_at=parked_at)
    assert until(subscription, samples.plan(), POLICY) is None


@given(
    st.sampled_from(STATES),
    st.booleans(),
    st.sampled_from([None, samples.METHOD_ID]),
    st.sampled_from([None, NOW]),
    st.sampled_from(Interval),
    st.integers(0, 60),
)
def test_access_never_ends_before_the_paid_time_nor_long_after_it(
    state: str, auto_renew: bool, method: UUID | None, parked_at: datetime | None, interval: Interval, grace: int
) -> None:
    subscription = samples.running(
        state=state, auto_renew=auto_renew, payment_method_id=method, parked_at=parked_at, trial_end=END
    )
    end = until(subscription, samples.plan(interval=interval), Policy(grace_days=grace))
    assert end is None or END <= end <= END + timedelta(days=max(grace, 14))


def rights(at: datetime, *subscriptions: Any, plans: tuple[Plan, ...] = ()) -> list[tuple[UUID, str]]:
    known = {plan.id: plan for plan in (samples.plan(), *plans)}
    return [(right.subscription_id, right.plan) for right in entitlements(subscriptions, known, at, POLICY)]


def test_an_entitlement_says_what_may_be_used_from_when_until_when() -> None:
    subscription = samples.running()
    (right,) = entitlements([subscription], {PLAN_ID: samples.plan()}, NOW, POLICY)
    assert (right.subscription_id, right.plan, right.features) == (subscription.id, "standard", ("hd",))
    assert (right.start, right.until) == (subscription.started_at, END + timedelta(days=7))
    assert (right.auto_renew, right.state) == (True, "active")


@pytest.mark.parametrize(("left", "seen"), [(timedelta(microseconds=1), 1), (timedelta(0), 0), (timedelta(days=-1), 0)])
def test_only_entitlements_with_time_left_are_told(left: timedelta, seen: int) -> None:
    assert len(rights(END + timedelta(days=7) - left, samples.running())) == seen


def test_entitlements_come_oldest_first_and_always_in_the_same_order() -> None:
    ids = [UUID(int=number) for number in (30, 10, 20)]
    created = [NOW, NOW, NOW - timedelta(days=1)]
    rows = [samples.running(id=one, created_at=at) for one, at in zip(ids, created, strict=True)]
    expected = [(UUID(int=number), "standard") for number in (20, 10, 30)]
    assert rights(NOW, *rows) == rights(NOW, *reversed(rows)) == expected


def test_each_entitlement_carries_its_own_plan() -> None:
    other = samples.plan(id=samples.OTHER_PLAN_ID, code="sports", group="extras")
    extra = samples.running(id=UUID(int=99), plan_id=other.id, group="extras", created_at=NOW)
    assert [plan for _, plan in rights(NOW, extra, samples.running(), plans=(other,))] == ["standard", "sports"]


def test_tokens_are_withdrawn_for_what_takes_effect_at_once_only() -> None:
    names = {name.removeprefix("subscription.") for name in WITHDRAWS_TOKENS}
    assert names == {"activated", "changed", "cancelled", "deactivated", "restated"}
