"""The payment system's door: who may knock, what is kept, and that nothing happens twice."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any, NoReturn
from uuid import uuid4

import pytest
from sqlalchemy.exc import OperationalError

from portal.demo.sandbox.webhooks import sign
from portal.providers.port import Answer, ChargeOrder
from portal.services import inbox
from tests.services.promise import assert_kept
from tests.services.stubborn import plan_fault
from tests.web.admin.statements import Statements
from tests.web.api.refusals import Untouched, wrong_in
from tests.world import World


def event(reference: str | None = None, event_id: str | None = None, kind: str = "payment.succeeded") -> bytes:
    data = {"kind": "payment", "reference": reference, "state": "succeeded", "amount": 29900, "currency": "RUB"}
    return json.dumps({"id": event_id or f"evt_{uuid4().hex}", "type": kind, "data": data}).encode()


def deliver(world: World, body: bytes, signature: str | None = None, provider: str = "sandbox", **more: Any) -> Any:
    headers = {} if signature is None else {"Sandbox-Signature": signature}
    client = world.app.test_client()
    return client.post(f"/webhooks/{provider}", data=body, headers=headers, content_type="application/json", **more)


def signature_of(world: World, body: bytes, late: timedelta = timedelta(0)) -> str:
    return sign(body, world.sandbox.webhook_secret, world.clock.now() + late)


@pytest.mark.fault("W1")
def test_an_unproven_webhook_is_refused_and_not_stored(world: World) -> None:
    body = event()
    good = signature_of(world, body)
    stamp, _, digest = good.partition(",v1=")
    stranger = sign(body, "somebody-elses-secret", world.clock.now())
    plain = hmac.new(world.sandbox.webhook_secret.encode(), body, hashlib.sha256).hexdigest()
    bad = (
        None,
        "",
        "nonsense",
        "v1=",
        stamp,
        f"v1={digest}",
        f"{stamp},v0={digest}",
        f"{stamp},v1={digest[:-1]}",
        f"{stamp},v1={digest.upper()}",
        stranger,
        f"{stamp},v1={plain}",
        f"{stamp},{stamp},v1={digest}",
        f"t=9{stamp[2:]},v1={digest}",
        f"{stamp},v1=\u0451",
        "t=,v1=",
        f"t=1e9,v1={digest}",
        f"t=-1,v1={digest}",
    )
    with Untouched(world):
        for signature in bad:
            assert wrong_in(deliver(world, body, signature), 400, "bad_signature") is None, signature
        assert wrong_in(deliver(world, body + b" ", good), 400, "bad_signature") is None


@pytest.mark.fault("W2")
def test_a_signature_holds_for_five_minutes_both_ways(world: World) -> None:
    for seconds in (301, -301, 86_400, -86_400):
        body = event()
        with Untouched(world):
            late = signature_of(world, body, timedelta(seconds=seconds))
            assert wrong_in(deliver(world, body, late), 400, "bad_signature") is None, seconds
    for seconds in (300, -300):
        body = event()
        assert deliver(world, body, signature_of(world, body, timedelta(seconds=seconds))).status_code == 200


@pytest.mark.fault("W18")
def test_a_webhook_that_is_too_large_is_not_read(world: World) -> None:
    large = b"[" * 10_000_000
    with Untouched(world):
        assert wrong_in(deliver(world, large, signature_of(world, large)), 413, "too_large") is None
        # Without a length only its beginning is read, to which no signature belongs.
        chunked = {"environ_overrides": {"wsgi.input_terminated": True, "CONTENT_LENGTH": ""}}
        assert wrong_in(deliver(world, large, signature_of(world, large), **chunked), 400, "bad_signature") is None


def test_an_unknown_payment_system_is_404(world: World) -> None:
    body = event()
    with Untouched(world):
        for name in ("stripe", "nobody", "%00", "x" * 300):
            assert wrong_in(deliver(world, body, signature_of(world, body), name), 404, "not_found") is None, name
        assert wrong_in(world.app.test_client().get("/webhooks/sandbox"), 405, "method_not_allowed") is None


@pytest.mark.fault("W3")
@pytest.mark.fault("W19")
@pytest.mark.fault("K25")
def test_the_same_event_again_is_known_also_when_it_is_signed_anew(world: World) -> None:
    body = event()
    assert deliver(world, body, signature_of(world, body)).json == {"status": "stored"}
    for seconds in (0, 1, 200):
        again = deliver(world, body, signature_of(world, body, timedelta(seconds=seconds)))
        assert (again.status_code, again.json) == (200, {"status": "known"})
    assert world.count("inbox") == 1


@pytest.mark.fault("W11")
@pytest.mark.fault("W18")
def test_a_signed_message_about_nothing_of_ours_is_kept_and_ignored(world: World) -> None:
    bodies = (
        b"[]",
        b"null",
        b"not json",
        b"\xff\xfe\x00\x00",
        b"[" * 100_000,
        b'{"id": 7}',
        b'{"id": "a", "type": "b", "data": 1}',
        event("payment:" + "0" * 32),
        event("payment:not-a-uuid"),
        event("payment:\ud800"),
        event("payment:\x00"),
        event("refund:7"),
        event("x" * 5000),
        event(kind="invoice.sent"),
    )
    for body in bodies:
        assert deliver(world, body, signature_of(world, body)).status_code == 200, body[:40]
    world.drain()
    assert [row["state"] for row in world.rows("SELECT state FROM inbox")] == ["ignored"] * len(bodies)
    assert world.count("history") == 0


@pytest.mark.fault("W18")
def test_words_of_a_signed_event_that_no_table_could_hold_are_no_server_error(world: World) -> None:
    world.app.config["PROPAGATE_EXCEPTIONS"] = False
    for body in (
        event(event_id="e" * 5000),
        event(kind="k" * 5000),
        event(event_id="a\x00b"),
        event(kind="a\x00b"),
        event(event_id="\ud800"),
        event(kind="\ud800"),
    ):
        assert deliver(world, body, signature_of(world, body)).status_code < 500, body[:40]


@pytest.mark.fault("W5")
def test_what_a_webhook_claims_is_not_believed_but_asked_for(world: World) -> None:
    """Signed by the payment system itself, and still only a hint: its book says that nobody has paid."""
    started = world.buy(world.sign_in("alice"))
    (payment,) = world.sandbox.book.payments()
    body = event(payment["reference"])
    assert deliver(world, body, signature_of(world, body)).status_code == 200
    world.drain()
    assert world.sign_in("alice").get(f"/invoices/{started['invoice_guid']}").json["state"] == "not_paid"
    assert world.count("periods") == 0


@pytest.mark.fault("W4")
def test_webhooks_that_come_late_and_out_of_order_end_in_the_same_state(world: World) -> None:
    plan_fault(world, "reorder", "webhook", times=2, seconds=3600)
    alice = world.sign_in("alice")
    world.pay(world.buy(alice)["redirect_url"], card="4000 0000 0000 0002")
    world.pass_time(timedelta(minutes=2))
    world.pay(world.buy(alice)["redirect_url"])
    world.settle(hours=3)
    assert world.one("SELECT count(*) AS n FROM invoices WHERE state = 'paid'")["n"] == 1
    assert_kept(world)


@pytest.mark.fault("K26")
def test_what_was_answered_but_not_applied_is_applied_later(world: World) -> None:
    world.pay(world.buy(world.sign_in("alice"))["redirect_url"])
    with world.app.app_context():
        assert world.deliverer.run_once() == 1
    assert world.count("periods") == 0
    world.drain()
    assert world.count("periods") == 1
    assert_kept(world)


@pytest.mark.fault("W7")
def test_a_webhook_that_overtakes_the_answer_to_our_own_call_finds_its_payment(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row with our reference is committed before the payment system hears of it."""
    world.bought("alice")
    provider = world.app.extensions["matinee"].providers["sandbox"]
    real, applied = provider.charge, []

    def charge(order: ChargeOrder) -> Answer:
        answer: Answer = real(order)
        applied.append((world.deliverer.run_once(), inbox.run_once(), world.count("periods")))
        return answer

    monkeypatch.setattr(provider, "charge", charge)
    world.pass_time(timedelta(days=31))
    assert applied == [(1, 1, 2)]
    assert world.count("periods") == len(world.sandbox.book.charges()) == 2
    assert_kept(world)


