"""Cancelling and resuming over the API, and closing an invoice that nobody wants to pay."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.world import Caller, World

DECLINES_RENEWALS = "4000 0000 0000 0341"
TWICE = {"headers": {"Idempotency-Key": "once"}}


def the_subscription(who: Caller) -> dict[str, Any]:
    found: dict[str, Any] = who.get("/subscriptions").json[0]
    return found


def events(world: World) -> list[str]:
    return [row["type"] for row in world.rows("SELECT type FROM outbox ORDER BY version")]


def test_cancelling_at_the_end_stops_renewal_at_once_and_keeps_access(world: World, alice: Caller) -> None:
    world.bought("alice")
    mine = the_subscription(alice)

    answer = alice.post(f"/subscriptions/{mine['subscription_id']}/cancel", {"when": "period_end"})

    assert answer.status_code == 200
    assert answer.json["status"] == "active"
    assert answer.json["auto_renew"] is False
    assert answer.json["access_until"] == "2027-02-10T09:00:00Z"
    assert answer.json["next"] == {"what": "end", "at": "2027-02-10T09:00:00Z", "price": None}
    assert events(world) == ["subscription.activated", "subscription.cancelled"]


def test_one_in_arrears_says_when_it_is_asked_for_again_and_is_cancelled_at_once(world: World, alice: Caller) -> None:
    world.pay(world.buy(alice)["redirect_url"], DECLINES_RENEWALS)
    world.drain()
    world.pass_time(timedelta(days=31))
    again = world.sign_in("alice")
    mine = the_subscription(again)
    assert mine["status"] == "past_due"
    assert mine["next"]["what"] == "retry"
    assert mine["next"]["price"] == {"amount": 299.0, "currency": "RUB"}

    answer = again.post(f"/subscriptions/{mine['subscription_id']}/cancel", {"when": "period_end"})

    # Nothing that was paid for is left, so there is no later end to wait for.
    assert (answer.status_code, answer.json["status"], answer.json["access_until"]) == (200, "ended", None)


def test_cancelling_now_ends_access_at_once_and_returns_no_money(world: World, alice: Caller) -> None:
    world.bought("alice")
    mine = the_subscription(alice)

    answer = alice.post(f"/subscriptions/{mine['subscription_id']}/cancel", {"when": "now"})

    assert answer.status_code == 200
    assert (answer.json["status"], answer.json["access_until"], answer.json["next"]) == ("ended", None, None)
    assert world.count("refunds") == 0
    world.drain()
    assert world.rights("alice")["entitlements"] == []


@pytest.mark.parametrize("when", ["now", "period_end"])
def test_cancelling_again_is_no_error_and_changes_nothing(world: World, alice: Caller, when: str) -> None:
    world.bought("alice")
    path = f"/subscriptions/{the_subscription(alice)['subscription_id']}/cancel"
    first = alice.post(path, {"when": when})
    before = world.counts()

    again = alice.post(path, {"when": when})

    assert (again.status_code, again.json) == (200, first.json)
    assert world.counts() == before


def test_a_cancelled_subscription_is_resumed_without_a_body(world: World, alice: Caller) -> None:
    world.bought("alice")
    path = f"/subscriptions/{the_subscription(alice)['subscription_id']}"
    alice.post(f"{path}/cancel", {"when": "period_end"})

    headers = {"Authorization": f"Bearer {alice.token}", "Accept-Language": "en"}
    answer = alice.client.post(f"/api/v1{path}/resume", headers=headers)

    assert answer.status_code == 200
    assert answer.json["auto_renew"] is True
    assert answer.json["next"]["what"] == "renewal"
    assert events(world)[-1] == "subscription.resumed"
    before = world.counts()
    assert alice.post(f"{path}/resume", {}).json == answer.json
    assert world.counts() == before


def test_an_ended_subscription_cannot_be_resumed(world: World, alice: Caller) -> None:
    world.bought("alice")
    path = f"/subscriptions/{the_subscription(alice)['subscription_id']}"
    alice.post(f"{path}/cancel", {"when": "now"})

    answer = alice.post(f"{path}/resume", {})

    assert (answer.status_code, answer.json["error_id"]) == (409, "not_resumable")


def test_one_that_ended_by_itself_cannot_be_cancelled(world: World, alice: Caller) -> None:
    world.bought("alice")
    mine = the_subscription(alice)
    alice.post(f"/subscriptions/{mine['subscription_id']}/cancel", {"when": "period_end"})
    world.pass_time(timedelta(days=32))
    world.write("UPDATE subscriptions SET end_reason = 'no_method'")
    again = world.sign_in("alice")

    answer = again.post(f"/subscriptions/{mine['subscription_id']}/cancel", {"when": "now"})

    assert (answer.status_code, answer.json["error_id"]) == (409, "already_ended")


def test_without_a_method_that_may_be_charged_nothing_resumes(world: World, alice: Caller) -> None:
    world.bought("alice")
    path = f"/subscriptions/{the_subscription(alice)['subscription_id']}"
    alice.post(f"{path}/cancel", {"when": "period_end"})
    world.write("UPDATE payment_methods SET removed_at = created_at")

    answer = alice.post(f"{path}/resume", {})

    assert (answer.status_code, answer.json["error_id"]) == (409, "method_required")


def test_a_cancel_that_does_not_say_when_is_refused(world: World, alice: Caller) -> None:
    world.bought("alice")
    path = f"/subscriptions/{the_subscription(alice)['subscription_id']}/cancel"
    before = world.counts()

    for body in ({}, {"when": None}, {"when": "later"}, {"when": 1}, {"when": ["now"]}, [], "now", 1):
        answer = alice.post(path, body)
        assert (answer.status_code, answer.json["error_id"]) == (400, "invalid_request"), body

    assert world.counts() == before


@pytest.mark.fault("A1")
def test_a_foreign_subscription_is_answered_as_one_that_does_not_exist(
    world: World, alice: Caller, boris: Caller
) -> None:
    world.bought("alice")
    foreign = the_subscription(alice)["subscription_id"]
    before = world.counts()

    for call, body in (("cancel", {"when": "now"}), ("resume", {})):
        theirs, nobodys = (boris.post(f"/subscriptions/{one}/{call}", body) for one in (foreign, uuid4()))
        assert theirs.status_code == nobodys.status_code == 404
        assert theirs.json["error_desc"] == nobodys.json["error_desc"]
    assert world.counts() == before


def test_one_key_cancels_once_and_another_body_under_it_is_refused(world: World, alice: Caller) -> None:
    world.bought("alice")
    path = f"/subscriptions/{the_subscription(alice)['subscription_id']}/cancel"
    first = alice.post(path, {"when": "period_end"}, **TWICE)
    alice.post(path.replace("cancel", "resume"), {})

    again = alice.post(path, {"when": "period_end"}, **TWICE)
    other = alice.post(path, {"when": "now"}, **TWICE)

    assert again.json == first.json
    assert (other.status_code, other.json["error_id"]) == (422, "idempotency_key_reused")
    assert the_subscription(alice)["auto_renew"] is True  # the repeated request did nothing


def test_an_unpaid_invoice_is_closed_with_its_page(world: World, alice: Caller) -> None:
    started = world.buy(alice)
    path = f"/invoices/{started['invoice_guid']}/cancel"

    answer = alice.post(path, {})

    assert answer.status_code == 200
    assert answer.json["state"] == "fail"
    before = world.counts()
    assert alice.post(path, {}).json == answer.json
    assert world.counts() == before
    world.pay(started["redirect_url"])
    world.drain()
    assert alice.get(f"/invoices/{started['invoice_guid']}").json["state"] == "fail"


def test_a_paid_invoice_is_not_cancelled(world: World, alice: Caller) -> None:
    paid = world.bought("alice")
    before = world.counts()

    answer = alice.post(f"/invoices/{paid['invoice_guid']}/cancel", {})

    assert (answer.status_code, answer.json["error_id"]) == (409, "not_cancellable")
    assert world.counts() == before


def test_a_foreign_invoice_is_not_there_to_be_cancelled(world: World, alice: Caller, boris: Caller) -> None:
    started = world.buy(alice)

    answer = boris.post(f"/invoices/{started['invoice_guid']}/cancel", {})

    assert (answer.status_code, answer.json["error_id"]) == (404, "not_found")
    assert alice.get(f"/invoices/{started['invoice_guid']}").json["state"] == "not_paid"


def test_nothing_happens_without_a_token(world: World, alice: Caller) -> None:
    world.bought("alice")
    path = f"/api/v1/subscriptions/{the_subscription(alice)['subscription_id']}"

    for call in ("resume", "cancel"):
        answer = world.app.test_client().post(f"{path}/{call}", json={"when": "now"})
        assert (answer.status_code, answer.json["error_id"]) == (401, "unauthorized")
