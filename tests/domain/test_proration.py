"""What moving to another plan costs: exact, rounded once, never more credit than was paid."""

from __future__ import annotations

from fractions import Fraction
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.errors import InvalidAmount
from portal.domain.money import Money
from portal.domain.proration import Held, difference, fresh, shares
from tests.domain import thousands

CURRENCIES = ("JPY", "RUB", "KWD")  # 0, 2 and 3 decimals


def held(minor: int, share: Fraction, currency: str = "RUB", number: int = 1) -> Held:
    return Held(UUID(int=number), Money(minor, currency), share)


# fmt: off
SAME_INTERVAL = [
    # price, intervals left,   paid,  unused,          gross, credit, waived, total
    (59_900, Fraction(1),      29_900, Fraction(1),      59_900, 29_900, 0, 30_000),
    (59_900, Fraction(21, 31), 29_900, Fraction(21, 31), 40_577, 20_254, 0, 20_323),
    (59_900, Fraction(3),      89_700, Fraction(1),     179_700, 89_700, 0, 90_000),
    (59_900, Fraction(5, 2),   89_700, Fraction(5, 6),  149_750, 74_750, 0, 75_000),
    (59_900, Fraction(21, 31),      0, Fraction(21, 31), 40_577,      0, 0, 40_577),  # everything was given back
    (59_900, Fraction(1, 744), 29_900, Fraction(1, 744),     81,     41, 40, 0),      # less than is charged
    (29_900, Fraction(1),      59_900, Fraction(1),      29_900, 29_900, 0, 0),       # paid more than it costs
    (59_900, Fraction(0),      29_900, Fraction(0),           0,      0, 0, 0),
]
# fmt: on


@pytest.mark.parametrize(("price", "left", "paid", "share", "gross", "credit", "waived", "total"), SAME_INTERVAL)
def test_the_better_plan_for_what_is_left_less_what_was_paid_for_it(
    price: int, left: Fraction, paid: int, share: Fraction, gross: int, credit: int, waived: int, total: int
) -> None:
    sums = difference(Money(price, "RUB"), left, [held(paid, share)], 100)
    assert (sums.gross.minor, sums.credit.minor, sums.waived.minor, sums.total.minor) == (gross, credit, waived, total)


def test_a_fresh_interval_less_what_is_unused() -> None:
    sums = fresh(Money(499_000, "RUB"), [held(99_800, Fraction(52, 62))], 100)
    assert sums is not None
    assert (sums.gross.minor, sums.credit.minor, sums.total.minor) == (499_000, 83_703, 415_297)


def test_more_credit_than_the_price_cannot_be_used_now() -> None:
    assert fresh(Money(29_900, "RUB"), [held(499_000, Fraction(1, 2))], 100) is None
    even = fresh(Money(29_900, "RUB"), [held(59_800, Fraction(1, 2))], 100)
    assert even is not None
    assert even.total.minor == 0


def test_currencies_do_not_mix() -> None:
    with pytest.raises(InvalidAmount):
        difference(Money(100, "RUB"), Fraction(1), [held(100, Fraction(1), "JPY")], 1)


currencies = st.sampled_from(CURRENCIES)
minor = st.integers(0, 10**12)
share = st.fractions(0, 1, max_denominator=31 * 86_400_000_000)
payments = st.lists(st.tuples(minor, share), max_size=4)


@pytest.mark.fault("M7")
@thousands.of_cases
@given(currencies, st.integers(1, 10**12), st.fractions(0, 12, max_denominator=10**9), payments, st.integers(1, 10**4))
def test_sums_add_up_and_credit_is_between_nothing_and_what_was_paid(
    currency: str, price: int, left: Fraction, paid: list[tuple[int, Fraction]], smallest: int
) -> None:
    mine = [held(sum_, part, currency, number) for number, (sum_, part) in enumerate(paid)]
    whole = sum(one.money.minor for one in mine)
    found = [difference(Money(price, currency), left, mine, smallest), fresh(Money(price, currency), mine, smallest)]
    for sums in (one for one in found if one is not None):
        assert sums.gross.minor == sums.credit.minor + sums.waived.minor + sums.total.minor
        assert 0 <= sums.credit.minor <= whole
        assert 0 <= sums.waived.minor < smallest
        assert sums.total.minor == 0 or sums.total.minor >= smallest
        parts = shares(sums, mine)
        assert sum(parts.values()) <= sums.credit.minor
        assert all(0 < parts[str(one.payment_id)] <= one.money.minor for one in mine if str(one.payment_id) in parts)


@thousands.of_cases
@given(currencies, st.integers(1, 10**9), st.integers(1, 10**9), share)
def test_the_longer_one_waits_the_less_it_costs(currency: str, old: int, more: int, left: Fraction) -> None:
    now = difference(Money(old + more, currency), left, [held(old, left, currency)], 1)
    later = difference(Money(old + more, currency), left / 2, [held(old, left / 2, currency)], 1)
    assert later.total <= now.total <= Money(more, currency)
