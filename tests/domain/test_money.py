"""Money is whole minor units and a currency; nothing is rounded unless it says so, and then once."""

from __future__ import annotations

import operator
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.errors import InvalidAmount
from portal.domain.money import EXPONENTS, MAX_MINOR, CurrencyMismatch, Money
from tests.domain import thousands

currencies = st.sampled_from(sorted(EXPONENTS))
minors = st.integers(-MAX_MINOR, MAX_MINOR)
moneys = st.builds(Money, minors, currencies)


@pytest.mark.fault("M3")
@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("299", "RUB", 29_900),
        ("299.5", "RUB", 29_950),
        ("0.01", "USD", 1),
        ("0", "EUR", 0),
        ("-5.00", "EUR", -500),
        ("1e2", "GBP", 10_000),
        (299, "RUB", 29_900),
        (Decimal("19.99"), "KZT", 1_999),
        ("500", "JPY", 500),
        ("500.0", "JPY", 500),
        ("1.234", "KWD", 1_234),
        ("0.001", "KWD", 1),
        ("10000000000000", "RUB", MAX_MINOR),
        ("1000000000000000", "JPY", MAX_MINOR),
    ],
)
def test_major_units_become_minor_units(amount: Decimal | int | str, currency: str, minor: int) -> None:
    assert Money.parse(amount, currency) == Money(minor, currency)


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        ("299.005", "RUB"),
        ("0.001", "USD"),
        ("0.1", "JPY"),
        ("1.2345", "KWD"),
        ("1." + "0" * 40 + "1", "RUB"),  # more digits than Decimal's default precision keeps
        ("1e-400", "RUB"),
        ("1e-999999999", "RUB"),  # below what Decimal's default context can hold
        (Decimal("0.1") + Decimal("0.001"), "EUR"),
    ],
)
def test_more_decimals_than_the_currency_has_are_refused_and_never_rounded(
    amount: Decimal | str, currency: str
) -> None:
    with pytest.raises(InvalidAmount):
        Money.parse(amount, currency)


@pytest.mark.parametrize(
    "amount",
    [
        "NaN",
        "sNaN",
        "-NaN",
        "Infinity",
        "-Infinity",
        "1e400",
        "-1e400",
        "1e999999999",
        "10000000000000.01",
        "",
        "a lot",
    ],
)
def test_what_is_no_amount_is_refused(amount: str) -> None:
    with pytest.raises(InvalidAmount):
        Money.parse(amount, "RUB")


@pytest.mark.parametrize("currency", ["XXX", "rub", "", "RUB "])
def test_a_currency_we_do_not_know_is_refused_and_not_guessed(currency: str) -> None:
    with pytest.raises(InvalidAmount):
        Money.parse("1", currency)
    with pytest.raises(InvalidAmount):
        Money(1, currency)


@pytest.mark.parametrize("minor", [1.0, True, Decimal(1), "1", None])
def test_minor_units_are_a_whole_number_and_nothing_that_looks_like_one(minor: object) -> None:
    with pytest.raises(TypeError):
        Money(minor, "RUB")  # type: ignore[arg-type]  # the point of the test


@pytest.mark.fault("M3")
@given(moneys)
def test_major_units_and_back_lose_nothing(money: Money) -> None:
    assert Money.parse(money.major, money.currency) == money
    assert Money.parse(str(money.major), money.currency) == money


@pytest.mark.parametrize(
    ("money", "major"),
    [(Money(29_900, "RUB"), "299.00"), (Money(500, "JPY"), "500"), (Money(1_234, "KWD"), "1.234")],
)
def test_major_units_have_as_many_decimals_as_the_currency(money: Money, major: str) -> None:
    assert str(money.major) == major


@given(st.decimals(allow_nan=True, allow_infinity=True), currencies)
def test_any_number_is_either_refused_or_kept_exactly(amount: Decimal, currency: str) -> None:
    try:
        money = Money.parse(amount, currency)
    except InvalidAmount:
        return
    assert Fraction(money.minor) == Fraction(amount) * 10 ** EXPONENTS[currency]


@pytest.mark.parametrize("act", [operator.add, operator.sub, operator.lt, operator.le, operator.gt, operator.ge])
@pytest.mark.parametrize("other", [Money(1, "EUR"), 1, None])
def test_two_currencies_never_meet_in_one_sum_or_comparison(
    act: Callable[[Money, object], object], other: object
) -> None:
    with pytest.raises(CurrencyMismatch):
        act(Money(1, "RUB"), other)


def test_equal_numbers_of_two_currencies_are_not_equal_money() -> None:
    assert Money(100, "RUB") != Money(100, "USD")
    assert Money.zero("RUB") != Money.zero("USD")
    assert not Money.zero("RUB")


@given(currencies, minors, minors, st.integers(0, 12))
def test_sums_behave_as_whole_numbers_do(currency: str, one: int, other: int, count: int) -> None:
    a, b = Money(one, currency), Money(other, currency)
    assert (a + b) - b == a
    assert a + -a == Money.zero(currency)
    assert a * count == sum((a for _ in range(count)), start=Money.zero(currency))
    assert (a < b, a <= b, a > b, a >= b) == (one < other, one <= other, one > other, one >= other)


@pytest.mark.parametrize(
    ("minor", "part", "share"),
    [
        (1, Fraction(1, 2), 1),
        (3, Fraction(1, 2), 2),
        (5, Fraction(1, 2), 3),
        (-1, Fraction(1, 2), -1),
        (-3, Fraction(1, 2), -2),
        (10, Fraction(1, 3), 3),
        (20, Fraction(1, 3), 7),
        (4, Fraction(1, 10), 0),
        (5, Fraction(1, 10), 1),
        (29_900, Fraction(17, 31), 16_397),
        (29_900, Fraction(0), 0),
        (29_900, Fraction(1), 29_900),
        (MAX_MINOR, Fraction(1, 3), 333_333_333_333_333),
    ],
)
def test_a_share_is_rounded_half_up(minor: int, part: Fraction, share: int) -> None:
    assert Money(minor, "RUB").share(part) == Money(share, "RUB")


@given(moneys, st.fractions(0, 1, max_denominator=10_000))
def test_a_share_is_rounded_once_from_the_exact_fraction(money: Money, part: Fraction) -> None:
    exact = money.minor * part
    rounded = int((Decimal(exact.numerator * 2) / Decimal(exact.denominator * 2)).quantize(Decimal(1), ROUND_HALF_UP))
    share = money.share(part)
    assert abs(share.minor - exact) <= Fraction(1, 2)
    if abs(exact) < 10**9:  # further out the check's own Decimal would round before it compares
        assert share.minor == rounded
    assert (-money).share(part) == -share


@pytest.mark.fault("M5")
@thousands.of_cases
@given(moneys, st.lists(st.integers(1, 400), min_size=1, max_size=12))
def test_shares_of_a_whole_add_up_to_it_however_it_is_split(money: Money, days: list[int]) -> None:
    whole, done, given_out = sum(days), 0, Money.zero(money.currency)
    for piece in days:
        before = money.share(Fraction(done, whole))
        done += piece
        given_out += money.share(Fraction(done, whole)) - before
    assert given_out == money
