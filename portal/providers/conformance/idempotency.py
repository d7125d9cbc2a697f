"""However often an order is sent, it is carried out once."""

from __future__ import annotations

from dataclasses import replace

from portal.domain.outcome import Outcome
from portal.providers.conformance.case import proves
from portal.providers.conformance.counterpart import Card, Fault
from portal.providers.conformance.shop import Shop, at_once, expect, expect_outcome, shown
from portal.providers.port import Answer


@proves("The same charge sent twice takes the money once and says the same twice.", able=("saves_methods",))
def same_charge_again(shop: Shop) -> None:
    order = shop.renewal(shop.saved())
    first, second = shop.provider.charge(order), shop.provider.charge(order)
    expect_outcome(first, Outcome.succeeded)
    expect_outcome(second, Outcome.succeeded)
    expect(first.provider_ref == second.provider_ref, "the two answers name two payments")
    shop.expect_taken(order.reference, shop.price)


@proves(
    "The same charge sent by several at once takes the money once, and nobody is told that it failed.",
    able=("saves_methods",),
)
def same_charge_in_parallel(shop: Shop) -> None:
    order = shop.renewal(shop.saved())
    _expect_no_failure(at_once([lambda: shop.provider.charge(order)] * 4))
    expect_outcome(shop.provider.find(order.reference), Outcome.succeeded)
    shop.expect_taken(order.reference, shop.price)


@proves(
    "A charge sent again after it was lost on its way takes the money once.",
    Fault.timeout_before,
    able=("saves_methods",),
)
def charge_again_after_it_was_lost(shop: Shop) -> None:
    _charge_again(shop, Fault.timeout_before)


@proves(
    "A charge sent again after its answer was lost takes the money once.", Fault.timeout_after, able=("saves_methods",)
)
def charge_again_after_its_answer_was_lost(shop: Shop) -> None:
    _charge_again(shop, Fault.timeout_after)


@proves("A charge sent again after the connection broke takes the money once.", Fault.reset, able=("saves_methods",))
def charge_again_after_a_reset(shop: Shop) -> None:
    _charge_again(shop, Fault.reset)


def _charge_again(shop: Shop, fault: Fault) -> None:
    order = shop.renewal(shop.saved())
    shop.other.plan(fault, "charge")
    shop.provider.charge(order)
    expect_outcome(shop.provider.charge(order), Outcome.succeeded)
    shop.expect_taken(order.reference, shop.price)


@proves(
    "A 5xx that is kept for the key stays unknown, and the payment behind it is found.",
    Fault.stored_error,
    able=("saves_methods",),
)
def stored_error(shop: Shop) -> None:
    order = shop.renewal(shop.saved())
    shop.other.plan(Fault.stored_error, "charge")
    for _ in range(2):
        expect_outcome(shop.provider.charge(order), Outcome.unknown, Outcome.succeeded)
    expect_outcome(shop.provider.find(order.reference), Outcome.succeeded)
    shop.expect_taken(order.reference, shop.price)


@proves(
    "An order that takes another's reference takes nothing, and is not called failed: the first one is there.",
    able=("saves_methods",),
)
def other_sum_with_the_same_reference(shop: Shop) -> None:
    order = shop.renewal(shop.saved())
    shop.provider.charge(order)
    answer = shop.provider.charge(replace(order, amount=shop.price * 2))
    shop.expect_taken(order.reference, shop.price)
    expect(answer.outcome is not Outcome.failed, f"the reference was paid, it said {shown(answer)}")
    said_other = answer.outcome is Outcome.succeeded and answer.amount != shop.price
    expect(not said_other, f"it said {shown(answer)}")


@proves("A checkout asked for twice is one page, and paid once.")
def same_checkout_again(shop: Shop) -> None:
    order = shop.order()
    pages = {shop.open(order), shop.open(order)}
    for url in pages:
        shop.other.pay(url, Card.good)
    expect_outcome(shop.provider.find(order.reference), Outcome.succeeded)
    shop.expect_taken(order.reference, shop.price)


@proves("A checkout asked for again after its answer was lost is the page that is there already.", Fault.timeout_after)
def checkout_again_after_its_answer_was_lost(shop: Shop) -> None:
    order = shop.order()
    shop.other.plan(Fault.timeout_after, "start_checkout")
    shop.provider.start_checkout(order)
    shop.other.pay(shop.open(order), Card.good)
    expect_outcome(shop.provider.find(order.reference), Outcome.succeeded)
    shop.expect_taken(order.reference, shop.price)


@proves("The same refund sent twice gives the money back once.")
def same_refund_again(shop: Shop) -> None:
    bought = shop.order()
    order = shop.back(shop.bought(bought), shop.price)
    for _ in range(2):
        expect_outcome(shop.provider.refund(order), Outcome.succeeded, Outcome.pending)
    shop.expect_given_back(bought.reference, shop.price)


@proves(
    "The same refund sent by several at once gives the money back once, and nobody is told that it failed.",
    able=("partial_refunds",),
)
def same_refund_in_parallel(shop: Shop) -> None:
    bought, part = shop.order(), shop.part
    order = shop.back(shop.bought(bought), part)
    _expect_no_failure(at_once([lambda: shop.provider.refund(order)] * 3))
    expect_outcome(shop.provider.find_refund(order.reference), Outcome.succeeded, Outcome.pending)
    shop.expect_given_back(bought.reference, part)


@proves(
    "A refund sent again after its answer was lost gives the money back once.",
    Fault.timeout_after,
    able=("partial_refunds",),
)
def refund_again_after_its_answer_was_lost(shop: Shop) -> None:
    bought, part = shop.order(), shop.part
    order = shop.back(shop.bought(bought), part)
    shop.other.plan(Fault.timeout_after, "refund")
    shop.provider.refund(order)
    expect_outcome(shop.provider.refund(order), Outcome.succeeded, Outcome.pending)
    shop.expect_given_back(bought.reference, part)


def _expect_no_failure(answers: list[Answer]) -> None:
    for answer in answers:
        expect(answer.outcome is not Outcome.failed, f"one of them was told {shown(answer)}")
