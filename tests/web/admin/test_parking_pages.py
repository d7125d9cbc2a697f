"""Parking, and a payment nobody can tell of: the pages, their rights, and what they say."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from tests.services.month import MINUTE, days_pass, subscribed
from tests.services.promise import uuid_of
from tests.services.stubborn import forget_faults, plan_fault
from tests.web.admin.office import send
from tests.world import World


@pytest.fixture
def engine() -> str:
    return "sqlite"


def subscription(world: World) -> UUID:
    return uuid_of(world.one("SELECT id FROM subscriptions")["id"])


def test_support_parks_with_a_reason_and_lets_it_go_on(world: World) -> None:
    subscribed(world)
    support, guid = world.browser("support"), subscription(world)
    page = support.get(f"/admin/subscriptions/{guid}").text
    assert f"/admin/parking/{guid}/park" in page

    assert send(support, f"/admin/parking/{guid}/park", reason="").status_code == 422
    assert send(support, f"/admin/parking/{guid}/park", reason="review").status_code == 422
    done = send(support, f"/admin/parking/{guid}/park", reason="suspicious", note="Third card today")
    assert (done.status_code, done.headers["Location"]) == (303, f"/admin/subscriptions/{guid}")
    page = support.get(f"/admin/subscriptions/{guid}").text
    assert "Something looks suspicious" in page
    assert f"/admin/parking/{guid}/unpark" in page
    assert str(guid) in support.get("/admin/parking/", follow_redirects=True).text
    assert support.get(f"/admin/parking/{guid}/park").status_code == 303

    form = support.get(f"/admin/parking/{guid}/unpark").text
    assert "Something looks suspicious" in form
    assert send(support, f"/admin/parking/{guid}/unpark", reason="mistake").status_code == 303
    assert world.one("SELECT parked_at FROM subscriptions")["parked_at"] is None
    log = [(row["act"], row["reason"]) for row in world.rows("SELECT act, reason FROM activity ORDER BY seq")]
    assert log == [("subscription.park", "suspicious"), ("subscription.unpark", "mistake")]
    assert "Parking lifted" in support.get("/admin/activity/").text


def test_what_is_over_is_not_parked_and_counts_no_longer(world: World) -> None:
    subscribed(world)
    support, guid = world.browser("support"), subscription(world)
    send(support, f"/admin/parking/{guid}/park", reason="fault")
    send(support, f"/admin/subscriptions/{guid}/cancel", when="now", money="none")
    assert str(guid) not in support.get("/admin/subscriptions/?parked=yes").text
    answer = send(support, f"/admin/parking/{guid}/park", form_at=f"/admin/subscriptions/{guid}", reason="fault")
    assert answer.status_code in (303, 409)
    assert world.one("SELECT parked_at FROM subscriptions")["parked_at"] is None


def test_a_payment_nobody_can_tell_of_has_a_page_that_asks_and_offers_no_guess(world: World) -> None:
    subscribed(world)
    plan_fault(world, "timeout_after", "charge", hold_seconds=0)
    plan_fault(world, "timeout_before", "find", times=1000, hold_seconds=0)
    plan_fault(world, "drop", "webhook", times=9)
    world.pass_time(timedelta(days=31) + MINUTE)
    days_pass(world, 8)
    guid = uuid_of(world.one("SELECT id FROM payments WHERE kind = 'charge'")["id"])
    support, viewer = world.browser("support"), world.browser("viewer")
    path = f"/admin/payments/{guid}/review"

    assert path in support.get(f"/admin/payments/{guid}").text
    assert "never guessed" in viewer.get(path).text
    assert "Ask again now" not in viewer.get(path).text
    assert path in support.get(f"/admin/parking/{subscription(world)}/unpark").text

    told = send(support, path)
    assert told.status_code == 303
    assert "still cannot tell" in support.get(told.headers["Location"]).text
    forget_faults(world)
    assert "is settled" in support.get(send(support, path).headers["Location"]).text
    assert world.one("SELECT state FROM payments WHERE kind = 'charge'")["state"] == "succeeded"
    assert "It is known what became of this payment" in support.get(path).text


def test_a_refund_that_failed_leads_to_sending_it_again(world: World) -> None:
    invoice = subscribed(world)
    plan_fault(world, "decline", "refund")
    price = {"amount": 299, "currency": "RUB"}
    world.sign_in("alice").post("/refunds", {"invoice_guid": str(invoice), "price": price})
    world.drain()
    refund = uuid_of(world.one("SELECT id FROM refunds")["id"])
    payment = uuid_of(world.one("SELECT id FROM payments")["id"])
    assert f"/admin/payments/{payment}/refund" in world.browser("finance").get(f"/admin/refunds/{refund}").text
    assert "Send again" not in world.browser("support").get(f"/admin/refunds/{refund}").text
