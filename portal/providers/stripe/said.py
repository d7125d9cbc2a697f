"""What Stripe says, read into the port's words. Raises KeyError, TypeError, ValueError, AttributeError or InvalidAmount
where it is not what Stripe documents; `read` makes `unknown` of that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from portal.domain.errors import InvalidAmount
from portal.domain.money import Money
from portal.domain.outcome import Decline, DeclineClass, Outcome
from portal.providers.port import Answer, DisputeSeen, SavedMethod
from portal.providers.stripe.amounts import from_stripe
from portal.providers.stripe.client import Heard
from portal.providers.stripe.declines import CLOSED, EXPIRED, decline

Said = Mapping[str, Any]

REFERENCE: Final = "matinee_reference"  # the name of our reference in an object's metadata
CURRENCY: Final = "matinee_currency"  # of a page over nothing Stripe names none
BRANDS: Final = {
    "amex": "American Express",
    "diners": "Diners Club",
    "eftpos_au": "eftpos",
    "jcb": "JCB",
    "mastercard": "Mastercard",
    "unionpay": "UnionPay",
    "visa": "Visa",
}
UNREADABLE: Final = (KeyError, TypeError, ValueError, AttributeError, InvalidAmount)

# A bank that merely asks has taken nothing, and a dispute that was prevented never began.
DISPUTES: Final[Mapping[str, Literal["open", "won", "lost"]]] = {
    "needs_response": "open",
    "under_review": "open",
    "appeal_needs_response": "open",
    "appeal_under_review": "open",
    "won": "won",
    "lost": "lost",
}
REFUNDS: Final = {
    "succeeded": Outcome.succeeded,
    "pending": Outcome.pending,
    "requires_action": Outcome.pending,
    "failed": Outcome.failed,
    "canceled": Outcome.failed,
}


def read(heard: Heard, as_answer: Callable[[Said], Answer]) -> Answer:
    if not heard.ok:
        return Answer(Outcome.unknown, note=heard.note)
    try:
        return as_answer(heard.body)
    except UNREADABLE as error:
        return Answer(Outcome.unknown, note=f"unreadable answer: {type(error).__name__} {heard.request_id}".strip())


def reference_of(said: Said) -> str | None:
    """Ours, where the object has one."""
    metadata = said.get("metadata")
    reference = metadata.get(REFERENCE) if isinstance(metadata, dict) else None
    return reference if isinstance(reference, str) and reference else None


def session(said: Said, reference: str) -> Answer:
    """A hosted page: while it is open its id is all there is; once it is complete there is a payment, or a method."""
    if said["object"] != "checkout.session" or said["client_reference_id"] != reference:
        raise ValueError("not an answer about what we asked")
    amount = from_stripe(said["amount_total"] or 0, said["currency"] or said["metadata"][CURRENCY])
    about: dict[str, Any] = {"provider_ref": text(said["id"]), "amount": amount}
    if said["status"] == "open":
        return Answer(Outcome.requires_action, redirect_url=_page(said["url"]), **about)
    if said["status"] == "expired":
        return Answer(Outcome.failed, decline=EXPIRED, **about)
    if said["status"] != "complete":
        raise ValueError("not a state of a page")
    if said["mode"] == "setup":
        return _setup(said["setup_intent"], about)
    return payment(said["payment_intent"], reference)


def _setup(said: Said, about: Mapping[str, Any]) -> Answer:
    if said["status"] == "succeeded":
        return Answer(Outcome.succeeded, method=_method(said["payment_method"]), **about)
    if said["status"] == "processing":
        return Answer(Outcome.pending, **about)
    error = said["last_setup_error"]
    return Answer(Outcome.failed, decline=decline(error) if error else CLOSED, **about)


def payment(said: Said, reference: str) -> Answer:
    """`absent`: the try of this reference has not begun, though an earlier one of the same payment has."""
    if said["object"] != "payment_intent" or reference_of(said) != reference:
        raise ValueError("not an answer about what we asked")
    status, taken = said["status"], said["status"] == "succeeded"
    amount = from_stripe(said["amount_received"] if taken else said["amount"], said["currency"])
    about: dict[str, Any] = {"provider_ref": text(said["id"]), "amount": amount}
    if taken:
        kept = said["setup_future_usage"] == "off_session"
        return Answer(Outcome.succeeded, method=_method(said["payment_method"]) if kept else None, **about)
    if status == "processing":
        return Answer(Outcome.pending, **about)
    if status == "requires_action":
        return Answer(Outcome.requires_action, redirect_url=_bank_page(said["next_action"]), **about)
    if status == "canceled":
        return Answer(Outcome.failed, decline=CLOSED, **about)
    if status == "requires_payment_method" and said["last_payment_error"]:
        if _is_an_earlier_try(said["latest_charge"], reference):
            return Answer(Outcome.unknown, absent=True, note="this try has not begun")
        return Answer(Outcome.failed, decline=decline(said["last_payment_error"]), **about)
    raise ValueError("not a state in which we leave a payment")


def _is_an_earlier_try(charge: Any, reference: str) -> bool:
    """A charge keeps the metadata that its payment had when it was made."""
    return isinstance(charge, dict) and reference_of(charge) not in (None, reference)


def refund(said: Said, reference: str) -> Answer:
    if said["object"] != "refund" or reference_of(said) != reference:
        raise ValueError("not an answer about what we asked")
    return any_refund(said)


def any_refund(said: Said) -> Answer:
    """Also one that somebody made by hand."""
    outcome = REFUNDS[said["status"]]
    why = Decline(DeclineClass.hard, said.get("failure_reason") or said["status"])
    return Answer(
        outcome,
        provider_ref=text(said["id"]),
        amount=from_stripe(said["amount"], said["currency"]),
        decline=why if outcome is Outcome.failed else None,
    )


def dispute(said: Said) -> DisputeSeen | None:
    """None where the bank has taken nothing."""
    state = DISPUTES.get(text(said["status"]))
    if state is None:
        return None
    amount: Money = from_stripe(said["amount"], said["currency"])
    if amount.minor <= 0:
        raise ValueError("a dispute over nothing")
    return DisputeSeen(text(said["id"]), state, amount, moment(said["created"]))


def moment(said: Any) -> datetime:
    if type(said) is not int:
        raise TypeError("a moment is a number of seconds")
    return datetime.fromtimestamp(said, UTC)


def text(said: Any) -> str:
    if not isinstance(said, str) or not said:
        raise TypeError("a text was expected")
    return said


def _method(said: Said) -> SavedMethod:
    customer, method, kind = text(said["customer"]), text(said["id"]), text(said["type"])
    if kind != "card":
        return SavedMethod(customer, method, "wallet", kind.replace("_", " ").title(), None)
    card = said["card"]
    brand = text(card["brand"])
    title = f"{BRANDS.get(brand, brand.title())} ·· {text(card['last4'])}"
    expires = f"{card['exp_year']:04d}-{card['exp_month']:02d}"
    return SavedMethod(customer, method, "wallet" if card.get("wallet") else "card", title, expires)


def _bank_page(next_action: Said) -> str | None:
    return _page(next_action["redirect_to_url"]["url"])


def _page(said: Any) -> str | None:
    """An address a browser may be sent to: nothing but http and https."""
    if said is None:
        return None
    parts = urlsplit(text(said))
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError("not a web address")
    return text(said)
