"""The bank wants to see its customer: the same payment waits for them, and ends as they decide."""

from __future__ import annotations

from portal.domain.outcome import DeclineClass, Outcome
from portal.providers.conformance.case import proves
from portal.providers.conformance.counterpart import Card
from portal.providers.conformance.shop import Misbehaved, Shop, expect, expect_declined, expect_outcome, shown
from portal.providers.port import Answer, ChargeOrder


@proves("A page that asks for 3-D Secure takes nothing until the customer confirms, then once.", Card.asks)
def confirmed_on_the_page(shop: Shop) -> None:
    order = shop.order()
    url = shop.open(order)
    shop.other.pay(url, Card.asks)
    expect_outcome(shop.provider.find(order.reference), Outcome.requires_action)
    shop.expect_taken(order.reference)
    shop.other.authenticate(url)
    expect_outcome(shop.provider.find(order.reference), Outcome.succeeded)
    shop.expect_taken(order.reference, shop.price)


@proves("A page on which the customer does not confirm takes nothing; if that ends it, the decline is soft.", Card.asks)
def refused_on_the_page(shop: Shop) -> None:
    order = shop.order()
    url = shop.open(order)
    shop.other.pay(url, Card.asks)
    shop.other.abandon(url)
    _expect_not_paid(shop, shop.provider.find(order.reference), order.reference)


@proves(
    "A renewal that wants its customer says where to send them, and takes nothing.",
    Card.renewal_asks,
    able=("saves_methods",),
)
def asked_at_the_renewal(shop: Shop) -> None:
    order, _ = _asked(shop)
    expect_outcome(shop.provider.find(order.reference), Outcome.requires_action)
    shop.expect_taken(order.reference)


@proves(
    "A renewal that the customer confirms is the same payment, and taken once.",
    Card.renewal_asks,
    able=("saves_methods",),
)
def confirmed_at_the_renewal(shop: Shop) -> None:
    order, asked = _asked(shop)
    shop.other.authenticate(asked.redirect_url or "")
    found = shop.provider.find(order.reference)
    expect_outcome(found, Outcome.succeeded)
    same = asked.provider_ref is None or asked.provider_ref == found.provider_ref
    expect(same, f"it began as {asked.provider_ref} and ended as {found.provider_ref}")
    shop.expect_taken(order.reference, shop.price)


@proves(
    "A renewal sent again while it waits for its customer is the same payment.",
    Card.renewal_asks,
    able=("saves_methods",),
)
def same_order_while_it_waits(shop: Shop) -> None:
    order, asked = _asked(shop)
    again = shop.provider.charge(order)
    expect_outcome(again, Outcome.requires_action)
    expect(again.provider_ref == asked.provider_ref, "the two answers name two payments")
    shop.other.authenticate(again.redirect_url or "")
    shop.expect_taken(order.reference, shop.price)


@proves(
    "A renewal that the customer does not confirm takes nothing; if that ends it, the decline is soft.",
    Card.renewal_asks,
    able=("saves_methods",),
)
def refused_at_the_renewal(shop: Shop) -> None:
    order, asked = _asked(shop)
    shop.other.abandon(asked.redirect_url or "")
    _expect_not_paid(shop, shop.provider.find(order.reference), order.reference)


@proves(
    "A renewal that waits can be closed, and cannot be confirmed any more.",
    Card.renewal_asks,
    able=("saves_methods", "closes_checkouts"),
)
def closed_while_it_waits(shop: Shop) -> None:
    order, asked = _asked(shop)
    expect_declined(shop.provider.close_checkout(order.reference), DeclineClass.closed)
    shop.other.authenticate(asked.redirect_url or "")
    shop.expect_taken(order.reference)


def _asked(shop: Shop) -> tuple[ChargeOrder, Answer]:
    order = shop.renewal(shop.saved(Card.renewal_asks))
    asked = shop.provider.charge(order)
    expect_outcome(asked, Outcome.requires_action)
    if not asked.redirect_url:
        raise Misbehaved(f"nobody was told where to send the customer: {shown(asked)}")
    return order, asked


def _expect_not_paid(shop: Shop, answer: Answer, reference: str) -> None:
    """Some payment systems end it, others let the customer try another card."""
    expect_outcome(answer, Outcome.failed, Outcome.requires_action)
    if answer.outcome is Outcome.failed:
        expect_declined(answer, DeclineClass.soft)
    shop.expect_taken(reference)
