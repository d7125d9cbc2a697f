from __future__ import annotations

import pytest

from portal.domain.money import Money
from portal.presentation.money import money

# To the code point: \u00a0 is what keeps a sum on one line, \u2212 is a minus and not a hyphen.
GOLDEN = [
    (Money(29900, "RUB"), "299,00\u00a0₽", "RUB\u00a0299.00"),
    (Money(123456750, "RUB"), "1\u00a0234\u00a0567,50\u00a0₽", "RUB\u00a01,234,567.50"),
    (Money(-29900, "RUB"), "\u2212299,00\u00a0₽", "\u2212RUB\u00a0299.00"),
    (Money(0, "RUB"), "0,00\u00a0₽", "RUB\u00a00.00"),
    (Money(1, "RUB"), "0,01\u00a0₽", "RUB\u00a00.01"),
    (Money(399, "USD"), "3,99\u00a0$", "USD\u00a03.99"),
    (Money(399, "EUR"), "3,99\u00a0€", "EUR\u00a03.99"),
    (Money(1500, "JPY"), "1\u00a0500\u00a0¥", "JPY\u00a01,500"),
    (Money(1500, "KWD"), "1,500\u00a0KWD", "KWD\u00a01.500"),
    (Money(10**15, "RUB"), "10\u00a0000\u00a0000\u00a0000\u00a0000,00\u00a0₽", "RUB\u00a010,000,000,000,000.00"),
]


@pytest.mark.parametrize(("amount", "russian", "english"), GOLDEN)
def test_a_sum_is_written_to_the_code_point(amount: Money, russian: str, english: str) -> None:
    assert money(amount, "ru") == russian
    assert money(amount, "en") == english
