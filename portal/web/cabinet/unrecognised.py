"""A charge that its payer does not know: what it is and every way on, also for who finds no subscription."""

from __future__ import annotations

from urllib.parse import quote
from uuid import UUID

from flask import render_template
from flask_babel import gettext

from portal import runtime
from portal.domain.errors import NotFound
from portal.domain.method import PaymentMethod
from portal.domain.offers import available
from portal.domain.payment import Payment
from portal.presentation.explanation import explain
from portal.presentation.money import money
from portal.queries import circumstances, invoices, methods, subscriptions
from portal.queries.invoices import InvoiceDetail
from portal.services import refund
from portal.web.auth import current_person, signed_in
from portal.web.cabinet.refunds import paid
from portal.web.locale import language, zone


@signed_in
def unrecognised(guid: UUID) -> str:
    person = current_person()
    detail = invoices.detail(guid, person.id)
    if detail is None:
        raise NotFound(f"no invoice {guid}")
    payment = paid(detail)
    offers = refund.offers_of(person, guid) if payment else []
    cards = subscriptions.of_user(person.id, runtime.clock.now(), runtime.policy)
    return render_template(
        "cabinet/unrecognised.html",
        detail=detail,
        payment=payment,
        why=explain(detail, circumstances.of_invoice(detail.invoice), language(), zone()),
        offer=max(offers, key=lambda offer: offer.amount.minor, default=None),
        left=_left(payment),
        manual=runtime.policy.refund_policy == "manual",
        card=next((card for card in cards if card.subscription.id == detail.invoice.subscription_id), None),
        method=_method(payment),
        letter=_letter(detail, person.email or person.id),
    )


def unknown_charge() -> str:
    """Without sign-in: people are often signed in with another account of theirs."""
    subject = gettext("A charge that I do not recognise")
    body = gettext("Date and sum on the statement:\nLast four digits of the card:\nE-mail addresses I may have used:\n")
    return render_template("cabinet/unknown_charge.html", letter=_mailto(subject, body))


def _left(payment: Payment | None) -> bool:
    """Something of it could still be given back, if only by a person who decides."""
    return payment is not None and payment.disputed_at is None and bool(available(payment))


def _method(payment: Payment | None) -> PaymentMethod | None:
    """With which it was paid, while it can still be removed."""
    if payment is None or payment.payment_method_id is None:
        return None
    method = methods.find(payment.payment_method_id, payment.user_id)
    return method if method is not None and method.removed_at is None else None


def _letter(detail: InvoiceDetail, account: str) -> str:
    invoice = detail.invoice
    facts = {"number": invoice.number, "account": account, "amount": money(invoice.total, language())}
    subject = gettext("I do not recognise this charge: invoice %(number)s", **facts)
    body = gettext("Invoice: %(number)s\nSum: %(amount)s\nAccount: %(account)s\n", **facts)
    return _mailto(subject, body)


def _mailto(subject: str, body: str) -> str:
    return f"mailto:{runtime.settings.support_email}?subject={quote(subject)}&body={quote(body)}"
