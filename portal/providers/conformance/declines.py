"""A decline says what to do next: try later, ask for another card, or blame nobody."""

from __future__ import annotations

from portal.domain.outcome import DeclineClass, Outcome
from portal.providers.conformance.case import proves
from portal.providers.conformance.counterpart import Card, Fault
from portal.providers.conformance.shop import Shop, expect, expect_declined, expect_outcome, shown


@proves("A page paid with an empty card takes nothing; if that ends it, the decline is soft.", Card.soft)
def soft_on_the_page(shop: Shop) -> None:
    _declined_on_the_page(shop, Card.soft, DeclineClass.soft)


@proves("A page paid with a lost card takes nothing; if that ends it, the decline is hard.", Card.hard)
def hard_on_the_page(shop: Shop) -> None:
    _declined_on_the_page(shop, Card.hard, DeclineClass.hard)


def _declined_on_the_page(shop: Shop, card: Card, kind: DeclineClass) -> None:
    """Some pages end with the first decline, others let the customer try another card."""
    order = shop.order()
    answer = shop.buy(order, card)
    expect_outcome(answer, Outcome.failed, Outcome.requires_action)
    if answer.outcome is Outcome.failed:
        expect_declined(answer, kind)
    shop.expect_taken(order.reference)


@proves("A renewal that the bank declines for now is soft.", Card.renewal_fails, able=("saves_methods",))
def soft_at_the_renewal(shop: Shop) -> None:
    order = shop.renewal(shop.saved(Card.renewal_fails))
    expect_declined(shop.provider.charge(order), DeclineClass.soft)
    shop.expect_taken(order.reference)


@proves("A renewal on a card that was reported lost is hard.", Fault.card_lost, able=("saves_methods",))
def hard_at_the_renewal(shop: Shop) -> None:
    _decline_by_plan(shop, Fault.card_lost, DeclineClass.hard)


@proves("A renewal that never reached the bank is the gateway's fault.", Fault.bank_away, able=("saves_methods",))
def gateway_at_the_renewal(shop: Shop) -> None:
    _decline_by_plan(shop, Fault.bank_away, DeclineClass.gateway)


def _decline_by_plan(shop: Shop, fault: Fault, kind: DeclineClass) -> None:
    order = shop.renewal(shop.saved())
    shop.other.plan(fault, "charge")
    expect_declined(shop.provider.charge(order), kind)
    shop.expect_taken(order.reference)


@proves("Who asks later hears the same decline as who charged.", Card.renewal_fails, able=("saves_methods",))
def found_as_it_was_said(shop: Shop) -> None:
    order = shop.renewal(shop.saved(Card.renewal_fails))
    said, found = shop.provider.charge(order), shop.provider.find(order.reference)
    expect(said.outcome is found.outcome and said.decline == found.decline, f"{shown(said)}, then {shown(found)}")


@proves(
    "The same order sent again after a decline is declined again, not charged.",
    Card.renewal_fails,
    able=("saves_methods",),
)
def same_order_after_a_decline(shop: Shop) -> None:
    order = shop.renewal(shop.saved(Card.renewal_fails))
    for _ in range(2):
        expect_outcome(shop.provider.charge(order), Outcome.failed)
    shop.expect_taken(order.reference)
