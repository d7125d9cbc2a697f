"""What a customer can have back by themselves, as a table."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.calendar import Interval, step
from portal.domain.money import Money
from portal.domain.offers import TICK, Offer, Paid, left_of, offers, unused_share
from portal.domain.plan import Plan
from portal.domain.policy import Policy
from portal.domain.subscription import Period
from tests.domain import samples, thousands

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


CASES = st.tuples(
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Europe/Moscow", "Pacific/Apia"]),
    st.sampled_from(Interval),
    st.integers(1, 3),
    st.integers(1, 12),
    st.datetimes(datetime(2026, 1, 1), datetime(2028, 12, 31), timezones=st.just(UTC)),
)
MOMENTS = st.lists(st.fractions(0, 1, max_denominator=10**6), min_size=1, max_size=6)
Case = tuple[str, Interval, int, int, datetime]


def bought(case: Case) -> tuple[Plan, str, datetime, list[datetime]]:
    """Plan, zone, anchor and the edges of its intervals."""
    zone, interval, each, count, anchor = case
    edges = [step(anchor, zone, interval, each * n) for n in range(count + 1)]
    return samples.plan(interval=interval, interval_count=each), zone, anchor, edges


def between(edges: list[datetime], parts: list[Fraction]) -> list[datetime]:
    return sorted(edges[0] + timedelta(microseconds=int((edges[-1] - edges[0]) // TICK * part)) for part in parts)


@thousands.of_cases
@given(CASES, MOMENTS, st.sampled_from(["JPY", "RUB", "KWD"]), st.integers(1, 10**9), st.integers(0, 10**9))
def test_the_unused_part_falls_from_all_to_nothing_and_what_was_used_adds_up(
    case: Case, parts: list[Fraction], currency: str, minor: int, back: int
) -> None:
    plan, zone, anchor, edges = bought(case)
    period = Period(samples.PERIOD_ID, samples.SUBSCRIPTION_ID, anchor, edges[-1], case[3], samples.INVOICE_ID, anchor)
    moments = [edges[0], *between(edges, parts), edges[-1]]
    shares = [unused_share(period, plan, zone, anchor, 0, at) for at in moments]
    assert (shares[0], shares[-1]) == (1, 0)
    assert shares == sorted(shares, reverse=True)
    assert sum((early - late for early, late in pairwise(shares)), start=Fraction(0)) == 1
    back = min(back, minor)
    payment = samples.payment("succeeded", amount_minor=minor, currency=currency, refunded_minor=back)
    sums = [left_of(payment, share).minor for share in shares]
    assert sums == sorted(sums, reverse=True)
    assert all(0 <= sum_ <= minor - back for sum_ in sums)


@thousands.of_cases
@given(CASES, st.fractions(0, 1, max_denominator=10**6))
def test_intervals_bought_at_once_are_worth_as_much_as_those_bought_one_by_one(case: Case, part: Fraction) -> None:
    plan, zone, anchor, edges = bought(case)
    (at,) = between(edges, [part])

    def share(start: datetime, end: datetime, count: int, steps: int) -> Fraction:
        period = Period(samples.PERIOD_ID, samples.SUBSCRIPTION_ID, start, end, count, samples.INVOICE_ID, start)
        return unused_share(period, plan, zone, anchor, steps, at)

    one_by_one = [share(start, end, 1, n) for n, (start, end) in enumerate(pairwise(edges))]
    assert share(anchor, edges[-1], case[3], 0) * case[3] == sum(one_by_one)


@thousands.of_cases
@given(st.integers(1, 10**9), st.sampled_from(["JPY", "RUB", "KWD"]), st.fractions(0, 1), st.fractions(0, 1))
def test_what_is_given_back_in_parts_is_as_much_as_at_once(
    minor: int, currency: str, left: Fraction, first: Fraction
) -> None:
    payment = samples.payment("succeeded", amount_minor=minor, currency=currency)
    whole = left_of(payment, left)
    part = whole.share(first)
    rest = left_of(replace(payment, refunded_minor=part.minor), left)
    assert part + rest == whole


def test_the_sum_that_was_read_a_few_minutes_ago_is_still_the_offer() -> None:
    offer = Offer("unused", Money(20_000, "RUB"), ends_access=True, shown=Money(20_010, "RUB"))
    assert [offer.is_meant_by(Money(minor, "RUB")) for minor in (19_999, 20_000, 20_005, 20_010, 20_011)] == [
        False,
        True,
        True,
        True,
        False,
    ]
