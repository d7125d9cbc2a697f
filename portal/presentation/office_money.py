"""Words of the back office for invoices, payments and refunds: their kinds, reasons, states and declines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from portal.presentation import checkout
from portal.presentation.checkout import Label
from portal.presentation.language import N_, words
from portal.presentation.operators import say

INVOICE_REASONS: Mapping[str, str] = {
    "purchase": N_("Purchase"),
    "renewal": N_("Renewal"),
    "plan_change": N_("Change of plan"),
}

PAYMENT_KINDS: Mapping[str, str] = {
    "checkout": N_("The customer paid on the payment page"),
    "charge": N_("The saved method was charged"),
}

# Who set a refund going.
REFUND_REASONS: Mapping[str, str] = {
    "customer": N_("The customer asked for it"),
    "operator": N_("An operator gave it"),
    "duplicate": N_("By itself: paid twice"),
    "late": N_("By itself: paid too late"),
    "provider": N_("Somebody made it at the payment system"),
}

OFFERS: Mapping[str, str] = {
    "full": N_("The offer: everything"),
    "unused": N_("The offer: the unused time"),
}

# What a refund does to access: as a short name, and as what will happen.
EFFECTS: Mapping[str, tuple[str, str]] = {
    "end_now": (
        N_("Ends at once"),
        N_("The subscription ends as soon as the payment system accepts the refund. Access closes, nothing renews."),
    ),
    "period_end": (
        N_("Ends with the paid time"),
        N_("Renewal is switched off; the customer can watch until the paid time is over."),
    ),
    "keep": (
        N_("Stays as it is"),
        N_("Access and renewal are not touched."),
    ),
    "take_back": (
        N_("Time that has not begun is taken back"),
        N_("Only the time that has not begun is taken back. Access until then and renewal stay."),
    ),
    "old_plan": (
        N_("The plan before comes back"),
        N_("The better plan ends as soon as the payment system accepts the refund; the plan before it runs on."),
    ),
}

DECLINE_KINDS: Mapping[str, str] = {
    "soft": N_("The bank said no for now; it may say yes later."),
    "hard": N_("The bank said never again with this method."),
    "gateway": N_("The bank was not reached; that does not count as a decline."),
    "closed": N_("The payment page closed without a payment."),
}

# Operators may know what customers are not told.
DECLINE_CODES: Mapping[str, str] = {
    "insufficient_funds": N_("not enough money"),
    "expired_card": N_("the card has expired"),
    "lost_card": N_("the card was reported lost"),
    "stolen_card": N_("the card was reported stolen"),
    "authentication_failed": N_("the customer was not authenticated"),
    "limit_exceeded": N_("above the card's limit"),
    "method_detached": N_("the method is unknown to the payment system"),
    "gateway": N_("no connection to the bank"),
    "declined": N_("no reason given"),
    "checkout_expired": N_("the payment page ran out"),
    "checkout_closed": N_("the payment page was closed"),
}

# Instead of both.
UNDONE: Mapping[str, str] = {
    "given_back": N_("Another sum was taken than was asked for, and all of it went back."),
}

TO_CUSTOMERS_THEMSELVES: Mapping[str, str] = {
    "requires_action": N_("Waits for the customer on the payment page"),
}


def effect(key: str, locale: str) -> tuple[str, str]:
    name, means = EFFECTS[key]
    gettext = words(locale).gettext
    return gettext(name), gettext(means)


def payment_label(state: str, locale: str, decline_kind: str | None = None) -> Label:
    """As the customer sees it, but not spoken to them."""
    label = checkout.payment_label(state, locale, decline_kind)
    if state in TO_CUSTOMERS_THEMSELVES:
        return replace(label, text=say(TO_CUSTOMERS_THEMSELVES, state, locale))
    return label


def payment_states(locale: str) -> dict[str, str]:
    states = (state for state in checkout.PAYMENTS if "." not in state)
    return {state: payment_label(state, locale).text for state in states}


def refund_states(locale: str) -> dict[str, str]:
    """Three of them are one to the customer; the word of the row tells them apart."""
    return {state: f"{checkout.refund_label(state, locale).text} · {state}" for state in checkout.REFUNDS}


def dispute_states(locale: str) -> dict[str, str]:
    return {state: checkout.dispute_label(state, locale).text for state in checkout.DISPUTES}


def invoice_states(locale: str) -> dict[str, str]:
    states = (state for state in checkout.INVOICES if "." not in state)
    return {state: checkout.invoice_label(state, None, locale).text for state in states}


def decline(kind: str | None, code: str | None, locale: str) -> str:
    """Why the bank said no, for somebody who is asked about it."""
    if kind is None:
        return ""
    if code in UNDONE:
        return say(UNDONE, code, locale)
    told = say(DECLINE_KINDS, kind, locale)
    reason = say(DECLINE_CODES, code, locale)
    if not reason:
        return told
    return f"{told} " + words(locale).gettext("Reason: %(reason)s.") % {"reason": reason}
