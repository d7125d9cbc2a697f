"""A page that was closed or ran out can no longer be paid; one that was paid says so."""

from __future__ import annotations

from portal.domain.outcome import DeclineClass, Outcome
from portal.providers.conformance.case import proves
from portal.providers.conformance.counterpart import Card, Fault
from portal.providers.conformance.shop import PAGE_LASTS, Shop, expect, expect_declined, expect_outcome, shown


@proves("Closing an open page proves that it can no longer be paid.", able=("closes_checkouts",))
def an_open_page(shop: Shop) -> None:
    order = shop.order()
    url = shop.open(order)
    expect_declined(shop.provider.close_checkout(order.reference), DeclineClass.closed)
    shop.other.pay(url, Card.good)
    shop.expect_taken(order.reference)
    expect_declined(shop.provider.find(order.reference), DeclineClass.closed)


@proves("Closing a paid page says that it was paid, and takes nothing back.", able=("closes_checkouts",))
def a_paid_page(shop: Shop) -> None:
    order = shop.order()
    shop.bought(order)
    answer = shop.provider.close_checkout(order.reference)
    expect_outcome(answer, Outcome.succeeded)
    expect(answer.amount == shop.price, f"it said {shown(answer)}")
    shop.expect_taken(order.reference, shop.price)


@proves("Closing a page twice says the same twice.", able=("closes_checkouts",))
def twice(shop: Shop) -> None:
    order = shop.order()
    shop.open(order)
    for _ in range(2):
        expect_declined(shop.provider.close_checkout(order.reference), DeclineClass.closed)


@proves(
    "A page that waits for 3-D Secure can be closed, and cannot be confirmed any more.",
    Card.asks,
    able=("closes_checkouts",),
)
def while_the_bank_asks(shop: Shop) -> None:
    order = shop.order()
    url = shop.open(order)
    shop.other.pay(url, Card.asks)
    expect_declined(shop.provider.close_checkout(order.reference), DeclineClass.closed)
    shop.other.authenticate(url)
    shop.expect_taken(order.reference)


@proves(
    "Closing again after the first answer was lost proves that the page is closed.",
    Fault.timeout_after,
    able=("closes_checkouts",),
)
def again_after_its_answer_was_lost(shop: Shop) -> None:
    order = shop.order()
    url = shop.open(order)
    shop.other.plan(Fault.timeout_after, "close_checkout")
    shop.provider.close_checkout(order.reference)
    expect_declined(shop.provider.close_checkout(order.reference), DeclineClass.closed)
    shop.other.pay(url, Card.good)
    shop.expect_taken(order.reference)


@proves("A page that ran out is found closed, and cannot be paid.")
def ran_out(shop: Shop) -> None:
    order = shop.order()
    url = shop.open(order)
    shop.other.advance(PAGE_LASTS * 2)
    expect_declined(shop.provider.find(order.reference), DeclineClass.closed)
    shop.other.pay(url, Card.good)
    shop.expect_taken(order.reference)
