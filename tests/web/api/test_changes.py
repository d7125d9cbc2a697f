"""Another plan over the API: a preview, exactly that, and calling off what has not begun."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.services.promise import uuid_of
from tests.world import Caller, World

DAY = timedelta(days=1)
DECLINES_RENEWALS = "4000 0000 0000 0341"


def the_subscription(who: Caller) -> dict[str, Any]:
    found: dict[str, Any] = who.get("/subscriptions").json[0]
    return found


def subscribed(world: World, plan: str = "standard") -> Caller:
    """Ten days ago; with a token of today."""
    world.bought("alice", plan)
    world.pass_time(10 * DAY)
    return world.sign_in("alice")


def path(who: Caller) -> str:
    return f"/subscriptions/{the_subscription(who)['subscription_id']}/change"


def test_the_preview_says_what_the_change_then_does(world: World) -> None:
    alice = subscribed(world)
    seen = alice.post(f"{path(alice)}/preview", {"product_id": "premium"}).json
    assert {name: seen[name] for name in ("when", "today", "then", "at", "expires_at")} == {
        "when": "now",
        "today": {"amount": 135.48, "currency": "RUB"},
        "then": {"amount": 499.0, "currency": "RUB"},
        "at": "2027-02-10T09:00:00Z",
        "expires_at": "2027-01-20T09:15:00Z",
    }
    lines = [(line["what"], line["product_id"], line["price"]["amount"]) for line in seen["lines"]]
    assert lines == [("plan", "premium", 338.03), ("credit", "standard", -202.55)]

    made = alice.post(path(alice), {"product_id": "premium", "quote": seen["quote"]})

    assert made.status_code == 200
    assert made.json["redirect_url"] is None
    assert made.json["subscription"]["product_id"] == "premium"
    assert made.json["subscription"]["next"]["price"] == seen["then"]
    paid = alice.get(f"/invoices/{made.json['invoice_guid']}").json
    assert (paid["state"], paid["reason"], paid["product"]["price"]) == ("paid", "plan_change", seen["today"])


def test_a_cheaper_plan_follows_and_can_be_called_off(world: World) -> None:
    alice = subscribed(world, "premium")
    seen = alice.post(f"{path(alice)}/preview", {"product_id": "standard"}).json
    assert (seen["when"], seen["lines"], seen["today"]["amount"], seen["then"]["amount"]) == ("period_end", [], 0, 299)
    made = alice.post(path(alice), {"product_id": "standard", "quote": seen["quote"]}).json
    assert (made["invoice_guid"], made["subscription"]["product_id"]) == (None, "premium")
    assert (made["subscription"]["next"]["price"]["amount"], made["subscription"]["next_product_id"]) == (
        299.0,
        "standard",
    )
    back = alice.post(f"{path(alice)}/cancel", {})
    assert (back.status_code, back.json["next"]["price"]["amount"], back.json["next_product_id"]) == (200, 499.0, None)


def test_a_declined_change_is_told_and_changes_nothing(world: World, alice: Caller) -> None:
    world.pay(world.buy(alice)["redirect_url"], DECLINES_RENEWALS)
    world.drain()
    seen = alice.post(f"{path(alice)}/preview", {"product_id": "premium"}).json
    made = alice.post(path(alice), {"product_id": "premium", "quote": seen["quote"]}).json
    assert (made["subscription"]["product_id"], made["redirect_url"]) == ("standard", None)
    invoice = alice.get(f"/invoices/{made['invoice_guid']}").json
    assert (invoice["state"], invoice["fail_reason"]) == ("fail", "declined")


@pytest.mark.parametrize(
    ("product", "status", "error_id"),
    [("standard", 409, "not_changeable"), ("nothing", 400, "unknown_product"), ("", 400, "invalid_request")],
)
def test_what_cannot_be_changed_is_refused(
    world: World, alice: Caller, product: str, status: int, error_id: str
) -> None:
    world.bought("alice")
    refused = alice.post(f"{path(alice)}/preview", {"product_id": product})
    assert (refused.status_code, refused.json["error_id"]) == (status, error_id)


def test_a_quote_is_refused_when_it_is_old_used_or_somebody_elses(world: World, boris: Caller) -> None:
    alice = subscribed(world)
    where = path(alice)
    seen = alice.post(f"{where}/preview", {"product_id": "premium"}).json
    order = {"product_id": "premium", "quote": seen["quote"]}
    boris = world.sign_in("boris")
    assert boris.post(where, order).status_code == 404
    assert boris.post(f"{where}/preview", {"product_id": "premium"}).status_code == 404
    assert boris.post(f"{where}/cancel", {}).status_code == 404
    assert alice.post(where, order | {"quote": str(uuid4())}).status_code == 404
    assert alice.post(where, order | {"quote": "none"}).status_code == 400
    world.clock.at += timedelta(minutes=15)
    alice = world.sign_in("alice")
    old = alice.post(where, order)
    assert (old.status_code, old.json["error_id"]) == (409, "quote_void")
    order["quote"] = alice.post(f"{where}/preview", {"product_id": "premium"}).json["quote"]
    key = {"headers": {"Idempotency-Key": "once"}}
    first = alice.post(where, order, **key)
    assert alice.post(where, order, **{"headers": {"Idempotency-Key": "once"}}).json == first.json
    again = alice.post(where, order)
    assert (again.status_code, again.json["error_id"]) == (409, "quote_void")
    assert world.one("SELECT count(*) AS n FROM payments WHERE kind = 'charge'")["n"] == 1
    assert uuid_of(first.json["invoice_guid"])


def test_an_open_payment_comes_first(world: World) -> None:
    alice = subscribed(world)
    world.buy(alice)
    refused = alice.post(f"{path(alice)}/preview", {"product_id": "premium"})
    assert (refused.status_code, refused.json["error_id"]) == (409, "payment_in_progress")
    assert int(refused.headers["Retry-After"]) > 0
