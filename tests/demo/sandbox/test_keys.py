"""The same key and body: the same answer, a stored 500 included. Another body: an error. Forgotten after 24 hours."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from portal.demo.sandbox import keys
from portal.demo.sandbox.keys import Claim
from portal.domain.outcome import Outcome
from tests.demo.sandbox.shop import Shop


def charge(shop: Shop, key: str = "payment:2", **other: Any) -> httpx.Response:
    method = shop.provider.find("payment:first").method or shop.saved()
    ids = {"customer": method.customer_ref, "method": method.method_ref}
    body = {"reference": "payment:2", "amount": 59900, "currency": "RUB", "description": "Renewal", **ids, **other}
    return shop.api.post("/v1/charges", json=body, headers={"Idempotency-Key": key})


def test_a_repeated_key_gets_the_same_answer_and_no_second_charge(shop_on_both: Shop) -> None:
    first, second = charge(shop_on_both), charge(shop_on_both)
    assert (second.status_code, second.text) == (first.status_code, first.text)
    assert second.headers["Idempotent-Replayed"] == "true"
    assert shop_on_both.taken("payment:2") == [59900]
    assert [line["replayed"] for line in shop_on_both.book.requests("payment:2")] == [False, True]


def test_the_order_of_a_bodys_members_does_not_matter() -> None:
    assert keys.fingerprint("/v1/x", b'{"a": 1, "b": 2}') == keys.fingerprint("/v1/x", b'{"b":2,"a":1}')
    assert keys.fingerprint("/v1/x", b"{}") != keys.fingerprint("/v1/y", b"{}")


def test_a_repeated_key_with_another_body_is_refused(shop_on_both: Shop) -> None:
    charge(shop_on_both)
    other = charge(shop_on_both, amount=100)
    assert (other.status_code, other.json()["error"]["code"]) == (400, "idempotency_mismatch")
    assert shop_on_both.taken("payment:2") == [59900]


@pytest.mark.parametrize(("fault", "taken"), [("error_before", []), ("error_after", [59900])])
def test_a_stored_500_is_replayed_although_the_fault_is_over(shop_on_both: Shop, fault: str, taken: list[int]) -> None:
    shop_on_both.saved()
    shop_on_both.plan(fault, "charge")
    assert [charge(shop_on_both).status_code for _ in range(3)] == [500, 500, 500]
    assert shop_on_both.taken("payment:2") == taken


def test_a_key_is_forgotten_after_a_day_and_then_charges_again(shop_on_both: Shop) -> None:
    charge(shop_on_both)
    shop_on_both.clock.advance(hours=23, minutes=59)
    charge(shop_on_both)
    assert shop_on_both.taken("payment:2") == [59900]
    shop_on_both.clock.advance(minutes=1)
    charge(shop_on_both)
    assert shop_on_both.taken("payment:2") == [59900, 59900]


def test_a_key_in_flight_is_answered_409(shop_on_both: Shop) -> None:
    shop_on_both.saved()
    print_ = _print_of(shop_on_both)
    with shop_on_both.book.write() as conn:
        assert isinstance(keys.claim(conn, "payment:2", print_, shop_on_both.clock()), Claim)
    busy = charge(shop_on_both)
    assert (busy.status_code, busy.json()["error"]["code"]) == (409, "key_in_use")
    assert shop_on_both.taken("payment:2") == []


def test_the_claim_of_a_dead_worker_is_taken_over_after_a_minute(shop_on_both: Shop) -> None:
    shop_on_both.saved()
    print_ = _print_of(shop_on_both)
    with shop_on_both.book.write() as conn:
        keys.claim(conn, "payment:2", print_, shop_on_both.clock())
    shop_on_both.clock.advance(seconds=61)
    assert charge(shop_on_both).json()["state"] == "succeeded"


def test_a_refused_request_is_not_remembered(shop: Shop) -> None:
    shop.saved()
    assert charge(shop, method="pm_unknown").status_code == 400
    assert charge(shop).json()["state"] == "succeeded"


def test_a_checkout_asked_for_again_after_a_day_is_the_one_that_is_there(shop: Shop) -> None:
    order = shop.order(expires_at=shop.clock().replace(year=2028))
    first = shop.provider.start_checkout(order)
    shop.clock.advance(hours=25)
    again = shop.provider.start_checkout(order)
    assert (again.outcome, again.redirect_url) == (Outcome.requires_action, first.redirect_url)


@pytest.mark.parametrize("key", ["", "k" * 201, "white space"])
def test_a_key_that_is_not_a_word_is_refused(shop: Shop, key: str) -> None:
    assert charge(shop, key).status_code == 400


def _print_of(shop: Shop) -> str:
    method = shop.provider.find("payment:first").method
    assert method is not None
    ids = {"customer": method.customer_ref, "method": method.method_ref}
    body = {"reference": "payment:2", "amount": 59900, "currency": "RUB", "description": "Renewal", **ids}
    return keys.fingerprint("/v1/charges", httpx.Request("POST", "http://x", json=body).content)
