"""Money on the wire: a JSON number in major units beside its currency."""

from __future__ import annotations

from portal.domain.money import Money
from portal.web.api.shapes import Price


def price_of(money: Money) -> Price:
    # Exact: no sum we store has more than 15 significant digits.
    return Price(amount=float(money.major), currency=money.currency)
