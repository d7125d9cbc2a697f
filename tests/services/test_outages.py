"""The payment system, the broker or one bad row is away: what a customer may rely on meanwhile."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.outbox.message import Receipt
from portal.providers.port import Answer, Clues
from tests.services.promise import assert_kept
from tests.services.stubborn import forget_faults, invoices_of, order, pay_page, plan_fault
from tests.world import World, csrf_of

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    "fault", ["timeout_before", "timeout_after", "error_before", "error_after", "reset", "garbage"]
)
def test_with_the_payment_system_away_an_order_waits_to_be_paid(world: World, fault: str) -> None:
    plan_fault(world, fault, "start_checkout", times=5, hold_seconds=0)
    refused = order(world.sign_in("alice"))
    assert (refused.status_code, refused.json["error_id"]) == (503, "provider_unavailable")
    assert int(refused.headers["Retry-After"]) > 0
    assert invoices_of(world, "alice") == ["not_paid"]

    world.pass_time(2 * HOUR)
    forget_faults(world)
    page = world.buy(world.sign_in("alice"))
    world.pay(page["redirect_url"])
    world.settle(hours=3)

    assert invoices_of(world, "alice") == ["paid"]
    assert len(world.sandbox.book.charges()) == 1
    assert_kept(world)


def test_the_cabinet_says_so_and_offers_to_try_again(world: World) -> None:
    plan_fault(world, "timeout_before", "start_checkout", times=2, hold_seconds=0)
    alice = world.browser("alice")
    form = {"terms": "y", "personal_data": "y", "renewal": "y", "csrf_token": csrf_of(alice.get("/buy/standard").text)}
    away = alice.post("/buy/standard", data=form)
    assert away.status_code == 503
    assert int(away.headers["Retry-After"]) > 0
    (invoice,) = world.sign_in("alice").get("/purchases").json
    retry = f"/payments/{invoice['invoice_guid']}/retry"
    token = {"csrf_token": csrf_of(away.text)}
    assert alice.post(retry, data=token).status_code == 503
    again = alice.post(retry, data=token)
    assert again.status_code == 303
    world.pay(again.location)
    world.settle(hours=3)
    assert invoices_of(world, "alice") == ["paid"]
    assert_kept(world)


def test_a_refund_that_met_a_broken_payment_system_for_days_is_made_once(world: World) -> None:
    late_payment(world)
    plan_fault(world, "timeout_before", "refund", times=1000, hold_seconds=0)
    plan_fault(world, "timeout_before", "find", times=1000, hold_seconds=0)
    world.settle(hours=40)
    forget_faults(world)
    for _ in range(6):
        world.pass_time(timedelta(days=1))
    assert [one["state"] for one in world.sandbox.book.refunds()] == ["succeeded"]
    assert_kept(world)


@pytest.mark.fault("P3")
def test_a_refund_whose_first_answer_was_a_500_is_made_once_the_key_is_forgotten(world: World) -> None:
    """The payment system repeats a stored 500 for a day, and knows nothing of the refund."""
    late_payment(world, fault="error_before")
    world.settle(hours=3)
    assert world.sandbox.book.refunds() == []
    for _ in range(4):
        world.pass_time(timedelta(days=1))
    assert [one["state"] for one in world.sandbox.book.refunds()] == ["succeeded"]
    assert_kept(world)


def late_payment(world: World, fault: str | None = None) -> None:
    """Money for an order that had been replaced: it is to go back."""
    alice = world.sign_in("alice")
    old = world.buy(alice)
    plan_fault(world, "timeout_before", "close_checkout", hold_seconds=0)
    world.buy(alice, count=2)
    if fault:
        plan_fault(world, fault, "refund")
    else:
        plan_fault(world, "timeout_before", "refund", hold_seconds=0)
    pay_page(world, old["redirect_url"])
    world.drain()


@pytest.mark.fault("B1")
def test_with_the_broker_away_buying_works_and_the_outbox_waits(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as away:
        away.setattr(world.auth, "publish", lambda messages: [Receipt("away")] * len(messages))
        invoice = world.bought("alice")
        world.bought("boris", "premium")
        assert (invoice["state"], invoice["sent_to_queue"]) == ("paid", False)
        assert world.rights("alice")["version"] == 0
    fresh_relay(world)
    world.drain()
    told = world.sign_in("alice").get(f"/invoices/{invoice['invoice_guid']}").json
    assert told["sent_to_queue"] is True
    assert_kept(world)


def fresh_relay(world: World) -> None:
    """As after a restart: it no longer rests from the broker's refusals."""
    world.relay = type(world.relay)(world.auth, world.clock)  # type: ignore[arg-type]  # it tells the time


@pytest.fixture
def poisoned(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The payment system's client raises, as it never should, over one payment: the oldest."""
    world.buy(world.sign_in("boris"))
    (poison,) = world.sandbox.book.payments()
    provider = world.app.extensions["matinee"].providers["sandbox"]
    for name in ("find", "close_checkout"):
        monkeypatch.setattr(provider, name, raising_for(poison["reference"], getattr(provider, name)))
    return world


def raising_for(reference: str, real: object) -> object:
    def call(asked: str, clues: Clues) -> Answer:
        if asked == reference:
            raise RuntimeError("a bug of ours")
        return real(asked, clues)  # type: ignore[operator]  # a method of the port

    return call


@pytest.mark.fault("W8")
def test_one_row_that_cannot_be_handled_does_not_hold_back_the_others(poisoned: World) -> None:
    world = poisoned
    plan_fault(world, "drop", "webhook")
    world.pay(world.buy(world.sign_in("alice"))["redirect_url"])
    world.buy(world.sign_in("clara"))
    world.pass_time(timedelta(minutes=2))
    assert invoices_of(world, "alice") == ["paid"]
    world.pass_time(timedelta(days=1))
    assert invoices_of(world, "clara") == ["fail"]
    assert invoices_of(world, "boris") == ["not_paid"]
