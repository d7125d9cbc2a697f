"""Webhooks of Stripe: believed for the signature over their raw bytes, at the right time, in the right mode."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

import httpx
import pytest
import stripe

from portal.domain.errors import BadSignature
from portal.providers.port import Notice
from tests.providers.stripe.shop import Shop
from tests.stripe_wire.server import API_KEY, SECRET

INTENT = {"id": "pi_1", "object": "payment_intent", "metadata": {"matinee_reference": "payment:1"}}
NEW = "whsec_new"


def event(kind: str = "payment_intent.succeeded", about: Any = INTENT, **other: Any) -> bytes:
    usual = {"id": "evt_1", "object": "event", "type": kind, "livemode": False, "data": {"object": about}}
    return json.dumps({**usual, **other}).encode()


EVENT = event()


def headers_of(shop: Shop, body: bytes = EVENT, secret: str = SECRET, age: float = 0) -> dict[str, str]:
    """As the SDK itself signs in its tests."""
    stamp = int((shop.stripe.now() - timedelta(seconds=age)).timestamp())
    header = stripe.WebhookSignature.generate_signature_header(body.decode(), secret, timestamp=stamp)
    return {"Stripe-Signature": header}


def believes(shop: Shop, headers: dict[str, str], body: bytes = EVENT) -> bool:
    try:
        shop.provider.verify(headers, body, shop.stripe.now())
    except BadSignature:
        return False
    return True


def test_what_the_sdk_signs_is_believed(shop: Shop) -> None:
    expected = Notice("evt_1", "payment_intent.succeeded", "payment:1")
    headers = headers_of(shop)
    assert shop.provider.verify(headers, EVENT, shop.stripe.now()) == expected
    assert shop.provider.verify({"STRIPE-SIGNATURE": headers["Stripe-Signature"]}, EVENT, shop.stripe.now()) == expected
    assert shop.provider.parse(EVENT) == expected


def test_the_signature_is_the_documented_hmac(shop: Shop) -> None:
    stamp = str(int(shop.stripe.now().timestamp()))
    digest = hmac.digest(SECRET.encode(), f"{stamp}.".encode() + EVENT, hashlib.sha256).hex()
    assert headers_of(shop) == {"Stripe-Signature": f"t={stamp},v1={digest}"}
    assert believes(shop, {"Stripe-Signature": f"t={stamp},v1={digest}"})
    assert shop.stripe.sign(EVENT) == headers_of(shop)


@pytest.mark.fault("W1")
def test_no_other_proof_is_believed(shop: Shop) -> None:
    right = headers_of(shop)["Stripe-Signature"]
    stamp, v1 = right.split(",")
    forged = {
        "missing": {},
        "empty": {"Stripe-Signature": ""},
        "v0 only": {"Stripe-Signature": right.replace("v1=", "v0=")},
        "no time": {"Stripe-Signature": v1},
        "no signature": {"Stripe-Signature": stamp},
        "two times": {"Stripe-Signature": f"{stamp},{right}"},
        "time is a word": {"Stripe-Signature": f"t=now,{v1}"},
        "time is too long": {"Stripe-Signature": f"t={'9' * 400},{v1}"},
        "time of another": {"Stripe-Signature": f"t={int(stamp[2:]) + 1},{v1}"},
        "not ASCII": {"Stripe-Signature": f"{stamp},v1=подпись"},
        "upper case": {"Stripe-Signature": f"{stamp},v1={v1[3:].upper()}"},
        "other secret": headers_of(shop, secret="whsec_other"),
        "empty secret": headers_of(shop, secret=""),
        "other body": headers_of(shop, body=EVENT + b" "),
    }
    assert [name for name, headers in forged.items() if believes(shop, headers)] == []
    assert not believes(shop, headers_of(shop), EVENT.replace(b"payment:1", b"payment:2"))


@pytest.mark.fault("W2")
@pytest.mark.parametrize(("age", "believed"), [(300, True), (-300, True), (301, False), (-301, False), (86400, False)])
def test_a_signature_is_believed_for_five_minutes_both_ways(shop: Shop, age: float, believed: bool) -> None:
    assert believes(shop, headers_of(shop, age=age)) is believed


@pytest.mark.fault("W14")
def test_two_secrets_are_good_while_one_is_replaced(shop: Shop) -> None:
    old, new = headers_of(shop), headers_of(shop, secret=NEW)
    rolling = Shop(shop.stripe, webhook_secret=f"{SECRET}, {NEW}")
    assert believes(rolling, old)
    assert believes(rolling, new)
    both = {"Stripe-Signature": f"{old['Stripe-Signature']},{new['Stripe-Signature'].split(',')[1]}"}
    assert believes(rolling, both)
    afterwards = Shop(shop.stripe, webhook_secret=NEW)
    assert not believes(afterwards, old)
    assert believes(afterwards, both)


@pytest.mark.fault("W12")
@pytest.mark.parametrize("secret", ["", " ", ",", " , ,"])
def test_without_a_secret_there_is_no_provider(shop: Shop, secret: str) -> None:
    with pytest.raises(ValueError, match="secret"):
        shop.stripe.provider(webhook_secret=secret)


@pytest.mark.fault("W13")
@pytest.mark.parametrize(("key", "live"), [(API_KEY, True), ("sk_live_public", False), ("rk_live_public", False)])
def test_an_event_of_the_other_mode_is_refused(shop: Shop, key: str, live: bool) -> None:
    body, other = event(livemode=live), event(livemode=not live)
    ours = Shop(shop.stripe, api_key=key)
    assert not believes(ours, headers_of(shop, body), body)
    assert believes(ours, headers_of(shop, other), other)


@pytest.mark.fault("W11")
@pytest.mark.parametrize(
    "body", [b"", b"\xd0\xb6", b"[]", b"{}", b'{"id": 1, "type": "x"}', b"[" * 100_000, b'{"id": "e"}', b'{"id": ""}']
)
def test_a_signed_body_that_cannot_be_read_is_told_apart_by_its_bytes(shop: Shop, body: bytes) -> None:
    notice = shop.provider.verify(headers_of(shop, body), body, shop.stripe.now())
    assert notice == shop.provider.parse(body)
    assert (notice.kind, notice.reference) == ("unreadable", None)
    assert notice.event_id != shop.provider.parse(body + b" ").event_id


OURS = {"matinee_reference": "payment:1"}
ABOUT: list[tuple[str, dict[str, Any], str | None, str | None]] = [
    ("checkout.session.completed", {"metadata": OURS}, "payment:1", None),
    ("checkout.session.expired", {"metadata": OURS}, "payment:1", None),
    ("checkout.session.async_payment_failed", {"metadata": OURS}, "payment:1", None),
    ("payment_intent.payment_failed", {"metadata": OURS}, "payment:1", None),
    ("setup_intent.succeeded", {"metadata": {"matinee_reference": "setup:1"}}, "setup:1", None),
    ("charge.refunded", {"metadata": OURS, "payment_intent": "pi_1"}, "payment:1", "pi_1"),
    ("charge.refund.updated", {"metadata": {}, "payment_intent": "pi_1"}, None, "pi_1"),
    ("refund.failed", {"metadata": {"matinee_reference": "refund:1"}, "payment_intent": "pi_1"}, "refund:1", "pi_1"),
    ("refund.created", {"metadata": {}, "payment_intent": "pi_1"}, None, "pi_1"),
    ("charge.dispute.created", {"metadata": OURS, "payment_intent": "pi_1"}, None, "pi_1"),
    ("charge.dispute.closed", {"payment_intent": None}, None, None),
    ("payment_method.detached", {"id": "pm_1", "metadata": {}}, None, None),
    ("customer.created", {"metadata": OURS}, None, None),
    ("payment_intent.succeeded", {"metadata": {"order": "payment:1"}}, None, None),
    ("payment_intent.succeeded", {"metadata": {"matinee_reference": 5}}, None, None),
    ("payment_intent.succeeded", {"metadata": None}, None, None),
]


@pytest.mark.fault("W11")
@pytest.mark.parametrize(("kind", "about", "reference", "payment"), ABOUT)
def test_an_event_says_where_to_look(
    shop: Shop, kind: str, about: dict[str, Any], reference: str | None, payment: str | None
) -> None:
    assert shop.provider.parse(event(kind, about)) == Notice("evt_1", kind, reference, payment)


@pytest.mark.parametrize("data", [None, [], "pi_1", {}, {"object": None}, {"object": "pi_1"}])
def test_an_event_about_nothing_has_no_reference(shop: Shop, data: Any) -> None:
    assert shop.provider.parse(event(data=data)) == Notice("evt_1", "payment_intent.succeeded", None)


def kinds(shop: Shop) -> list[tuple[str, str | None]]:
    now = shop.stripe.now()
    read = [shop.provider.verify(headers, body, now) for headers, body in shop.stripe.deliveries()]
    return [(one.kind, one.reference) for one in read]


def test_everything_that_happens_is_told_in_stripes_words(shop: Shop) -> None:
    bought = shop.buy()
    assert kinds(shop) == [("checkout.session.completed", "payment:1"), ("payment_intent.succeeded", "payment:1")]
    shop.provider.refund(shop.back(bought, 900))
    assert kinds(shop) == [("refund.updated", "refund:1"), ("charge.refunded", "payment:1")]
    shop.stripe.dispute("payment:1")
    shop.stripe.dispute("payment:1", "lost")
    assert kinds(shop) == [("charge.dispute.created", None), ("charge.dispute.closed", None)]
    shop.open_page("payment:3")
    shop.provider.close_checkout("payment:3")
    assert kinds(shop) == [("checkout.session.expired", "payment:3")]


def test_a_webhook_is_sent_again_until_it_is_accepted(shop: Shop) -> None:
    statuses = [503, 500, 200, 200]
    came: list[str] = []

    def door(request: httpx.Request) -> httpx.Response:
        notice = shop.provider.verify(dict(request.headers), request.read(), shop.stripe.now())
        came.append(notice.event_id)
        return httpx.Response(statuses[len(came) - 1])

    teller = shop.stripe.teller("http://shop.test/", httpx.MockTransport(door))
    shop.buy()
    while len(came) < 4:
        teller.run_once()
        shop.stripe.advance(seconds=10)
    teller.close()
    assert len(set(came)) == 2
    assert sorted(came[:2]) == sorted(came[2:])
