"""Money: integer minor units and an ISO 4217 currency, always together."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal, Inexact, InvalidOperation
from fractions import Fraction

from portal.domain.errors import InvalidAmount

# Decimal places of the currencies we sell in. A currency that is not here is refused, not guessed.
EXPONENTS = {"RUB": 2, "USD": 2, "EUR": 2, "GBP": 2, "KZT": 2, "JPY": 0, "KWD": 3}

# What BIGINT holds, with room for sums of many rows.
MAX_MINOR = 10**15

# Arithmetic that drops no digit: where one would have to go, it raises.
EXACT = Context(prec=28, traps=[Inexact])


class CurrencyMismatch(TypeError):
    """Two currencies met in one sum: a bug, never a customer's mistake."""


@dataclass(frozen=True)
class Money:
    minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            raise TypeError(f"minor units are a whole number, not {self.minor!r}")
        if self.currency not in EXPONENTS:
            raise InvalidAmount(f"unknown currency {self.currency!r}")

    @classmethod
    def zero(cls, currency: str) -> Money:
        return cls(0, currency)

    @classmethod
    def parse(cls, amount: Decimal | int | str, currency: str) -> Money:
        """Major units to Money. Raises InvalidAmount where the currency has fewer decimals than `amount`."""
        if currency not in EXPONENTS:
            raise InvalidAmount(f"unknown currency {currency!r}")
        try:
            value = Decimal(amount)
        except (InvalidOperation, ValueError):
            raise InvalidAmount(f"{amount!r} is not an amount") from None
        if not value.is_finite():
            raise InvalidAmount(f"{amount!r} is not an amount")
        # Compared before scaling: 1e400 must not become a number of 400 digits.
        if not -MAX_MINOR <= value <= MAX_MINOR:
            raise InvalidAmount("the amount is too large")
        scaled = _scaled(value, currency)
        if abs(scaled) > MAX_MINOR:
            raise InvalidAmount("the amount is too large")
        return cls(int(scaled), currency)

    @property
    def major(self) -> Decimal:
        return Decimal(self.minor).scaleb(-EXPONENTS[self.currency])

    def share(self, part: Fraction) -> Money:
        """This sum times `part`, rounded once, half up (away from zero)."""
        exact = abs(self.minor * part)
        rounded = (2 * exact.numerator + exact.denominator) // (2 * exact.denominator)
        return Money(rounded if self.minor * part >= 0 else -rounded, self.currency)

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other), self.currency)

    def __mul__(self, count: int) -> Money:
        return Money(self.minor * count, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.minor < self._same(other)

    def __le__(self, other: Money) -> bool:
        return self.minor <= self._same(other)

    def __gt__(self, other: Money) -> bool:
        return self.minor > self._same(other)

    def __ge__(self, other: Money) -> bool:
        return self.minor >= self._same(other)

    def __bool__(self) -> bool:
        return self.minor != 0

    def _same(self, other: Money) -> int:
        if not isinstance(other, Money) or other.currency != self.currency:
            raise CurrencyMismatch(f"{self.currency} and {getattr(other, 'currency', other)!r} do not mix")
        return other.minor


def _scaled(value: Decimal, currency: str) -> Decimal:
    try:
        scaled = value.scaleb(EXPONENTS[currency], EXACT)
        if scaled == scaled.to_integral_value():
            return scaled
    except Inexact:
        pass  # so many digits that some are decimals this currency does not have
    raise InvalidAmount(f"{currency} has {EXPONENTS[currency]} decimal places")