@pytest.mark.fault("W9")
def test_after_an_hour_of_our_503_the_next_delivery_opens_the_film(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With no worker that would ask by itself."""
    world.pay(world.buy(world.sign_in("alice"))["redirect_url"])
    with monkeypatch.context() as away:
        away.setattr(inbox, "atomic", database_away)
        for _ in range(4):
            world.drain()
            world.clock.at += timedelta(minutes=15)
    (tried,) = world.sandbox.book.webhooks()
    assert (tried["last_status"], tried["delivered_at"]) == (503, None)
    assert world.count("inbox") == world.count("periods") == 0
    world.clock.at += timedelta(hours=1)
    world.drain()
    assert [right["plan"] for right in world.rights("alice")["entitlements"]] == ["standard"]
    assert_kept(world)


def database_away() -> NoReturn:
    raise OperationalError("BEGIN", {}, Exception("the server closed the connection"))


@pytest.mark.fault("W10")
@pytest.mark.parametrize("fault", [{"fault": "delay", "seconds": 4 * 86_400}, {"fault": "drop"}])
def test_a_webhook_that_comes_after_days_or_never_is_not_waited_for(world: World, fault: dict[str, Any]) -> None:
    plan_fault(world, operation="webhook", **fault)
    world.pay(world.buy(world.sign_in("alice"))["redirect_url"])
    world.settle(hours=1)
    assert world.count("inbox") == 0
    assert world.rights("alice")["version"] == 1
    world.pass_time(timedelta(days=5))
    assert world.count("inbox") == (1 if fault["fault"] == "delay" else 0)
    assert world.count("periods") == world.count("outbox") == 1
    assert_kept(world)


@pytest.mark.fault("W20")
def test_a_flood_of_forged_webhooks_does_not_reach_the_database(world: World) -> None:
    statements = Statements(world)
    for number in range(300):
        body = event()
        forged = sign(body, f"guess {number}", world.clock.now())
        assert deliver(world, body, forged).status_code == 400
    assert statements.count == 0
    body = event()
    assert deliver(world, body, signature_of(world, body)).status_code == 200
