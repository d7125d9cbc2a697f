"""A customer asks for money back: the offers, the request with its reservation, and sending what may be sent."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from sqlalchemy import exists, select

from portal import failpoints, runtime
from portal.db import rows
from portal.db.session import atomic, db
from portal.domain import offers, refunding
from portal.domain.errors import NotFound, NotRefundable
from portal.domain.invoice import Invoice
from portal.domain.money import Money
from portal.domain.offers import ONCE_IN, Offer, Paid
from portal.domain.payment import Payment
from portal.domain.subscription import Period
from portal.domain.user import Person
from portal.models.invoice import InvoiceRow
from portal.models.payment import PaymentRow, RefundRow
from portal.models.subscription import PeriodRow, SubscriptionRow
from portal.services import give_back, journal, standing


def offers_of(person: Person, invoice_id: UUID) -> list[Offer]:
    """What the customer can have back by themselves, now. Raises NotFound."""
    invoice = _mine(person, invoice_id)
    payment = _paid(invoice.id)
    return _offers(invoice, payment) if payment else []


def request(person: Person, invoice_id: UUID, amount: Money, comment: str | None) -> UUID:
    """Ask for a sum of an invoice back. Answers the refund. Raises NotFound and what check_sum raises."""
    return _request(person, invoice_id, lambda offered: amount, comment)


def accept(person: Person, invoice_id: UUID, kind: str, comment: str | None) -> UUID:
    """Take an offer, whatever it comes to at this moment: the unused time runs away while a page is read.

    Answers the refund. Raises NotFound, and NotRefundable where it is not offered any more.
    """
    return _request(person, invoice_id, lambda offered: _sum_of(kind, offered), comment)


def _sum_of(kind: str, offered: list[Offer]) -> Money:
    found = next((offer.amount for offer in offered if offer.kind == kind), None)
    if found is None:
        raise NotRefundable(f"{kind} is not offered any more")
    return found


def _request(person: Person, invoice_id: UUID, choose: Callable[[list[Offer]], Money], comment: str | None) -> UUID:
    now = runtime.clock.now()
    _mine(person, invoice_id)
    with atomic():
        _, invoice, _ = standing.lock_invoice(invoice_id)
        paid = _paid(invoice_id, lock=True)
        offered = _offers(invoice, paid) if paid else []
        amount = choose(offered)
        payment = refunding.check_sum(paid, amount)
        refund, change = refunding.request(payment, amount, offered, comment, now, runtime.policy)
        journal.record([change])
    failpoints.reached("refund.reserved")
    if refund.state == "submitted":
        give_back.send(refund.id)
    return refund.id


def _mine(person: Person, invoice_id: UUID) -> Invoice:
    invoice = rows.find(Invoice, InvoiceRow.id == invoice_id, InvoiceRow.user_id == person.id)
    if invoice is None:
        raise NotFound(f"no invoice {invoice_id}")
    return invoice


def _paid(invoice_id: UUID, *, lock: bool = False) -> Payment | None:
    return rows.find(Payment, PaymentRow.invoice_id == invoice_id, PaymentRow.state == "succeeded", lock=lock)


def _offers(invoice: Invoice, payment: Payment) -> list[Offer]:
    subscription = standing.subscription(invoice.subscription_id)
    period = rows.find(Period, PeriodRow.invoice_id == invoice.id, PeriodRow.revoked_at.is_(None))
    last = period is not None and period.end == subscription.paid_through
    paid = Paid(
        subscription=subscription,
        plan=standing.plan_of(invoice.plan_id),
        payment=payment,
        period=period,
        period_anchor_steps=subscription.steps - period.intervals if period else 0,
        is_last=last,
        had_full_refund=_had_full_refund(invoice.user_id, subscription.group),
    )
    return offers.offers(paid, runtime.clock.now(), runtime.policy)


def _had_full_refund(user_id: str, group: str) -> bool:
    """The full offer is there once a year for a user and a group."""
    had = (
        exists()
        .where(RefundRow.user_id == user_id, RefundRow.offer == "full")
        .where(RefundRow.state.not_in(("rejected", "failed")))
        .where(RefundRow.created_at > runtime.clock.now() - ONCE_IN)
        .where(SubscriptionRow.id == RefundRow.subscription_id, SubscriptionRow.group == group)
    )
    return bool(db.session.scalar(select(had)))
