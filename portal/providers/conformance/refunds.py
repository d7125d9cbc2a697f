"""Money back: what was accepted, what waits, and never more than was taken."""

from __future__ import annotations

from portal.domain.outcome import DeclineClass, Outcome
from portal.providers.conformance.case import proves
from portal.providers.conformance.counterpart import Ability, Fault
from portal.providers.conformance.shop import Shop, at_once, expect, expect_declined, expect_outcome, shown
from portal.providers.port import RefundOrder


@proves("A refund gives back all of the payment, and is found by our reference.")
def in_full(shop: Shop) -> None:
    bought = shop.order()
    order = shop.back(shop.bought(bought), shop.price)
    said, found = shop.provider.refund(order), shop.provider.find_refund(order.reference)
    expect_outcome(said, Outcome.succeeded, Outcome.pending)
    expect(found.amount == shop.price, f"found as {shown(found)}")
    expect(said.provider_ref == found.provider_ref, "what was said and what is found have two ids")
    shop.expect_given_back(bought.reference, shop.price)


@proves("Two refunds of parts give back their sums.", able=("partial_refunds",))
def in_parts(shop: Shop) -> None:
    bought = shop.order()
    payment = shop.bought(bought)
    parts = (shop.part, shop.price - shop.part)
    for part in parts:
        expect_outcome(shop.provider.refund(shop.back(payment, part)), Outcome.succeeded, Outcome.pending)
    shop.expect_given_back(bought.reference, *parts)


@proves("A refund of more than was taken is refused for good, and gives nothing back.")
def more_than_was_taken(shop: Shop) -> None:
    bought = shop.order()
    order = shop.back(shop.bought(bought), shop.price * 2)
    expect_declined(shop.provider.refund(order), DeclineClass.hard, DeclineClass.soft)
    shop.expect_given_back(bought.reference)


@proves("A second refund of all is refused for good: it was given back already.")
def given_back_already(shop: Shop) -> None:
    bought = shop.order()
    payment = shop.bought(bought)
    shop.provider.refund(shop.back(payment, shop.price))
    expect_declined(shop.provider.refund(shop.back(payment, shop.price)), DeclineClass.hard, DeclineClass.soft)
    shop.expect_given_back(bought.reference, shop.price)


@proves("Two refunds at once that are too much together do not both give money back.", able=("partial_refunds",))
def too_much_together(shop: Shop) -> None:
    bought = shop.order()
    payment = shop.bought(bought)
    most = shop.price - shop.part
    orders = [shop.back(payment, most), shop.back(payment, most)]
    at_once([lambda order=order: shop.provider.refund(order) for order in orders])  # type: ignore[misc]  # each its own
    shop.expect_given_back(bought.reference, most)


@proves("A refund of a payment that is not there is refused for good.")
def of_nothing(shop: Shop) -> None:
    order = RefundOrder(shop.reference("refund"), "no-such-payment", shop.price)
    expect_declined(shop.provider.refund(order), DeclineClass.hard, DeclineClass.soft)


@proves("A refund that the bank accepts later is pending, then succeeded.", Fault.late_success)
def accepted_later(shop: Shop) -> None:
    order = _pending(shop, Fault.late_success)
    shop.other.come_in()
    expect_outcome(shop.provider.find_refund(order.reference), Outcome.succeeded)


@proves("A refund that fails days later is found failed, in the payment's story as well.", Fault.late_failure)
def failed_later(shop: Shop) -> None:
    bought = shop.order()
    order = shop.back(shop.bought(bought), shop.price)
    shop.other.plan(Fault.late_failure, "refund")
    expect_outcome(shop.provider.refund(order), Outcome.pending)
    shop.other.come_in()
    expect_outcome(shop.provider.find_refund(order.reference), Outcome.failed)
    seen = [one.answer.outcome for one in shop.provider.money_back(bought.reference).refunds]
    expect(seen == [Outcome.failed], f"the payment's refunds are said to be {seen}")
    shop.expect_given_back(bought.reference)


def _pending(shop: Shop, fault: Fault) -> RefundOrder:
    order = shop.back(shop.bought(shop.order()), shop.price)
    shop.other.plan(fault, "refund")
    expect_outcome(shop.provider.refund(order), Outcome.pending)
    expect_outcome(shop.provider.find_refund(order.reference), Outcome.pending)
    return order


@proves("A refund of a payment under dispute gives nothing back.", Ability.disputes)
def under_dispute(shop: Shop) -> None:
    bought = shop.order()
    payment = shop.bought(bought)
    shop.other.dispute(bought.reference)
    expect_outcome(shop.provider.refund(shop.back(payment, shop.price)), Outcome.failed)
    shop.expect_given_back(bought.reference)
