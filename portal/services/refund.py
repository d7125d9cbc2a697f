"""A customer asks for money back: the offers, the request with its reservation, and sending what may be sent."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from sqlalchemy import exists, select

from portal import failpoints, runtime
from portal.db import rows
from portal.db.session import atomic, db
from portal.domain import free_text, offers, refunding
from portal.domain.errors import NotFound, NotRefundable
from portal.domain.invoice import Invoice
from portal.domain.money import Money
from portal.domain.offers import ONCE_IN, Offer, Paid
from portal.domain.payment import Payment
from portal.domain.quote import ChangeQuote
from portal.domain.subscription import Period, Subscription
from portal.domain.user import Person
from portal.models.invoice import InvoiceRow
from portal.models.payment import PaymentRow, RefundRow
from portal.models.subscription import PeriodRow, SubscriptionRow
from portal.services import give_back, journal, paid_time, standing
from portal.services.paid_time import anchor_of


def offers_of(person: Person, invoice_id: UUID) -> list[Offer]:
    """What the customer can have back by themselves, now. Raises NotFound."""
    invoice = _mine(person, invoice_id)
    payment = paid_by(invoice.id)
    return offered(invoice, payment) if payment else []


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
    free_text.check(comment or "", "reason")
    now = runtime.clock.now()
    _mine(person, invoice_id)
    with atomic():
        _, invoice, _ = standing.lock_invoice(invoice_id)
        paid = paid_by(invoice_id, lock=True)
        found = offered(invoice, paid) if paid else []
        amount = choose(found)
        payment = refunding.check_sum(paid, amount)
        refund, change = refunding.request(payment, amount, found, comment, now, runtime.policy)
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


def paid_by(invoice_id: UUID, *, lock: bool = False) -> Payment | None:
    """The one payment that paid an invoice."""
    return rows.find(Payment, PaymentRow.invoice_id == invoice_id, PaymentRow.state == "succeeded", lock=lock)


def offered(invoice: Invoice, payment: Payment) -> list[Offer]:
    """What can be had back of a paid invoice by right, now."""
    subscription, now = standing.subscription(invoice.subscription_id), runtime.clock.now()
    quoted = standing.quote_of(invoice.id)
    if quoted is not None and quoted.bettered:
        return _of_better_plan(quoted, subscription, payment)
    period = rows.find(Period, PeriodRow.invoice_id == invoice.id, PeriodRow.revoked_at.is_(None))
    anchor, steps = anchor_of(subscription, period)
    paid = Paid(
        subscription=subscription,
        plan=standing.plan_of(invoice.plan_id),
        payment=payment,
        period=period,
        anchor=anchor,
        period_anchor_steps=steps - period.intervals if period else 0,
        is_last=period is not None and not _bought_after(period) and not _bettered(period),
        had_full_refund=_had_full_refund(invoice.user_id, subscription.group),
    )
    return offers.offers(paid, now, runtime.policy)


def _bettered(period: Period) -> bool:
    """Somebody paid for a better plan in this time: that money comes back first."""
    better = paid_time.betterments(period.subscription_id, runtime.clock.now())
    return any(period.end <= quoted.until for quoted in better)


def _of_better_plan(quoted: ChangeQuote, subscription: Subscription, payment: Payment) -> list[Offer]:
    """Only while it is the plan that runs, and no time was bought after it: what was bought last comes back first."""
    better = quoted.plan_id, quoted.price_id
    later = [period for period in standing.periods_ahead(subscription.id) if period.start >= quoted.until]
    if subscription.state != "active" or better != (subscription.plan_id, subscription.price_id) or later:
        return []
    had = _had_full_refund(subscription.user_id, subscription.group)
    now = runtime.clock.now()
    return offers.of_better_plan(
        payment, lambda at: paid_time.share_of(quoted, subscription, at), had, now, runtime.policy
    )


def _bought_after(period: Period) -> bool:
    """Time that was given is nobody's money: what was bought before it is still what was bought last."""
    later = exists().where(
        PeriodRow.subscription_id == period.subscription_id,
        PeriodRow.start > period.start,
        PeriodRow.invoice_id.is_not(None),
        PeriodRow.revoked_at.is_(None),
    )
    return bool(db.session.scalar(select(later)))


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
