"""Payments that the bank decides later."""

from __future__ import annotations

from portal.domain.outcome import DeclineClass, Outcome
from portal.providers.conformance.case import proves
from portal.providers.conformance.counterpart import Fault
from portal.providers.conformance.shop import Shop, expect, expect_declined, expect_outcome
from portal.providers.port import Answer, ChargeOrder


@proves(
    "A charge that the bank pays later is pending, then succeeded, and the same payment.",
    Fault.late_success,
    able=("saves_methods",),
)
def paid_later(shop: Shop) -> None:
    order, said = _pending(shop, Fault.late_success)
    shop.other.come_in()
    found = shop.provider.find(order.reference)
    expect_outcome(found, Outcome.succeeded)
    expect(said.provider_ref in (None, found.provider_ref), "it began as one payment and ended as another")
    shop.expect_taken(order.reference, shop.price)


@proves("A charge that the bank declines later is pending, then failed.", Fault.late_failure, able=("saves_methods",))
def declined_later(shop: Shop) -> None:
    order, _ = _pending(shop, Fault.late_failure)
    shop.other.come_in()
    expect_declined(shop.provider.find(order.reference), DeclineClass.soft, DeclineClass.hard)
    shop.expect_taken(order.reference)


def _pending(shop: Shop, fault: Fault) -> tuple[ChargeOrder, Answer]:
    order = shop.renewal(shop.saved())
    shop.other.plan(fault, "charge")
    said = shop.provider.charge(order)
    expect_outcome(said, Outcome.pending)
    expect_outcome(shop.provider.find(order.reference), Outcome.pending)
    shop.expect_taken(order.reference)
    return order, said
