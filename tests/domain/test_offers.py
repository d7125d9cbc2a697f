"""What a customer can have back by themselves, as a table."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.money import Money
from portal.domain.offers import Offer, Paid, offers
from portal.domain.policy import Policy
from portal.domain.subscription import Period
from tests.domain import samples

ANCHOR = datetime(2027, 1, 31, 9, 0, tzinfo=UTC)
ENDS = {1: datetime(2027, 2, 28, 9, 0, tzinfo=UTC), 3: datetime(2027, 4, 30, 9, 0, tzinfo=UTC)}
POLICY = Policy()


def paid(count: int = 1, **more: Any) -> Paid:
    amount = {"amount_minor": 29_900 * count, "refunded_minor": 0, "reserved_minor": 0}
    payment = {name: more.pop(name) for name in list(more) if name.endswith("_minor")}
    subscription = samples.subscription(
        state="active", anchor=ANCHOR, steps=count, paid_through=ENDS[count], zone="Europe/Moscow"
    )
    period = Period(samples.PERIOD_ID, subscription.id, ANCHOR, ENDS[count], count, samples.INVOICE_ID, ANCHOR)
    facts: dict[str, Any] = {
        "subscription": subscription,
        "plan": samples.plan(),
        "payment": samples.payment("succeeded", succeeded_at=ANCHOR, **(amount | payment)),
        "period": period,
        "anchor": ANCHOR,
        "period_anchor_steps": 0,
        "is_last": True,
        "had_full_refund": False,
    }
    return Paid(**(facts | more))


def listed(found: list[Offer]) -> dict[str, int]:
    return {offer.kind: offer.amount.minor for offer in found}


# fmt: off
TABLE = [
    # count, days passed, what is different,           what is offered
    (1,  0,  {},                                       {"unused": 29_900}),
    (1,  1,  {},                                       {"unused": 28_832, "full": 29_900}),
    (1,  7,  {},                                       {"unused": 22_425, "full": 29_900}),
    (1, 13,  {},                                       {"unused": 16_018, "full": 29_900}),
    (1, 14,  {},                                       {"unused": 14_950}),
    (1, 27,  {},                                       {"unused": 1_068}),
    (1, 28,  {},                                       {}),
    (3,  7,  {},                                       {"unused": 82_225, "full": 89_700}),
    (3, 28,  {},                                       {"unused": 59_800}),
    (3, 59,  {},                                       {"unused": 29_900}),
    (1,  7,  {"had_full_refund": True},                {"unused": 22_425}),
    (1,  7,  {"is_last": False},                       {}),
    (1,  7,  {"period": None},                         {}),
    (1,  7,  {"refunded_minor": 10_000},               {"unused": 12_425}),
    (1,  7,  {"reserved_minor": 22_425},               {}),
    (1,  7,  {"refunded_minor": 29_900},               {}),
]
# fmt: on


@pytest.mark.parametrize(("count", "days", "different", "expected"), TABLE)
def test_the_offers(count: int, days: int, different: dict[str, Any], expected: dict[str, int]) -> None:
    assert listed(offers(paid(count, **different), ANCHOR + timedelta(days=days), POLICY)) == expected


def test_time_that_has_not_begun_is_offered_whole_and_does_not_end_access() -> None:
    found = offers(paid(), ANCHOR - timedelta(days=3), POLICY)
    whole = Money(29_900, "RUB")
    assert found == [Offer("unused", whole, ends_access=False, shown=whole)]


def test_granted_time_after_it_changes_nothing_in_what_is_left_of_bought_time() -> None:
    """The anchor has moved to the end of the grant; the time that was bought is reckoned from its own."""
    now, end = ANCHOR + timedelta(days=7), ENDS[3] + timedelta(days=10)
    extended = replace(paid(3).subscription, anchor=end, steps=0, paid_through=end)
    assert offers(paid(3, subscription=extended), now, POLICY) == offers(paid(3), now, POLICY)


def test_bought_time_that_has_not_begun_is_not_taken_out_from_before_granted_time() -> None:
    extended = replace(paid().subscription, paid_through=ENDS[1] + timedelta(days=10))
    assert offers(paid(subscription=extended), ANCHOR - timedelta(days=3), POLICY) == []


@given(st.integers(0, 28 * 86_400), st.integers(0, 28 * 86_400), st.integers(1, 10**6))
def test_the_unused_share_lies_between_nothing_and_all_and_only_falls(first: int, second: int, minor: int) -> None:
    early, late = sorted((first, second))
    sums = [
        listed(offers(paid(amount_minor=minor), ANCHOR + timedelta(seconds=at), POLICY)).get("unused", 0)
        for at in (early, late)
    ]
    assert minor >= sums[0] >= sums[1] >= 0


def test_the_sum_that_was_read_a_few_minutes_ago_is_still_the_offer() -> None:
    offer = Offer("unused", Money(20_000, "RUB"), ends_access=True, shown=Money(20_010, "RUB"))
    assert [offer.is_meant_by(Money(minor, "RUB")) for minor in (19_999, 20_000, 20_005, 20_010, 20_011)] == [
        False,
        True,
        True,
        True,
        False,
    ]
