"""What has to be settled before a person's data can be erased, and what ends with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from portal.domain.dispute import Dispute
from portal.domain.errors import ErasureChanged, ErasureWaits
from portal.domain.invoice import Invoice
from portal.domain.money import Money
from portal.domain.payment import Payment
from portal.domain.refund import Refund
from portal.domain.setup import MethodSetup
from portal.domain.subscription import Subscription


@dataclass(frozen=True)
class Unsettled:
    """What of one user is not at its end."""

    orders: Sequence[Invoice]  # not paid, of subscriptions that have not begun
    payments: Sequence[Payment]  # open
    refunds: Sequence[Refund]  # open
    disputes: Sequence[Dispute]  # open
    setups: Sequence[MethodSetup]  # pages on which a card may still be saved


@dataclass(frozen=True)
class Wait:
    """Something that has to come to its end first."""

    what: str  # order | payment | refund | dispute | card
    id: UUID  # of the invoice, of the refund, of the page
    since: datetime
    amount: Money | None = None


def waits(unsettled: Unsettled) -> list[Wait]:
    """An order that nobody has paid yet can be closed by its customer; everything else has to be waited for."""
    return list(_waits(unsettled))


def _waits(unsettled: Unsettled) -> Iterator[Wait]:
    unpaid = {payment.invoice_id for payment in unsettled.payments if not _waits_for_customer(payment)}
    asked = {payment.invoice_id: payment for payment in unsettled.payments if _waits_for_customer(payment)}
    orders = {invoice.id: invoice for invoice in unsettled.orders if invoice.id not in unpaid}
    for invoice in orders.values():
        yield Wait("order", invoice.id, invoice.created_at, invoice.total)
    for invoice_id, payment in asked.items():
        if invoice_id not in orders:
            yield Wait("order", invoice_id, payment.created_at, payment.amount)
    for payment in unsettled.payments:
        if not _waits_for_customer(payment):
            yield Wait("payment", payment.invoice_id, payment.created_at, payment.amount)
    for refund in unsettled.refunds:
        yield Wait("refund", refund.id, refund.created_at, refund.amount)
    for dispute in unsettled.disputes:
        yield Wait("dispute", dispute.invoice_id, dispute.opened_at, dispute.amount)
    for setup in unsettled.setups:
        yield Wait("card", setup.id, setup.created_at)


def _waits_for_customer(payment: Payment) -> bool:
    return payment.kind == "checkout" and payment.state == "requires_action"


def refuse(unsettled: Unsettled, living: Sequence[Subscription], agreed: frozenset[UUID]) -> None:
    """`agreed`: the subscriptions of which the person has read that they end. Raises ErasureWaits, ErasureChanged."""
    if waits(unsettled):
        raise ErasureWaits("something is not settled yet")
    if any(subscription.id not in agreed for subscription in living):
        raise ErasureChanged("a subscription has begun that the person was not told would end")


def emptied(locale: str, now: datetime) -> dict[str, object]:
    """The columns of a user's row that name or describe a person, without what they said."""
    return {"email": None, "zone": None, "locale": locale, "chosen_locale": None, "erased_at": now}
