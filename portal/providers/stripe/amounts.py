"""Our sums in Stripe's integers and back: the only two places where they meet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from portal.domain.money import Money

# What Stripe charges at least, in minor units. It names sums for the currencies it pays out in; for the others the
# least is what comes to half a dollar, so that these leave room for the rate to move.
SMALLEST: Final[Mapping[str, int]] = {
    "USD": 50,
    "EUR": 50,
    "GBP": 30,
    "JPY": 50,
    "RUB": 6_000,
    "KZT": 35_000,
    "KWD": 200,
}

# How many of the integer's digits Stripe counts as decimals. Of a currency with three it takes multiples of ten only,
# and refuses anything else before it begins.
DECIMALS: Final[Mapping[str, int]] = {"USD": 2, "EUR": 2, "GBP": 2, "RUB": 2, "KZT": 2, "JPY": 0, "KWD": 3}


def to_stripe(amount: Money) -> tuple[int, str]:
    return amount.minor, amount.currency.lower()


def from_stripe(minor: Any, currency: Any) -> Money:
    """Raises TypeError, AttributeError or InvalidAmount where it is no sum of ours."""
    return Money(minor, currency.upper())
