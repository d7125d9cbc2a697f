"""What is due when, as tables; and that a subscription is always woken for it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.dunning import Due, backoff, due, next_action_at
from portal.domain.policy import Policy
from portal.domain.subscription import Subscription
from tests.domain import samples

POLICY = Policy()
END = samples.NOW
NO_METHOD: dict[str, Any] = {"payment_method_id": None}
NO_RENEWAL: dict[str, Any] = {"auto_renew": False}


def held(state: str, **more: Any) -> Subscription:
    usual: dict[str, Any] = {
        "anchor": END - timedelta(days=31),
        "steps": 1,
        "paid_through": END,
        "auto_renew": True,
        "payment_method_id": samples.METHOD_ID,
        "zone": "Europe/Moscow",
    }
    owing = {"past_due_since": END, "declines": 1} if state in ("past_due", "suspended") else {}
    return samples.subscription(state=state, **(usual | owing | more))


# fmt: off
TABLE = [
    # state,      what is different,                day,   what is due
    ("active",    {},                               -1,    Due.nothing),
    ("active",    {},                               0,     Due.charge),
    ("active",    NO_RENEWAL,                       0,     Due.end),
    ("active",    NO_METHOD,                        0,     Due.end),
    ("active",    {"retry_at": END + timedelta(1)}, 0.5,   Due.nothing),
    ("active",    {"retry_at": END + timedelta(1)}, 1,     Due.charge),
    ("active",    {"parked_at": END},               0,     Due.nothing),
    ("past_due",  {},                               0.9,   Due.nothing),
    ("past_due",  {},                               1,     Due.charge),
    ("past_due",  {"declines": 2},                  2.9,   Due.nothing),
    ("past_due",  {"declines": 2},                  3,     Due.charge),
    ("past_due",  {"declines": 3},                  6,     Due.charge),
    ("past_due",  {"declines": 4},                  6.9,   Due.nothing),
    ("past_due",  {"declines": 4},                  7,     Due.suspend),
    ("past_due",  {"declines": 3},                  7,     Due.charge),
    ("past_due",  {"method_dead": True},            3,     Due.nothing),
    ("past_due",  {"method_dead": True},            7,     Due.suspend),
    ("past_due",  NO_METHOD,                        0,     Due.suspend),
    ("suspended", {"declines": 4},                  9.9,   Due.nothing),
    ("suspended", {"declines": 4},                  10,    Due.charge),
    ("suspended", {"declines": 5},                  13,    Due.charge),
    ("suspended", {"declines": 6},                  13.9,  Due.nothing),
    ("suspended", {"declines": 6},                  14,    Due.give_up),
    ("suspended", {"declines": 5},                  14,    Due.charge),
    ("suspended", {"method_dead": True},            14,    Due.give_up),
    ("suspended", NO_METHOD,                        14,    Due.give_up),
    ("pending",   {},                               99,    Due.nothing),
    ("ended",     {},                               99,    Due.nothing),
]
# fmt: on


@pytest.mark.parametrize(("state", "different", "day", "expected"), TABLE)
def test_what_is_due(state: str, different: dict[str, Any], day: float, expected: Due) -> None:
    assert due(held(state, **different), samples.plan(), POLICY, END + timedelta(days=day)) is expected


@given(
    state=st.sampled_from(["active", "past_due", "suspended"]),
    auto_renew=st.booleans(),
    method=st.booleans(),
    dead=st.booleans(),
    declines=st.integers(1, 8),
    retry=st.none() | st.integers(0, 20),
    day=st.floats(-2, 30),
)
def test_nothing_falls_due_before_the_moment_it_is_woken_for(
    state: str, auto_renew: bool, method: bool, dead: bool, declines: int, retry: int | None, day: float
) -> None:
    facts: dict[str, Any] = {"auto_renew": auto_renew, "declines": declines, "method_dead": dead}
    facts["payment_method_id"] = samples.METHOD_ID if method else None
    facts["retry_at"] = END + timedelta(days=retry) if retry is not None else None
    subscription = held(state, **facts)
    wakes: datetime | None = next_action_at(subscription, samples.plan(), POLICY)
    assert wakes is not None
    now = END + timedelta(days=day)
    assert (due(subscription, samples.plan(), POLICY, now) is Due.nothing) is (now < wakes)


def test_the_bank_that_is_not_reached_is_tried_after_five_minutes_then_ever_later_up_to_six_hours() -> None:
    minutes = [backoff(failures) // timedelta(minutes=1) for failures in range(1, 12)]
    assert minutes == [5, 10, 20, 40, 80, 160, 320, 360, 360, 360, 360]
    assert backoff(10**6) == timedelta(hours=6)
