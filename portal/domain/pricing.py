"""What something costs, before it is done: one function, so that what is shown is what is charged."""

from __future__ import annotations

from dataclasses import dataclass

from portal.domain.money import Money
from portal.domain.plan import Plan, Price


@dataclass(frozen=True)
class QuoteLine:
    plan: Plan
    unit: Money
    count: int
    discount: Money

    @property
    def total(self) -> Money:
        return self.unit * self.count - self.discount


@dataclass(frozen=True)
class Quote:
    lines: tuple[QuoteLine, ...]

    @property
    def total(self) -> Money:
        first, *rest = (line.total for line in self.lines)
        return sum(rest, start=first)


def quote(plan: Plan, price: Price, count: int) -> Quote:
    """`count` intervals of a plan at a price."""
    return Quote((QuoteLine(plan, price.amount, count, Money.zero(price.currency)),))


def trial(plan: Plan, price: Price) -> Quote:
    """A trial of a plan: nothing."""
    nothing = Money.zero(price.currency)
    return Quote((QuoteLine(plan, nothing, 1, nothing),))
