"""Every decline of Stripe's has a class, and a sentence for the customer in both languages."""

from __future__ import annotations

from typing import Any

import pytest

from portal.domain.outcome import Decline, DeclineClass
from portal.presentation.declines import DECLINES, why_declined
from portal.providers.stripe.declines import CODES, asks_for_the_customer, decline

# As Stripe's documentation lists them.
DOCUMENTED = [
    "approve_with_id",
    "authentication_not_handled",
    "authentication_required",
    "call_issuer",
    "card_not_supported",
    "card_velocity_exceeded",
    "currency_not_supported",
    "do_not_honor",
    "do_not_try_again",
    "duplicate_transaction",
    "expired_card",
    "fraudulent",
    "generic_decline",
    "highest_risk_level",
    "incorrect_address",
    "incorrect_cvc",
    "incorrect_number",
    "incorrect_pin",
    "incorrect_zip",
    "insufficient_funds",
    "invalid_account",
    "invalid_amount",
    "invalid_cvc",
    "invalid_expiry_month",
    "invalid_expiry_year",
    "invalid_number",
    "invalid_pin",
    "issuer_not_available",
    "lost_card",
    "merchant_blacklist",
    "mobile_device_authentication_required",
    "new_account_information_available",
    "no_action_taken",
    "not_permitted",
    "offline_pin_required",
    "online_or_offline_pin_required",
    "pickup_card",
    "pin_try_exceeded",
    "previously_declined_do_not_retry",
    "processing_error",
    "reenter_transaction",
    "restricted_card",
    "revocation_of_all_authorizations",
    "revocation_of_authorization",
    "security_violation",
    "service_not_allowed",
    "stolen_card",
    "stop_payment_order",
    "testmode_decline",
    "transaction_not_allowed",
    "try_again_later",
    "withdrawal_count_limit_exceeded",
]


@pytest.mark.parametrize("code", DOCUMENTED)
def test_every_documented_code_is_classed(code: str) -> None:
    assert CODES[code][0] in (DeclineClass.soft, DeclineClass.hard, DeclineClass.gateway)


@pytest.mark.parametrize("ours", sorted({ours for _, ours in CODES.values()}))
def test_every_decline_has_its_own_sentence_in_both_languages(ours: str) -> None:
    assert ours in DECLINES
    english, russian = why_declined("soft", ours, "en"), why_declined("soft", ours, "ru")
    for word in ("who", "why", "advice"):
        assert getattr(english, word) != getattr(russian, word)


ERRORS: list[tuple[dict[str, Any], Decline]] = [
    ({"code": "card_declined", "decline_code": "insufficient_funds"}, Decline(DeclineClass.soft, "insufficient_funds")),
    ({"code": "card_declined", "decline_code": "pickup_card"}, Decline(DeclineClass.hard, "lost_card")),
    ({"code": "card_declined", "decline_code": "issuer_not_available"}, Decline(DeclineClass.gateway, "gateway")),
    ({"code": "card_declined"}, Decline(DeclineClass.soft, "declined")),
    ({"code": "expired_card", "decline_code": "tomorrows_code"}, Decline(DeclineClass.hard, "expired_card")),
    ({"code": "tomorrows_code"}, Decline(DeclineClass.soft, "declined")),
    ({}, Decline(DeclineClass.soft, "declined")),
]


@pytest.mark.fault("P10")
@pytest.mark.fault("P11")
@pytest.mark.parametrize(("error", "expected"), ERRORS)
def test_the_banks_own_word_goes_before_stripes(error: dict[str, Any], expected: Decline) -> None:
    assert decline(error) == expected


@pytest.mark.fault("P12")
@pytest.mark.parametrize(
    ("error", "asks"),
    [
        ({"code": "authentication_required"}, True),
        ({"code": "card_declined", "decline_code": "authentication_required"}, True),
        ({"code": "card_declined", "decline_code": "do_not_honor"}, False),
        ({"code": "payment_intent_authentication_failure"}, False),
    ],
)
def test_which_declines_ask_for_the_customer(error: dict[str, Any], asks: bool) -> None:
    assert asks_for_the_customer(error) is asks
