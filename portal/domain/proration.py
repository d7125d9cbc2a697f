"""What moving to another plan costs today. Exact fractions inside; what is paid is rounded once, half up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from uuid import UUID

from portal.domain.errors import InvalidAmount
from portal.domain.money import Money


@dataclass(frozen=True)
class Held:
    """Money that was paid and not given back, and how much of what it bought is still to come."""

    payment_id: UUID
    money: Money
    share: Fraction  # 0..1

    @property
    def unused(self) -> Fraction:
        """In minor units."""
        return self.money.minor * self.share


@dataclass(frozen=True)
class Sums:
    gross: Money  # the new plan
    credit: Money  # what was paid for the same time, or for time that is given up
    waived: Money  # too little to be charged

    @property
    def total(self) -> Money:
        return self.gross - self.credit - self.waived


def nothing(currency: str) -> Sums:
    zero = Money.zero(currency)
    return Sums(zero, zero, zero)


def difference(price: Money, left: Fraction, held: Sequence[Held], smallest: int) -> Sums:
    """The better plan for the intervals that are left, less what was paid for them; never below zero."""
    gross = price.minor * left
    return _sums(price.currency, gross, min(gross, _unused(price, held)), smallest)


def fresh(price: Money, held: Sequence[Held], smallest: int) -> Sums | None:
    """A whole interval that begins now, less what is unused. None: that is more than the price."""
    credit = _unused(price, held)
    return _sums(price.currency, Fraction(price.minor), credit, smallest) if credit <= price.minor else None


def shares(sums: Sums, held: Sequence[Held]) -> dict[str, int]:
    """Which payment gave how much of the credit, by id; together never more than the credit."""
    found: dict[str, int] = {}
    left = sums.credit.minor
    for one in held:
        part = min(one.money.share(one.share).minor, left)
        left -= part
        if part:
            found[str(one.payment_id)] = found.get(str(one.payment_id), 0) + part
    return found


def _sums(currency: str, gross: Fraction, credit: Fraction, smallest: int) -> Sums:
    """Rounded is what is paid, and the new plan; the credit is what lies between, so that the lines add up."""
    whole, paid = _rounded(gross, currency), _rounded(gross - credit, currency)
    zero = Money.zero(currency)
    return Sums(whole, whole - paid, paid if paid.minor < smallest else zero)


def _unused(price: Money, held: Sequence[Held]) -> Fraction:
    if any(one.money.currency != price.currency for one in held):
        raise InvalidAmount(f"what was paid was not paid in {price.currency}")
    return sum((one.unused for one in held), start=Fraction(0))


def _rounded(exact: Fraction, currency: str) -> Money:
    return Money(1, currency).share(exact)
