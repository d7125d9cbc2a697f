"""Many hands at one moment: threads let go together, each with a client and a connection of its own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from portal.db.session import db
from portal.demo.sandbox.webhooks import sign
from portal.domain.payment import payment_id_of
from portal.jobs import JOBS
from portal.services import inbox
from portal.services.settle import settle
from tests.services.promise import assert_kept, uuid_of
from tests.services.stubborn import order, pay_page, plan_fault
from tests.services.together import at_once
from tests.world import Caller, World, csrf_of

MANY = 20


def again(who: Caller) -> Caller:
    """The same person in another client."""
    return Caller(who.client.application.test_client(), who.token)


def in_app(world: World, act: Callable[[], Any]) -> Callable[[], Any]:
    def run() -> Any:
        with world.app.app_context():
            try:
                return act()
            finally:
                db.session.remove()

    return run


@pytest.mark.fault("C1")
def test_twenty_orders_with_one_key_are_one_invoice(world: World) -> None:
    alice = world.sign_in("alice")
    body = {"product_id": "standard", "product_count": 1}

    def buy() -> Any:
        return again(alice).post("/purchases", body, headers={"Idempotency-Key": "one"})

    answers = at_once(*[buy] * MANY)

    given = {answer.text for answer in answers if answer.status_code == 200}
    others = [answer.json["error_id"] for answer in answers if answer.status_code != 200]
    assert len(given) == 1
    assert set(others) <= {"request_in_progress"}
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert world.count("invoices") == world.count("payments") == world.count("subscriptions") == 1
    assert len(world.sandbox.book.payments()) == 1
    assert buy().text in given


@pytest.mark.fault("C1")
@pytest.mark.fault("N8")
def test_twenty_orders_without_a_key_are_one_invoice_and_one_page(world: World) -> None:
    alice = world.sign_in("alice")

    answers = at_once(*[lambda: order(again(alice))] * MANY)

    assert {answer.status_code for answer in answers} <= {200, 409, 503}
    pages = {answer.json["redirect_url"] for answer in answers if answer.status_code == 200}
    assert len(pages) == 1
    assert world.count("invoices") == world.count("payments") == 1
    assert order(alice).json["redirect_url"] in pages
    pay_page(world, pages.pop())
    world.settle(hours=3)
    assert world.count("periods") == len(world.sandbox.book.charges()) == 1
    assert_kept(world)


@pytest.mark.fault("C3")
def test_two_plans_of_one_group_ordered_at_once_are_one_subscription(world: World) -> None:
    alice = world.sign_in("alice")
    plans = ("standard", "premium", "premium-year") * 4

    answers = at_once(*[lambda plan=plan: order(again(alice), plan) for plan in plans])

    assert {answer.status_code for answer in answers} <= {200, 409, 503}
    assert world.count("subscriptions") == 1
    assert world.one("SELECT count(*) AS n FROM invoices WHERE state = 'not_paid'")["n"] == 1
    for page in {answer.json["redirect_url"] for answer in answers if answer.status_code == 200}:
        pay_page(world, page)
    world.settle(hours=3)
    assert world.count("periods") <= 1
    assert_kept(world)


def test_plans_of_two_groups_may_be_ordered_and_paid_at_once(world: World) -> None:
    alice = world.sign_in("alice")

    def buy(plan: str) -> Callable[[], None]:
        return lambda: pay_page(world, order(again(alice), plan).json["redirect_url"])

    at_once(buy("standard"), buy("sport"))
    at_once(in_app(world, world.deliverer.run_once), *[in_app(world, inbox.run_once)] * 3)
    world.settle(hours=3)

    assert {right["plan"] for right in world.rights("alice")["entitlements"]} == {"standard", "sport"}
    assert world.rights("alice")["version"] == 2
    assert_kept(world)


@pytest.mark.fault("C2")
def test_two_tabs_paying_two_pages_of_one_purchase_leave_one_period(world: World) -> None:
    alice = world.sign_in("alice")
    first = world.buy(alice)["redirect_url"]
    plan_fault(world, "timeout_before", "close_checkout", hold_seconds=0)
    second = world.buy(alice, count=3)["redirect_url"]

    at_once(lambda: pay_page(world, first), lambda: pay_page(world, second))
    at_once(in_app(world, world.deliverer.run_once), *[in_app(world, inbox.run_once)] * 3)
    world.settle(hours=3)

    assert world.count("periods") == 1
    assert [one["amount"] for one in world.sandbox.book.refunds()] == [29900]
    assert [row["state"] for row in world.rows("SELECT state FROM refunds")] == ["succeeded"]
    assert_kept(world)


@pytest.mark.fault("W3")
@pytest.mark.fault("W6")
@pytest.mark.fault("K28")
def test_one_webhook_twenty_times_beside_inbox_loops_the_return_page_and_the_janitor(world: World) -> None:
    alice = world.sign_in("alice")
    started = world.buy(alice)
    world.pay(started["redirect_url"])
    (queued,) = world.sandbox.book.webhooks()
    body = queued["body"].encode()
    browsers = [world.browser("alice") for _ in range(3)]
    pages = [check_of(browser, started["invoice_guid"]) for browser in browsers]

    answers = at_once(
        *[lambda: knock(world, body)] * MANY,
        *[in_app(world, inbox.run_once)] * 3,
        *[in_app(world, JOBS[0].run_once)] * 2,
        *pages,
    )

    assert set(answers[:MANY]) == {200}
    assert {answer.status_code for answer in answers[-len(pages) :]} == {303}
    world.settle(hours=3)
    assert world.count("inbox") == world.count("periods") == world.count("outbox") == 1
    assert len(world.sandbox.book.charges()) == 1
    assert_kept(world)


def knock(world: World, body: bytes) -> int:
    headers = {"Sandbox-Signature": sign(body, world.sandbox.webhook_secret, world.clock.now())}
    return world.app.test_client().post("/webhooks/sandbox", data=body, headers=headers).status_code


def check_of(browser: FlaskClient, guid: str) -> Callable[[], Any]:
    token = csrf_of(browser.get(f"/payments/{guid}").text)
    return lambda: browser.post(f"/payments/{guid}/check", data={"csrf_token": token})


@pytest.mark.fault("K28")
def test_one_answer_settled_by_twelve_hands_is_settled_once(world: World) -> None:
    world.pay(world.buy(world.sign_in("alice"))["redirect_url"])
    (charge,) = world.sandbox.book.charges()
    payment_id = payment_id_of(charge["reference"])
    assert payment_id is not None
    with world.app.app_context():
        provider = world.app.extensions["matinee"].providers["sandbox"]
        answer = provider.find(charge["reference"])

    at_once(*[in_app(world, lambda: settle(payment_id, answer))] * 12)
    world.drain()

    assert world.count("periods") == world.count("outbox") == 1
    assert [uuid_of(row["id"]) for row in world.rows("SELECT id FROM payments")] == [payment_id]
    assert_kept(world)


def test_a_refund_sent_by_many_hands_goes_out_once(world: World) -> None:
    alice = world.sign_in("alice")
    old = world.buy(alice)["redirect_url"]
    plan_fault(world, "timeout_before", "close_checkout", hold_seconds=0)
    pay_page(world, world.buy(alice, count=2)["redirect_url"])
    world.drain()
    plan_fault(world, "timeout_before", "refund", hold_seconds=0)
    pay_page(world, old)
    world.drain()
    world.clock.at += timedelta(minutes=2)

    at_once(*[in_app(world, JOBS[0].run_once)] * 8)
    world.settle(hours=3)

    assert [one["amount"] for one in world.sandbox.book.refunds()] == [29900]
    assert_kept(world)


@pytest.mark.fault("S3")
@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_a_run_passes_over_whom_another_one_holds_and_the_next_meets_them(world: World) -> None:
    """SQLite has one writer at a time: there the second run waits for the first."""
    world.bought("alice")
    world.bought("boris")
    world.clock.at += timedelta(days=31)
    with world.app.app_context(), db.engine.connect() as slow:
        slow.execute(text("SELECT id FROM users WHERE id = 'alice' FOR UPDATE"))
        world.run_jobs()
        assert [row["user_id"] for row in charged(world)] == ["boris"]
        slow.rollback()
    world.run_jobs()
    world.drain()
    assert sorted(row["user_id"] for row in charged(world)) == ["alice", "boris"]
    assert_kept(world)


def charged(world: World) -> list[dict[str, Any]]:
    return world.rows("SELECT user_id FROM payments WHERE kind = 'charge' ORDER BY created_at, id")
