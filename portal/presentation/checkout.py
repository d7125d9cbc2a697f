"""What an invoice's page says: one word for where the payment stands, read from our rows and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from portal.domain.payment import Payment
from portal.domain.refund import Refund
from portal.presentation.language import N_, words
from portal.presentation.money import money
from portal.queries.invoices import InvoiceDetail

STAGES = ("waiting", "unfinished", "declined", "unavailable", "unpaid", "review", "paid", "closed")
SETTLED = frozenset({"paid", "closed"})
IN_OTHER_HANDS = frozenset({"waiting", "review"})  # money may still come, whatever the hour


def stage(detail: InvoiceDetail, now: datetime) -> str:
    """
    waiting      the payment system has the payment and will tell
    unfinished   its page is open; the customer may be on the way back from it, or may have left it
    declined     the last try failed, and the invoice may still be paid
    unavailable  the payment system has not opened a page for us yet
    unpaid       nothing was tried
    review       a person is looking into it
    paid, closed the invoice is settled, and no person looks into it; an unpaid one that ran out is as good as closed
    """
    found = _stage_of(detail.last_payment)
    match detail.invoice.state:
        case "paid":
            return "paid"
        case "fail" if found != "review":
            return "closed"
    return "closed" if now >= detail.invoice.expires_at and found not in IN_OTHER_HANDS else found


def _stage_of(payment: Payment | None) -> str:
    if payment is None or payment.state == "aborted":
        return "unpaid"
    if payment.review_at is not None:
        return "review"
    match payment.state:
        case "failed":
            return "declined"
        case "requires_action" if payment.redirect_url:
            return "unfinished"
        case "created" | "unknown" if payment.kind == "checkout" and payment.redirect_url is None:
            return "unavailable"
    return "waiting"


TITLES: Mapping[str, str] = {
    "waiting": N_("Waiting for the payment to be confirmed"),
    "unfinished": N_("The payment is not confirmed yet"),
    "declined": N_("The payment did not go through"),
    "unavailable": N_("The payment system does not answer"),
    "unpaid": N_("The order is waiting to be paid"),
    "review": N_("We are checking this payment"),
    "paid": N_("The payment went through"),
    "waiting.trial": N_("Waiting for the card to be confirmed"),
    "unfinished.trial": N_("The card is not saved yet"),
    "declined.trial": N_("The card was not saved"),
    "unpaid.trial": N_("The trial begins once a card is saved"),
    "paid.trial": N_("Your trial has begun"),
    "closed": N_("The time to pay is over"),
    "closed.trial": N_("The time to save a card is over"),
    "closed.superseded": N_("This order was replaced by another one"),
    "closed.cancelled": N_("This invoice was cancelled"),
    "closed.declined": N_("The payment did not go through"),
}


def title(detail: InvoiceDetail, now: datetime, locale: str) -> str:
    where = stage(detail, now)
    trial = TITLES.get(f"{where}.trial") if detail.invoice.trial_days else None
    text = TITLES.get(f"{where}.{detail.invoice.fail_reason}") or trial or TITLES[where]
    return words(locale).gettext(text)


PAYMENTS: Mapping[str, tuple[str, str]] = {
    "created": ("calm", N_("Being prepared")),
    "requires_action": ("warn", N_("Waits for you on the payment page")),
    "pending": ("calm", N_("Being processed")),
    "unknown": ("calm", N_("Waiting for the payment system")),
    "succeeded": ("good", N_("Went through")),
    "duplicate": ("warn", N_("Second payment, goes back in full")),
    "failed": ("bad", N_("Declined")),
    "failed.closed": ("calm", N_("Page closed without a payment")),
    "aborted": ("calm", N_("Not sent")),
}

REFUNDS: Mapping[str, tuple[str, str, str]] = {
    "requested": ("calm", N_("Under consideration"), N_("We are considering the refund of %(amount)s.")),
    "rejected": ("calm", N_("Refused"), N_("The refund of %(amount)s was refused.")),
    "submitted": ("calm", N_("On its way"), N_("We are returning %(amount)s to you.")),
    "pending": ("calm", N_("On its way"), N_("The payment system is returning %(amount)s to you.")),
    "unknown": ("calm", N_("On its way"), N_("We have asked the payment system to return %(amount)s to you.")),
    "succeeded": ("good", N_("Returned"), N_("%(amount)s has been returned to you.")),
    "failed": (
        "bad",
        N_("Did not go through"),
        N_("The refund of %(amount)s did not go through. Please write to us: we will find another way."),
    ),
}

DISPUTES: Mapping[str, tuple[str, str]] = {
    "open": ("warn", N_("The bank is looking into it")),
    "won": ("good", N_("Decided for us")),
    "lost": ("bad", N_("Lost")),
}

# By state and, for an invoice that is closed, by its reason.
INVOICES: Mapping[str, tuple[str, str]] = {
    "not_paid": ("warn", N_("Not paid")),
    "paid": ("good", N_("Paid")),
    "fail": ("calm", N_("Closed")),
    "fail.expired": ("calm", N_("Ran out")),
    "fail.superseded": ("calm", N_("Replaced by another order")),
    "fail.cancelled": ("calm", N_("Cancelled")),
    "fail.declined": ("bad", N_("Payment declined")),
}


@dataclass(frozen=True)
class Label:
    tone: str
    text: str


def payment_label(state: str, locale: str, decline_kind: str | None = None) -> Label:
    tone, text = PAYMENTS.get(f"{state}.{decline_kind}") or PAYMENTS[state]
    return Label(tone, words(locale).gettext(text))


def of_payment(payment: Payment, locale: str) -> Label:
    """Also where a person has to look first."""
    if payment.review_at is not None:
        text = TITLES["review"]
        return Label("warn", words(locale).gettext(text))
    return payment_label(payment.state, locale, payment.decline_kind)


def refund_label(state: str, locale: str) -> Label:
    tone, text, _ = REFUNDS[state]
    return Label(tone, words(locale).gettext(text))


def dispute_label(state: str, locale: str) -> Label:
    tone, text = DISPUTES[state]
    return Label(tone, words(locale).gettext(text))


def invoice_label(state: str, fail_reason: str | None, locale: str) -> Label:
    tone, text = INVOICES.get(f"{state}.{fail_reason}") or INVOICES[state]
    return Label(tone, words(locale).gettext(text))


def refund_sentence(refund: Refund, locale: str) -> str:
    return words(locale).gettext(REFUNDS[refund.state][2]) % {"amount": money(refund.amount, locale)}
