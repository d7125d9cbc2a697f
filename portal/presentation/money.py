"""The one money formatter. Golden to the code point: RUB 299.00 in English, 299,00 ₽ in Russian, both unbreakable."""

from __future__ import annotations

from babel.numbers import format_decimal, get_currency_symbol

from portal.domain.money import EXPONENTS, Money
from portal.presentation.language import NBSP

MINUS = "\N{MINUS SIGN}"


def money(amount: Money, locale: str) -> str:
    """English puts the code before the number: Babel's `RUB299.00` has no gap, and $ has many owners."""
    decimals = EXPONENTS[amount.currency]
    pattern = "#,##0" + ("." + "0" * decimals if decimals else "")
    number = format_decimal(abs(amount.major), pattern, locale=locale)
    sign = MINUS if amount.minor < 0 else ""
    if locale == "ru":
        return f"{sign}{number}{NBSP}{get_currency_symbol(amount.currency, locale)}"
    return f"{sign}{amount.currency}{NBSP}{number}"
