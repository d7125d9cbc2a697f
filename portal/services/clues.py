"""What our rows tell a payment system about what it is asked for, beside our reference."""

from __future__ import annotations

from sqlalchemy import case

from portal.db import rows
from portal.domain.method import PaymentMethod
from portal.domain.payment import Payment
from portal.domain.refund import Refund
from portal.models.payment import PaymentRow
from portal.models.user import PaymentMethodRow
from portal.providers.port import Clues

TAKEN = ("succeeded", "duplicate")


def of_payment(payment: Payment) -> Clues:
    method = (
        rows.find(PaymentMethod, PaymentMethodRow.id == payment.payment_method_id)
        if payment.kind == "charge" and payment.payment_method_id is not None
        else None
    )
    return Clues(
        provider_ref=payment.provider_ref,
        customer_ref=method.customer_ref if method else None,
        payment_ref=payment_tried_before(payment) if method else None,
        sent_at=payment.sent_at,
    )


def of_refund(refund: Refund, payment: Payment) -> Clues:
    return Clues(provider_ref=refund.provider_ref, payment_ref=payment.provider_ref, sent_at=refund.sent_at)


def payment_tried_before(payment: Payment) -> str | None:
    """The provider's id of what an earlier charge for the same invoice was declined as; it may be tried once more.

    None where the last one took money, another sum than was asked for: it is paid, also once all of it went back.
    """
    before = rows.find_all(
        Payment,
        PaymentRow.invoice_id == payment.invoice_id,
        PaymentRow.provider == payment.provider,
        PaymentRow.kind == "charge",
        PaymentRow.state == "failed",
        PaymentRow.provider_ref.is_not(None),
        order=[PaymentRow.id.desc()],
        limit=1,
    )
    return before[0].provider_ref if before and not before[0].in_question else None


def customer_of(provider: str, user_id: str) -> str | None:
    """As whom the payment system knows this user, from the newest method that they saved there."""
    saved = rows.find_all(
        PaymentMethod,
        PaymentMethodRow.user_id == user_id,
        PaymentMethodRow.provider == provider,
        order=[PaymentMethodRow.id.desc()],
        limit=1,
    )
    return saved[0].customer_ref if saved else None


def payments_at(provider: str, *payment_refs: str) -> list[Payment]:
    """Ours, that the payment system calls so. Of several tries of one payment it is the one that took the money."""
    named = PaymentRow.provider == provider, PaymentRow.provider_ref.in_(payment_refs)
    took_last = case((PaymentRow.state.in_(TAKEN), 1), else_=0)
    found = rows.find_all(Payment, *named, order=[took_last, PaymentRow.id])
    return list({payment.provider_ref: payment for payment in found}.values())
