"""Why Stripe says a payment failed, in the portal's words: what to do next, and which sentence the customer reads.

`soft`: later. `hard`: this card is dead, or the bank forbids to ask again. `gateway`: the bank was never reached.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from portal.domain.outcome import Decline, DeclineClass

SOFT, HARD, GATEWAY = DeclineClass.soft, DeclineClass.hard, DeclineClass.gateway

# Every decline code that Stripe documents, and the error codes a payment ends with where no bank gave one.
CODES: Final[Mapping[str, tuple[DeclineClass, str]]] = {
    "approve_with_id": (SOFT, "declined"),
    "authentication_not_handled": (SOFT, "authentication_required"),
    "authentication_required": (SOFT, "authentication_required"),
    "call_issuer": (SOFT, "call_bank"),
    "card_decline_rate_limit_exceeded": (SOFT, "limit_exceeded"),
    "card_declined": (SOFT, "declined"),
    "card_not_supported": (HARD, "card_not_supported"),
    "card_velocity_exceeded": (SOFT, "limit_exceeded"),
    "currency_not_supported": (HARD, "card_not_supported"),
    "do_not_honor": (SOFT, "declined"),
    "do_not_try_again": (HARD, "call_bank"),
    "duplicate_transaction": (SOFT, "declined"),
    "expired_card": (HARD, "expired_card"),
    "expired_payment_method": (HARD, "expired_card"),
    "fraudulent": (HARD, "lost_card"),
    "generic_decline": (SOFT, "declined"),
    "highest_risk_level": (HARD, "lost_card"),
    "incorrect_address": (HARD, "wrong_details"),
    "incorrect_cvc": (HARD, "wrong_details"),
    "incorrect_number": (HARD, "wrong_details"),
    "incorrect_pin": (SOFT, "declined"),
    "incorrect_postal_code": (HARD, "wrong_details"),
    "incorrect_zip": (HARD, "wrong_details"),
    "india_recurring_payment_mandate_canceled": (HARD, "call_bank"),
    "insufficient_funds": (SOFT, "insufficient_funds"),
    "invalid_account": (HARD, "lost_card"),
    "invalid_amount": (SOFT, "limit_exceeded"),
    "invalid_cvc": (HARD, "wrong_details"),
    "invalid_expiry_month": (HARD, "wrong_details"),
    "invalid_expiry_year": (HARD, "wrong_details"),
    "invalid_number": (HARD, "wrong_details"),
    "invalid_pin": (SOFT, "declined"),
    "issuer_not_available": (GATEWAY, "gateway"),
    "lost_card": (HARD, "lost_card"),
    "merchant_blacklist": (HARD, "lost_card"),
    "mobile_device_authentication_required": (SOFT, "authentication_required"),
    "new_account_information_available": (HARD, "wrong_details"),
    "no_action_taken": (SOFT, "declined"),
    "not_permitted": (SOFT, "call_bank"),
    "offline_pin_required": (SOFT, "authentication_required"),
    "online_or_offline_pin_required": (SOFT, "authentication_required"),
    "payment_intent_authentication_failure": (SOFT, "authentication_failed"),
    "payment_intent_payment_attempt_expired": (SOFT, "declined"),
    "payment_intent_payment_attempt_failed": (SOFT, "declined"),
    "payment_method_customer_decline": (SOFT, "authentication_failed"),
    "payment_method_not_available": (GATEWAY, "gateway"),
    "payment_method_provider_decline": (SOFT, "declined"),
    "payment_method_provider_timeout": (GATEWAY, "gateway"),
    "payment_method_restricted": (HARD, "card_not_supported"),
    "pickup_card": (HARD, "lost_card"),
    "pin_try_exceeded": (SOFT, "limit_exceeded"),
    "previously_declined_do_not_retry": (HARD, "call_bank"),
    "processing_error": (GATEWAY, "gateway"),
    "reenter_transaction": (SOFT, "declined"),
    "restricted_card": (HARD, "lost_card"),
    "revocation_of_all_authorizations": (HARD, "call_bank"),
    "revocation_of_authorization": (HARD, "call_bank"),
    "security_violation": (HARD, "call_bank"),
    "service_not_allowed": (SOFT, "call_bank"),
    "setup_attempt_failed": (SOFT, "declined"),
    "setup_intent_authentication_failure": (SOFT, "authentication_failed"),
    "stolen_card": (HARD, "stolen_card"),
    "stop_payment_order": (HARD, "call_bank"),
    "testmode_decline": (HARD, "card_not_supported"),
    "transaction_not_allowed": (HARD, "card_not_supported"),
    "try_again_later": (SOFT, "declined"),
    "withdrawal_count_limit_exceeded": (SOFT, "limit_exceeded"),
}
ASKS_FOR_THE_CUSTOMER: Final = frozenset(code for code, (_, ours) in CODES.items() if ours == "authentication_required")
DETACHED: Final = Decline(HARD, "method_detached")
CLOSED: Final = Decline(DeclineClass.closed, "checkout_closed")
EXPIRED: Final = Decline(DeclineClass.closed, "checkout_expired")

# What an order ends with that names a method or a customer that is not there, or not each other's.
NO_SUCH_METHOD: Final = frozenset({"payment_method", "customer"})


def code_of(error: Mapping[str, Any]) -> str:
    """The bank's word where it gave one, else Stripe's. Raises TypeError where it is neither."""
    code = error.get("decline_code") or error.get("code") or "generic_decline"
    if not isinstance(code, str):
        raise TypeError("a code is a word")
    return code


def decline(error: Mapping[str, Any]) -> Decline:
    """A code that is new to us comes from a bank that said no: it may be tried again, a few times."""
    code, of = code_of(error), error.get("code")
    kind, ours = CODES.get(code) or CODES.get(of if isinstance(of, str) else "") or (SOFT, "declined")
    return Decline(kind, ours)


def asks_for_the_customer(error: Mapping[str, Any]) -> bool:
    return bool(ASKS_FOR_THE_CUSTOMER & {error.get("code"), error.get("decline_code")})


def may_mean_the_method(error: Mapping[str, Any]) -> bool:
    """That a saved method was detached, or is another customer's, Stripe says in a sentence and with no code."""
    if error.get("type") != "invalid_request_error":
        return False
    return error.get("code") is None or error.get("param") == "payment_method"


def names_no_method(error: Mapping[str, Any]) -> bool:
    """The saved method was removed at Stripe, or belongs to somebody else."""
    if error.get("code") == "payment_method_unexpected_state":
        return True
    return error.get("code") == "resource_missing" and error.get("param") in NO_SUCH_METHOD
