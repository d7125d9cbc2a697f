"""Closing an invoice that nobody wants to pay: first its hosted page, then the invoice."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from portal import failpoints, runtime
from portal.db import rows
from portal.db.session import atomic
from portal.domain.change import Change, Move, Write
from portal.domain.errors import NotCancellable, NotFound, PaymentInProgress
from portal.domain.invoice import Invoice
from portal.domain.user import Person
from portal.models.invoice import InvoiceRow
from portal.services import give_back, journal, standing
from portal.services.collect import close_checkout

RETRY_AFTER = timedelta(seconds=5)


def close(person: Person, invoice_id: UUID) -> None:
    """Repeating is no error. Raises NotFound, NotCancellable (paid, or a renewal), PaymentInProgress."""
    invoice = rows.find(Invoice, InvoiceRow.id == invoice_id, InvoiceRow.user_id == person.id)
    if invoice is None:
        raise NotFound(f"no invoice {invoice_id}")
    if invoice.state == "fail":
        return
    if invoice.state == "paid" or invoice.reason == "renewal":
        raise NotCancellable("a paid invoice is refunded; a renewal ends with its subscription")
    waiting = _open_payment(invoice_id)
    if waiting is not None:
        close_checkout(waiting)
        give_back.send_due(waiting)
        failpoints.reached("invoice.page_closed")
    _close(person, invoice_id)


def _open_payment(invoice_id: UUID) -> UUID | None:
    with atomic():
        _, _, payment = standing.lock_invoice(invoice_id)
        return payment.id if payment else None


def _close(person: Person, invoice_id: UUID) -> None:
    now = runtime.clock.now()
    with atomic():
        subscription, invoice, payment = standing.lock_invoice(invoice_id)
        if invoice.state == "fail":
            return  # closing its page has closed it too
        if invoice.state == "paid":
            raise NotCancellable("it was paid in this very moment")
        if payment is not None:
            raise PaymentInProgress("its payment page could not be closed yet", retry_after=RETRY_AFTER)
        writes: list[Write] = [Move(invoice, "closed", {"fail_reason": "cancelled"})]
        if subscription.state == "pending":
            writes.append(Move(subscription, "checkout_closed"))
        change = Change(
            invoice.user_id, now, f"user:{person.id}", tuple(writes), reason="cancelled", invoice_id=invoice_id
        )
        journal.record([change])
