"""A refund as its page and the API show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from portal.db import rows
from portal.db.session import db
from portal.domain.invoice import Invoice
from portal.domain.payment import Payment
from portal.domain.refund import Refund
from portal.models.invoice import InvoiceLineRow, InvoiceRow
from portal.models.payment import PaymentRow, RefundRow
from portal.models.user import PaymentMethodRow


@dataclass(frozen=True)
class RefundDetail:
    refund: Refund
    invoice: Invoice
    payment: Payment
    names: Mapping[str, str]  # of what was bought, as frozen on the invoice
    method_title: str | None  # where the money goes; None: the method was not kept


def detail(refund_id: UUID, user_id: str) -> RefundDetail | None:
    """None: unknown, or somebody else's."""
    refund = rows.find(Refund, RefundRow.id == refund_id, RefundRow.user_id == user_id)
    if refund is None:
        return None
    invoice = rows.find(Invoice, InvoiceRow.id == refund.invoice_id)
    payment = rows.find(Payment, PaymentRow.id == refund.payment_id)
    assert invoice is not None and payment is not None  # noqa: S101 - foreign keys hold them
    return RefundDetail(refund, invoice, payment, _names(invoice.id), _method_title(payment))


def one(refund_id: UUID) -> Refund | None:
    """Anybody's: for operators."""
    return rows.find(Refund, RefundRow.id == refund_id)


def refundable(invoice_id: UUID) -> Payment | None:
    """The payment that paid an invoice, anybody's: for operators."""
    return rows.find(Payment, PaymentRow.invoice_id == invoice_id, PaymentRow.state == "succeeded")


def _names(invoice_id: UUID) -> Mapping[str, str]:
    first = InvoiceLineRow.invoice_id == invoice_id, InvoiceLineRow.position == 1
    names: Mapping[str, str] = db.session.scalars(select(InvoiceLineRow.names).where(*first)).one()
    return names


def _method_title(payment: Payment) -> str | None:
    if payment.payment_method_id is None:
        return None
    return db.session.scalar(select(PaymentMethodRow.title).where(PaymentMethodRow.id == payment.payment_method_id))
