"""The JSON API's bad input: its status and its word, and nothing changed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from portal.demo.sandbox.app import create_sandbox
from tests.demo.sandbox.shop import RETURN, Shop

CHECKOUT = {
    "reference": "payment:1",
    "amount": 59900,
    "currency": "RUB",
    "description": "Premium",
    "user_id": "alice",
    "locale": "ru",
    "return_url": RETURN,
    "expires_at": "2027-02-01T10:00:00Z",
    "save_method": True,
}
WRONG: list[tuple[str, Any]] = [
    ("amount", -1),
    ("amount", 1.5),
    ("amount", "59900"),
    ("amount", True),
    ("amount", 10**16),
    ("currency", "XXX"),
    ("reference", "with space"),
    ("reference", ""),
    ("description", "nul\x00"),
    ("description", "half \ud800"),
    ("user_id", ""),
    ("return_url", "javascript:alert(1)"),
    ("return_url", "//evil.example"),
    ("expires_at", "2027-02-01T10:00:00"),
    ("expires_at", "2027-01-31T10:00:00Z"),
    ("more", 1),
]


@pytest.mark.parametrize(("field", "value"), WRONG)
def test_a_wrong_field_is_refused_by_name(shop: Shop, field: str, value: Any) -> None:
    answer = shop.api.post("/v1/checkouts", content=json.dumps({**CHECKOUT, field: value}))
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_request")
    assert shop.book.payments() == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"reference": 1}', b"\xff", b"[" * 5000])
def test_a_body_that_is_not_the_documented_object_is_refused(shop: Shop, body: bytes) -> None:
    for path in ("checkouts", "checkouts/close", "charges", "refunds", "methods/detach", "test/faults"):
        assert shop.api.post(f"/v1/{path}", content=body).status_code == 400


def test_a_body_that_is_too_large_is_refused(shop: Shop) -> None:
    assert shop.api.post("/v1/checkouts", content=b"x" * 70_000).status_code == 413


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer wrong", "Basic sk_test_public", "Bearer ключ"])
@pytest.mark.parametrize("path", ["/v1/payments?reference=a", "/v1/book"])
def test_only_the_shop_with_the_key_is_served(shop: Shop, given: str, path: str) -> None:
    answer = shop.api.get(path, headers={"Authorization": given.encode()})
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorized")


def test_anybody_may_ask_whether_it_is_alive(shop: Shop) -> None:
    assert shop.browser.get("http://127.0.0.1:8000/sandbox/v1/healthz").json() == {"status": "ok"}


def test_the_book_shows_what_was_taken_and_given_back(shop: Shop) -> None:
    paid = shop.buy()
    shop.provider.refund(shop.back(paid, 900))
    book = shop.api.get("/v1/book").json()
    assert [(row["reference"], row["taken"], row["currency"]) for row in book["payments"]] == [
        ("payment:1", 59900, "RUB")
    ]
    assert [(row["reference"], row["amount"], row["state"]) for row in book["refunds"]] == [
        ("refund:1", 900, "succeeded")
    ]


@pytest.mark.fault("W12")
@pytest.mark.parametrize("missing", ["api_key", "webhook_secret"])
def test_a_sandbox_without_its_secrets_does_not_start(shop: Shop, missing: str) -> None:
    usual = {"database_url": shop.database_url, "api_key": "k", "webhook_secret": "s", "public_base": "http://x"}
    with pytest.raises(ValueError, match="needs"):
        create_sandbox(**{**usual, missing: ""}, now=shop.clock)
