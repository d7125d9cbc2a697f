"""Close what nobody paid: hosted pages that ran out or were superseded, and their invoices."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select

from portal import runtime
from portal.db.session import atomic, db, end_reads
from portal.domain.change import Change, Move, Write
from portal.domain.payment import OPEN
from portal.models.invoice import InvoiceRow
from portal.models.payment import PaymentRow
from portal.models.subscription import SubscriptionRow
from portal.services import give_back, journal, standing
from portal.services.collect import close_checkout
from portal.services.one_by_one import one_by_one

WAITS_FOR_CUSTOMER = ("requires_action",)
OVER = SubscriptionRow.state == "ended"  # whoever still pays for it only gets the money back


def run_once(limit: int = 100) -> int:
    """Close stale checkouts, then the invoices that nothing can pay any more. Answers how many."""
    checkouts = _stale_checkouts(limit)
    one_by_one(checkouts, _close)
    invoices = _unpaid(limit)
    one_by_one(invoices, _expire)
    return len(checkouts) + len(invoices)


def _close(payment_id: UUID) -> None:
    close_checkout(payment_id)
    give_back.send_due(payment_id)


def _stale_checkouts(limit: int) -> list[UUID]:
    """Pages that still wait for a customer although their invoice has failed, has run out, or was paid another way, or
    what they pay for is over.

    Also those on which an absent customer had to confirm a renewal, and did not come in time or changed the method.
    """
    now = runtime.clock.now()
    left = PaymentRow.payment_method_id.is_distinct_from(SubscriptionRow.payment_method_id)
    ran_out = (PaymentRow.expires_at <= now) | (InvoiceRow.expires_at <= now)
    statement = (
        select(PaymentRow.id)
        .join(InvoiceRow, InvoiceRow.id == PaymentRow.invoice_id)
        .join(SubscriptionRow, SubscriptionRow.id == PaymentRow.subscription_id)
        .where(
            PaymentRow.state.in_(WAITS_FOR_CUSTOMER),
            PaymentRow.review_at.is_(None),
            (InvoiceRow.state != "not_paid") | ran_out | OVER | ((PaymentRow.kind == "charge") & left),
        )
        .order_by(PaymentRow.created_at)
        .limit(limit)
    )
    found = list(db.session.scalars(statement))
    end_reads()
    return found


def _unpaid(limit: int) -> list[UUID]:
    open_payment = select(PaymentRow.id).where(PaymentRow.invoice_id == InvoiceRow.id, PaymentRow.state.in_(OPEN))
    statement = (
        select(InvoiceRow.id)
        .join(SubscriptionRow, SubscriptionRow.id == InvoiceRow.subscription_id)
        .where(
            InvoiceRow.state == "not_paid",
            InvoiceRow.reason != "renewal",
            (InvoiceRow.expires_at <= runtime.clock.now()) | OVER,
            ~open_payment.exists(),
        )
        .order_by(InvoiceRow.expires_at)
        .limit(limit)
    )
    found = list(db.session.scalars(statement))
    end_reads()
    return found


def _expire(invoice_id: UUID) -> None:
    """Every page of this invoice is proven closed, so nobody can pay it any more."""
    now = runtime.clock.now()
    with atomic():
        subscription, invoice, payment = standing.lock_invoice(invoice_id)
        if not invoice.payable or payment is not None:
            return
        writes: list[Write] = [Move(invoice, "closed", {"fail_reason": "expired"})]
        if subscription.state == "pending":
            writes.append(Move(subscription, "checkout_closed"))
        due, why = min(invoice.expires_at, now), invoice.reason
        change = Change(invoice.user_id, now, "worker", tuple(writes), due, reason=why, invoice_id=invoice_id)
        journal.record([change])
