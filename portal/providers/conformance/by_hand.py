"""What was taken back past us: refunds made at the payment system itself, and disputes."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from portal.providers.conformance.case import proves
from portal.providers.conformance.counterpart import Ability
from portal.providers.conformance.shop import Misbehaved, Shop, expect
from portal.providers.port import Answer, CheckoutOrder, DisputeSeen, Notice


@proves("A payment of which nothing was taken back says so.")
def nothing_yet(shop: Shop) -> None:
    order = shop.order()
    shop.bought(order)
    back = shop.provider.money_back(order.reference)
    expect(back.known and not back.refunds and not back.disputes, f"it said {back}")


@proves(
    "A refund that somebody made by hand is seen beside ours, each with its sum, oldest first.",
    Ability.refunds_by_hand,
    able=("partial_refunds",),
)
def a_refund(shop: Shop) -> None:
    bought = shop.order()
    ours = shop.back(shop.bought(bought), shop.part)
    shop.provider.refund(ours)
    shop.other.advance(timedelta(minutes=1))
    theirs = shop.price - shop.part
    shop.other.refund_by_hand(bought.reference, theirs.minor)
    seen = shop.provider.money_back(bought.reference).refunds
    expect([one.answer.amount for one in seen] == [shop.part, theirs], f"it saw {[one.answer.amount for one in seen]}")
    expect(seen[0].reference == ours.reference, "our refund has lost its reference")
    expect(seen[1].reference != ours.reference and bool(seen[1].answer.provider_ref), "theirs cannot be told from ours")
    expect(seen[0].made_at <= seen[1].made_at <= shop.other.now(), "the moments are not those at which they were made")


@proves(
    "The webhook about a refund made by hand names the payment it takes from.",
    Ability.refunds_by_hand,
    Ability.signs_webhooks,
)
def a_refund_is_told(shop: Shop) -> None:
    order = shop.order()
    payment = shop.bought(order)
    shop.other.deliveries()
    shop.other.refund_by_hand(order.reference, shop.price.minor)
    _expect_told(shop.notices(), order, payment)


@proves("An open dispute is seen with its sum.", Ability.disputes)
def a_dispute(shop: Shop) -> None:
    order = shop.order()
    shop.bought(order)
    shop.other.dispute(order.reference)
    expect(_dispute(shop, order, "open").amount == shop.price, "the sum under dispute is not the payment's")


@proves("A dispute that we won is seen won.", Ability.disputes)
def a_dispute_won(shop: Shop) -> None:
    _decided(shop, won=True)


@proves("A dispute that we lost is seen lost, with what it cost.", Ability.disputes)
def a_dispute_lost(shop: Shop) -> None:
    expect(_decided(shop, won=False).amount == shop.price, "what was lost is not the payment's sum")


@proves("The webhook about a dispute names the payment it takes from.", Ability.disputes, Ability.signs_webhooks)
def a_dispute_is_told(shop: Shop) -> None:
    order = shop.order()
    payment = shop.bought(order)
    shop.other.deliveries()
    shop.other.dispute(order.reference)
    _expect_told(shop.notices(), order, payment)


def _expect_told(notices: list[Notice], order: CheckoutOrder, payment: Answer) -> None:
    told = [one for one in notices if one.payment_ref == payment.provider_ref or one.reference == order.reference]
    expect(bool(told), f"none of {notices} leads to the payment")


def _decided(shop: Shop, won: bool) -> DisputeSeen:
    order = shop.order()
    shop.bought(order)
    shop.other.dispute(order.reference)
    shop.other.decide_dispute(order.reference, won)
    return _dispute(shop, order, "won" if won else "lost")


def _dispute(shop: Shop, order: CheckoutOrder, state: Literal["open", "won", "lost"]) -> DisputeSeen:
    back = shop.provider.money_back(order.reference)
    if not back.known or len(back.disputes) != 1:
        raise Misbehaved(f"one dispute was expected, it said {back}")
    expect(back.disputes[0].state == state, f"the dispute is {state}, it said {back.disputes[0].state}")
    return back.disputes[0]
