"""Sums arrive as they were sent, whatever the currency's decimals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from portal.domain.money import Money
from portal.domain.outcome import Outcome
from portal.providers.conformance.case import Case, currency_with
from portal.providers.conformance.shop import Misbehaved, Shop, expect, expect_outcome, shown

# Sums that a float does not survive: int(1024.09 * 100) is one less than it should be.
SUMS: Final = {0: 1019, 2: 102_409, 3: 2_010}


def _page(shop: Shop, amount: Money) -> None:
    order = shop.order(amount)
    answer = shop.bought(order)
    expect(answer.amount == amount, f"it said {shown(answer)}")
    shop.expect_taken(order.reference, amount)


def _charge(shop: Shop, amount: Money) -> None:
    method = shop.bought(shop.order(amount)).method
    if method is None:
        raise Misbehaved("no method is there")
    order = shop.renewal(method, amount)
    answer = shop.provider.charge(order)
    expect_outcome(answer, Outcome.succeeded)
    expect(answer.amount == amount, f"it said {shown(answer)}")
    shop.expect_taken(order.reference, amount)


def _refund(shop: Shop, amount: Money) -> None:
    bought = shop.order(amount)
    order = shop.back(shop.bought(bought), amount)
    answer = shop.provider.refund(order)
    expect_outcome(answer, Outcome.succeeded, Outcome.pending)
    expect(answer.amount in (None, amount), f"it said {shown(answer)}")
    shop.expect_given_back(bought.reference, amount)
    # Nothing is left of it, to the last minor unit.
    expect_outcome(shop.provider.refund(shop.back(shop.provider.find(bought.reference), amount)), Outcome.failed)


PLAYS: Final[dict[str, tuple[Callable[[Shop, Money], None], tuple[str, ...]]]] = {
    "page": (_page, ()),
    "charge": (_charge, ("saves_methods",)),
    "refund": (_refund, ()),
}


def _in_decimals(decimals: int, way: str) -> Case:
    play, able = PLAYS[way]

    def with_currency(shop: Shop) -> None:
        play(shop, Money(SUMS[decimals], currency_with(shop.other, decimals) or ""))

    sentence = f"A {way} in a currency of {decimals} decimals moves exactly the sum that was asked for."
    return Case(f"amounts.{way}_in_{decimals}_decimals", sentence, with_currency, able=able, decimals=decimals)


ALL: Final = tuple(_in_decimals(decimals, way) for decimals in SUMS for way in PLAYS)
