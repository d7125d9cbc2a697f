"""Asking for money back over the API: offers, queued sums, and amounts that are none."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from werkzeug.test import TestResponse

from tests.world import START, Caller, World, path_of

# As written in the body. A number that is no sum of money, then what is no number, then what is no JSON.
NO_AMOUNTS = [
    ("0", "invalid_amount"),
    ("0.0", "invalid_amount"),
    ("-0", "invalid_amount"),
    ("-1", "invalid_amount"),
    ("-0.01", "invalid_amount"),
    ("0.001", "invalid_amount"),
    ("100.005", "invalid_amount"),
    ("0.1000000000000000055511151231257827021181583404541015625", "invalid_amount"),
    ("1e400", "invalid_amount"),
    ("1e-400", "invalid_amount"),
    ("1e999999999999999999999999", "bad_request"),
    ("9" * 400, "invalid_amount"),
    ("9" * 5000, "bad_request"),
    ("NaN", "bad_request"),
    ("Infinity", "bad_request"),
    ("-Infinity", "bad_request"),
    ("+1", "bad_request"),
    ("01", "bad_request"),
    ('"299"', "invalid_request"),
    ('"NaN"', "invalid_request"),
    ("true", "invalid_request"),
    ("null", "invalid_request"),
    ("[299]", "invalid_request"),
    ("{}", "invalid_request"),
]
NO_CURRENCIES = ["USD", "JPY", "XXX", "rub", "", None, 643, "RUBLE"]
NO_REQUESTS: list[dict[str, Any]] = [
    {"invoice_guid": None},
    {"invoice_guid": "M-2027-000001"},
    {"price": None},
    {"price": 299},
    {"price": {"amount": 299}},
    {"price": {"currency": "RUB"}},
    {"reason": 1},
    {"reason": "x" * 1001},
    {"reason": "a\x00b"},
    {"access": "never"},
]


def ask(who: Caller, invoice_guid: str, amount: object, currency: object = "RUB", **more: Any) -> TestResponse:
    return who.post(
        "/refunds", {"invoice_guid": invoice_guid, "price": {"amount": amount, "currency": currency}, **more}
    )


def ask_as_written(who: Caller, invoice_guid: str, amount: str) -> TestResponse:
    """With a number that no JSON writer of ours would write."""
    body = f'{{"invoice_guid": "{invoice_guid}", "price": {{"amount": {amount}, "currency": "RUB"}}}}'
    headers = {"Authorization": f"Bearer {who.token}", "Content-Type": "application/json", "Accept-Language": "en"}
    return who.client.post("/api/v1/refunds", data=body, headers=headers)


def offers(who: Caller, invoice_guid: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = who.get(f"/invoices/{invoice_guid}/refund-offers").json
    return found


def test_both_offers_are_named_with_their_sums(world: World, alice: Caller) -> None:
    invoice = world.bought("alice")["invoice_guid"]
    world.clock.at = START + timedelta(days=5)
    later = world.sign_in("alice")

    # Five of the 31 days from 10 January have passed: 299.00 * 26 / 31 = 250.77.
    assert offers(later, invoice) == [
        {"kind": "unused", "price": {"amount": 250.77, "currency": "RUB"}, "ends_access": True},
        {"kind": "full", "price": {"amount": 299.0, "currency": "RUB"}, "ends_access": True},
    ]


def test_a_sum_equal_to_an_offer_is_sent_at_once_and_ends_access(world: World, alice: Caller) -> None:
    invoice = world.bought("alice")["invoice_guid"]

    answer = ask(alice, invoice, 299, reason="Bought by mistake")

    assert answer.status_code == 200
    assert answer.json["state"] == "succeeded"
    assert answer.json["redirect_url"] == f"http://portal.test/cabinet/refunds/{answer.json['refund_guid']}"
    shown = alice.get(f"/refunds/{answer.json['refund_guid']}").json
    assert shown == {
        "refund_guid": answer.json["refund_guid"],
        "invoice_guid": invoice,
        "state": "succeeded",
        "reason": "customer",
        "price": {"amount": 299.0, "currency": "RUB"},
        "created_at": "2027-01-10T09:00:00Z",
        "modified_at": "2027-01-10T09:00:00Z",
    }
    assert [refund["state"] for refund in alice.get(f"/invoices/{invoice}").json["refunds"]] == ["succeeded"]
    assert alice.get("/subscriptions").json[0]["status"] == "ended"
    world.drain()
    assert world.rights("alice")["entitlements"] == []


def test_the_page_it_points_to_is_on_this_site(world: World, alice: Caller) -> None:
    invoice = world.bought("alice")["invoice_guid"]

    url = ask(alice, invoice, 299).json["redirect_url"]

    assert path_of(url).startswith("/cabinet/refunds/")


def test_any_other_sum_waits_for_an_operator_and_touches_nothing_else(world: World, alice: Caller) -> None:
    invoice = world.bought("alice")["invoice_guid"]

    answer = ask(alice, invoice, 100.5)

    assert (answer.status_code, answer.json["state"]) == (200, "requested")
    assert alice.get("/subscriptions").json[0]["status"] == "active"
    row = world.one("SELECT amount_minor, comment, effect FROM refunds")
    assert row == {"amount_minor": 10050, "comment": None, "effect": "keep"}


def test_under_the_manual_policy_an_offer_waits_too(make_world: Callable[..., World]) -> None:
    world = make_world(refund_policy="manual")
    world.seed()
    invoice = world.bought("alice")["invoice_guid"]

    assert ask(world.sign_in("alice"), invoice, 299).json["state"] == "requested"


def test_more_than_what_is_left_is_refused_with_what_is_left(world: World, alice: Caller) -> None:
    invoice = world.bought("alice")["invoice_guid"]
    assert ask(alice, invoice, 199.01).status_code == 200
    before = world.counts()

    answer = ask(alice, invoice, 99.995 + 0.005)

    assert (answer.status_code, answer.json["error_id"]) == (409, "exceeds_refundable")
    assert "99.99 RUB" in answer.json["error_desc"]
    assert world.counts() == before


def test_a_sum_may_be_written_in_any_way_json_has(world: World, alice: Caller) -> None:
    invoice = world.bought("alice")["invoice_guid"]

    for amount in ("0.1", "0.10", "1e-1", "10", "1e1", "1000E-2"):
        assert ask_as_written(alice, invoice, amount).status_code == 200

    assert [row["amount_minor"] for row in world.rows("SELECT amount_minor FROM refunds ORDER BY amount_minor")] == [
        *([10] * 3),
        *([1000] * 3),
    ]


@pytest.mark.fault("M1", "M2", "M6", "M8")
def test_what_is_no_amount_is_refused_and_changes_nothing(world: World, alice: Caller) -> None:
    invoice = world.bought("alice")["invoice_guid"]
    before = world.counts()

    for amount, error_id in NO_AMOUNTS:
        answer = ask_as_written(alice, invoice, amount)
        assert (answer.status_code, answer.json["error_id"]) == (400, error_id), amount[:20]

    assert world.counts() == before


@pytest.mark.fault("M4")
def test_another_currency_is_refused(world: World, alice: Caller) -> None:
    invoice = world.bought("alice")["invoice_guid"]

    for currency in NO_CURRENCIES:
        answer = ask(alice, invoice, 1, currency)
        assert answer.status_code == 400, currency
        assert answer.json["error_id"] in ("invalid_amount", "invalid_request")

    assert world.count("refunds") == 0


def test_a_body_that_lacks_something_is_refused(world: World, alice: Caller) -> None:
    invoice = world.bought("alice")["invoice_guid"]

    for change in NO_REQUESTS:
        body = {"invoice_guid": invoice, "price": {"amount": 299, "currency": "RUB"}} | change
        answer = alice.post("/refunds", body)
        assert (answer.status_code, answer.json["error_id"]) == (400, "invalid_request"), change
        assert next(iter(change)) in answer.json["error_desc"]

    assert world.count("refunds") == 0


def test_what_happens_to_access_is_no_customers_decision(world: World, alice: Caller) -> None:
    invoice = world.bought("alice")["invoice_guid"]

    answer = ask(alice, invoice, 299, access="keep")

    assert (answer.status_code, answer.json["error_id"]) == (403, "forbidden")
    assert world.count("refunds") == 0


def test_an_operator_gives_anybodys_money_back_and_says_what_happens_to_access(world: World) -> None:
    invoice = world.bought("alice")["invoice_guid"]

    answer = ask(world.sign_in("finance"), invoice, 100, access="end_now", reason="goodwill")

    assert (answer.status_code, answer.json["state"]) == (200, "succeeded")
    assert "/admin/refunds/" in answer.json["redirect_url"]
    assert world.one("SELECT state, end_reason FROM subscriptions") == {"state": "ended", "end_reason": "refunded"}
    act = world.one("SELECT operator, act, reason FROM activity")
    assert act == {"operator": "finance", "act": "refund.give", "reason": "goodwill"}


def test_an_operators_reason_is_of_the_closed_list(world: World) -> None:
    invoice = world.bought("alice")["invoice_guid"]

    answer = ask(world.sign_in("finance"), invoice, 100, access="keep", reason="because")

    assert (answer.status_code, answer.json["error_id"]) == (400, "invalid_request")
    assert world.count("refunds") == 0


@pytest.mark.fault("C10")
def test_an_unpaid_invoice_has_nothing_to_return(world: World, alice: Caller) -> None:
    invoice = world.buy(alice)["invoice_guid"]

    assert offers(alice, invoice) == []
    answer = ask(alice, invoice, 299)

    assert (answer.status_code, answer.json["error_id"]) == (409, "not_refundable")
    assert world.count("refunds") == 0


def test_a_closed_invoice_has_nothing_to_return(world: World, alice: Caller) -> None:
    invoice = world.buy(alice)["invoice_guid"]
    alice.post(f"/invoices/{invoice}/cancel", {})

    assert ask(alice, invoice, 299).json["error_id"] == "not_refundable"


@pytest.mark.fault("A1")
def test_foreign_invoices_and_refunds_are_answered_as_if_they_did_not_exist(
    world: World, alice: Caller, boris: Caller
) -> None:
    invoice = world.bought("alice")["invoice_guid"]
    refund = ask(alice, invoice, 1).json["refund_guid"]
    before = world.counts()

    for foreign, unknown in (
        (ask(boris, invoice, 299), ask(boris, str(uuid4()), 299)),
        (boris.get(f"/refunds/{refund}"), boris.get(f"/refunds/{uuid4()}")),
        (
            boris.get(f"/invoices/{invoice}/refund-offers"),
            boris.get(f"/invoices/{uuid4()}/refund-offers"),
        ),
    ):
        assert foreign.status_code == unknown.status_code == 404
        assert foreign.json["error_id"] == "not_found"
        assert foreign.json["error_desc"] == unknown.json["error_desc"]
    assert world.counts() == before


def test_one_key_gives_one_refund(world: World, alice: Caller) -> None:
    invoice = world.bought("alice")["invoice_guid"]
    key = {"headers": {"Idempotency-Key": "refund-1"}}
    body = {"invoice_guid": invoice, "price": {"amount": 50, "currency": "RUB"}}

    first, again = alice.post("/refunds", body, **key), alice.post("/refunds", body, **key)
    other = alice.post("/refunds", body | {"reason": "another"}, **key)

    assert first.status_code == 200
    assert again.json == first.json
    assert (other.status_code, other.json["error_id"]) == (422, "idempotency_key_reused")
    assert world.count("refunds") == 1


def test_the_same_sum_asked_for_twice_is_held_back_twice(world: World, alice: Caller) -> None:
    invoice = world.bought("alice")["invoice_guid"]

    assert [ask(alice, invoice, 150).status_code for _ in range(2)] == [200, 409]


def test_what_does_not_say_that_it_is_json_is_not_read(alice: Caller) -> None:
    for content_type in ("text/plain", "application/x-www-form-urlencoded", ""):
        headers = {"Authorization": f"Bearer {alice.token}", "Content-Type": content_type}
        answer = alice.client.post("/api/v1/refunds", data="{}", headers=headers)
        assert (answer.status_code, answer.json["error_id"]) == (415, "unsupported_media_type")


def test_a_body_of_a_megabyte_is_not_read(alice: Caller) -> None:
    answer = alice.post("/refunds", {"reason": "x" * 1_000_000})

    assert (answer.status_code, answer.json["error_id"]) == (413, "too_large")


def test_the_reason_is_told_in_the_readers_language(world: World, alice: Caller) -> None:
    invoice = world.buy(alice)["invoice_guid"]
    body = {"invoice_guid": invoice, "price": {"amount": 1, "currency": "RUB"}}

    answer = alice.post("/refunds", body, headers={"Accept-Language": "ru"})

    assert any("а" <= letter <= "я" for letter in answer.json["error_desc"])
