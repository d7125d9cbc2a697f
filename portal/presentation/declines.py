"""Why a payment failed and what to do about it, by the payment system's reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from portal.domain.payment import Payment
from portal.presentation.language import N_, words


@dataclass(frozen=True)
class Declined:
    """Why a payment failed, as it may be shown to the person who paid."""

    who: str
    why: str
    advice: str
    money: str


BANK = N_("The bank declined the payment")
SYSTEM = N_("The payment did not reach the bank")

# By decline code: who refused, why, what to do. Suspicions of fraud are not passed on: lost and stolen read alike.
DECLINES: Mapping[str, tuple[str, str, str]] = {
    "insufficient_funds": (
        BANK,
        N_("There is not enough money on the card."),
        N_("Top up the account or pay with another card."),
    ),
    "given_back": (
        N_("The payment was undone"),
        N_("Another sum was taken than was due, and all of it went back."),
        N_("Pay again: only the sum that you see is due."),
    ),
    "expired_card": (
        BANK,
        N_("The card has expired."),
        N_("Pay with a card that is still valid."),
    ),
    "lost_card": (
        BANK,
        N_("The bank does not accept payments with this card."),
        N_("Pay with another card; your bank can say what is wrong with this one."),
    ),
    "stolen_card": (
        BANK,
        N_("The bank does not accept payments with this card."),
        N_("Pay with another card; your bank can say what is wrong with this one."),
    ),
    "authentication_failed": (
        N_("The payment was not confirmed"),
        N_("The bank could not make sure that it is you who pays."),
        N_("Try again and enter the code that the bank sends you, or pay with another card."),
    ),
    "authentication_required": (
        N_("The bank wants to hear it from you"),
        N_("Your bank asked you to confirm this payment, and you were not there."),
        N_("Open the payment and confirm it with your bank, or pay with another card."),
    ),
    "call_bank": (
        BANK,
        N_("The bank does not let this card pay us."),
        N_("Ask your bank to allow it, or pay with another card."),
    ),
    "card_not_supported": (
        BANK,
        N_("This card cannot be used for such payments."),
        N_("Pay with another card."),
    ),
    "wrong_details": (
        BANK,
        N_("The bank did not recognise the card's details."),
        N_("Enter the number, the date and the code once more, or pay with another card."),
    ),
    "limit_exceeded": (
        BANK,
        N_("The payment is above the limit set for the card."),
        N_("Raise the limit in your bank's app or pay with another card."),
    ),
    "method_detached": (
        SYSTEM,
        N_("The saved payment method is no longer linked to your account."),
        N_("Pay with a card once more."),
    ),
    "gateway": (
        SYSTEM,
        N_("The payment system could not get through to the bank. That is not about your card."),
        N_("Try again in a few minutes."),
    ),
    "declined": (
        BANK,
        N_("The bank did not give a reason."),
        N_("Try again later, pay with another card, or ask your bank."),
    ),
    "closed": (
        N_("The payment page was closed"),
        N_("The payment was not made before the page closed."),
        N_("Choose a plan again: it takes a minute."),
    ),
}
NOT_TAKEN = N_("No money has been taken.")
MONEY: Mapping[str, str] = {"given_back": N_("In the end you have paid nothing.")}
BY_KIND = {"gateway": "gateway", "closed": "closed"}


def declined(payment: Payment, locale: str) -> Declined:
    return why_declined(payment.decline_kind, payment.decline_code, locale)


def why_declined(kind: str | None, code: str | None, locale: str) -> Declined:
    """A code that is not in the table is told as its class: the bank said no, or was never asked."""
    gettext = words(locale).gettext
    row = DECLINES.get(code or "") or DECLINES[BY_KIND.get(kind or "", "declined")]
    return Declined(*(gettext(text) for text in (*row, MONEY.get(code or "", NOT_TAKEN))))
