"""The client of the sandbox: every fault becomes an outcome, none an exception; only rightly signed words count."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.wrappers import Response

from portal.demo.sandbox import listing
from portal.demo.sandbox.webhooks import SIGNATURE, sign
from portal.domain.errors import BadSignature
from portal.domain.money import Money
from portal.domain.outcome import Decline, DeclineClass, Outcome
from portal.providers.port import Answer, Notice, Provider
from portal.providers.sandbox import SandboxProvider
from tests.demo.sandbox.receiver import served, speaking
from tests.demo.sandbox.shop import API_KEY, BASE, PRICE, SECRET, Shop, on_sqlite

EVENT = b'{"id": "evt_1", "type": "payment.succeeded", "data": {"reference": "payment:1"}}'
PAYMENT = {
    "object": "payment",
    "id": "pay_1",
    "reference": "payment:1",
    "state": "succeeded",
    "amount": 59900,
    "currency": "RUB",
    "url": None,
    "decline": None,
    "method": None,
}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with on_sqlite(tmp_path) as opened:
        yield opened


def gateway(code: str) -> Decline:
    return Decline(DeclineClass.gateway, code)


def answering(answer: Callable[[httpx.Request], httpx.Response]) -> SandboxProvider:
    return SandboxProvider(BASE, API_KEY, SECRET, transport=httpx.MockTransport(answer))


def saying(status: int, body: Any, **headers: str) -> SandboxProvider:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return answering(lambda _: httpx.Response(status, content=raw, headers=headers))


def test_the_client_is_a_provider(shop: Shop) -> None:
    provider: Provider = shop.provider
    assert (provider.name, provider.abilities.key_lifetime_hours) == ("sandbox", 24)


def test_a_new_checkout_waits_for_its_customer(shop: Shop) -> None:
    started = shop.provider.start_checkout(shop.order())
    assert (started.outcome, started.amount) == (Outcome.requires_action, PRICE)
    assert (started.redirect_url or "").startswith(f"{BASE}/pay/")
    assert shop.provider.find("payment:1") == started
    shop.pay(started.redirect_url or "")
    assert shop.provider.find("payment:1").provider_ref == started.provider_ref


def test_what_was_never_asked_for_is_absent(shop: Shop) -> None:
    assert shop.provider.find("payment:9") == Answer(Outcome.unknown, absent=True, note="http 404 not_found")
    assert shop.provider.find_refund("refund:9").absent


# Each fault on the first charge: what the client says at once, what was really taken, and what it finds afterwards.
CHARGE_FAULTS: list[tuple[str, dict[str, Any], Outcome, int, Outcome]] = [
    ("decline", {"code": "insufficient_funds"}, Outcome.failed, 0, Outcome.failed),
    ("timeout_before", {}, Outcome.unknown, 0, Outcome.unknown),
    ("timeout_after", {}, Outcome.unknown, 1, Outcome.succeeded),
    ("error_before", {}, Outcome.unknown, 0, Outcome.unknown),
    ("error_after", {}, Outcome.unknown, 1, Outcome.succeeded),
    ("rate_limited", {}, Outcome.failed, 0, Outcome.unknown),
    ("reset", {"when": "before"}, Outcome.unknown, 0, Outcome.unknown),
    ("reset", {"when": "after"}, Outcome.unknown, 1, Outcome.succeeded),
    ("garbage", {}, Outcome.unknown, 1, Outcome.succeeded),
    ("truncated", {}, Outcome.unknown, 1, Outcome.succeeded),
    ("pending_then_late", {}, Outcome.pending, 0, Outcome.pending),
    ("wrong_amount", {}, Outcome.succeeded, 1, Outcome.succeeded),
]


@pytest.mark.fault("P1")
@pytest.mark.fault("P15")
@pytest.mark.parametrize(("fault", "params", "said", "taken", "found"), CHARGE_FAULTS)
def test_each_fault_on_a_charge(
    shop: Shop, fault: str, params: dict[str, Any], said: Outcome, taken: int, found: Outcome
) -> None:
    renewal = shop.renewal(shop.saved())
    shop.plan(fault, "charge", **params)
    assert shop.provider.charge(renewal).outcome is said
    assert len(shop.taken("payment:2")) == taken
    later = shop.provider.find("payment:2")
    assert (later.outcome, later.absent) == (found, taken == 0 and found is Outcome.unknown)


STORED = [("timeout_before", Outcome.succeeded), ("timeout_after", Outcome.succeeded), ("reset", Outcome.succeeded)]
STORED += [("garbage", Outcome.succeeded), ("rate_limited", Outcome.succeeded), ("error_after", Outcome.unknown)]


@pytest.mark.parametrize(("fault", "again"), [*STORED, ("error_before", Outcome.unknown)])
def test_the_same_order_sent_again_with_its_key(shop: Shop, fault: str, again: Outcome) -> None:
    renewal = shop.renewal(shop.saved())
    shop.plan(fault, "charge")
    shop.provider.charge(renewal)
    assert shop.provider.charge(renewal).outcome is again
    assert len(shop.taken("payment:2")) == (0 if fault == "error_before" else 1)


@pytest.mark.parametrize("fault", ["timeout_after", "error_after", "reset", "garbage", "truncated"])
def test_a_fault_while_starting_or_closing_a_checkout_is_unknown(shop: Shop, fault: str) -> None:
    shop.plan(fault, "start_checkout", when="after")
    assert shop.provider.start_checkout(shop.order()).outcome is Outcome.unknown
    assert shop.provider.find("payment:1").outcome is Outcome.requires_action
    shop.plan(fault, "close_checkout", when="after")
    assert shop.provider.close_checkout("payment:1").outcome is Outcome.unknown
    assert shop.provider.close_checkout("payment:1").decline == Decline(DeclineClass.closed, "checkout_closed")


@pytest.mark.parametrize("fault", ["timeout_after", "error_after", "garbage"])
def test_a_fault_while_refunding_gives_the_money_back_once(shop: Shop, fault: str) -> None:
    order = shop.back(shop.buy(), 900)
    shop.plan(fault, "refund")
    assert shop.provider.refund(order).outcome is Outcome.unknown
    shop.provider.refund(order)
    assert shop.provider.find_refund("refund:1").outcome is Outcome.succeeded
    assert [row["amount"] for row in shop.book.refunds()] == [900]


@pytest.mark.parametrize("fault", ["timeout_after", "error_after", "garbage", "rate_limited"])
def test_a_fault_while_looking_is_not_absence(shop: Shop, fault: str) -> None:
    shop.plan(fault, "find")
    found = shop.provider.find("payment:1")
    assert (found.outcome, found.absent) == (Outcome.unknown, False)


def test_everything_it_has_is_listed_page_by_page(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PAGE", 2)
    references = {f"payment:{number}" for number in range(5)}
    for reference in references:
        shop.open_page(reference)
    seen, after = [], ""
    for _ in range(3):
        page = shop.provider.listed("payments", after)
        assert page.known
        seen += page.objects
        after = page.after or "the end"
    assert after == "the end"
    assert sorted(one.reference for one in seen) == sorted(references)
    assert {(one.minor, one.state) for one in seen} == {(0, "requires_action")}


@pytest.mark.parametrize("body", [{}, {"data": [{}], "next": None}, {"data": [], "next": 5}, [], {"data": None}])
def test_a_list_that_cannot_be_read_is_not_known(body: Any) -> None:
    assert not saying(200, body).listed("refunds").known


def test_a_failing_detach_is_not_done(shop: Shop) -> None:
    method = shop.saved()
    shop.plan("timeout_before", "detach")
    assert not shop.provider.detach(method.method_ref)
    assert shop.provider.detach(method.method_ref)


@pytest.mark.fault("P8")
def test_a_wrong_api_key_proves_that_nothing_was_done(shop: Shop) -> None:
    stranger = SandboxProvider(BASE, "wrong", SECRET, transport=shop.transport)
    assert stranger.start_checkout(shop.order()).decline == gateway("unauthorized")
    assert stranger.find("payment:1") == Answer(Outcome.unknown, note="http 401 unauthorized")
    assert stranger.close_checkout("payment:1").outcome is Outcome.unknown


@pytest.mark.fault("P9")
def test_an_order_that_is_refused_is_our_mistake(shop: Shop) -> None:
    assert shop.provider.start_checkout(shop.order(return_url="nowhere")).decline == gateway("invalid_request")


def test_a_refund_that_is_refused_for_what_it_asks_is_refused_for_good(shop: Shop) -> None:
    bought = shop.buy()
    for order, code in (
        (shop.back(bought, 10**6), "refund_exceeds_payment"),
        (replace(shop.back(bought, 1), payment_ref="pay_of_nobody"), "payment_not_refundable"),
    ):
        assert shop.provider.refund(order).decline == Decline(DeclineClass.hard, code)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "payment_disputed", DeclineClass.hard),
        (422, "invalid_request", DeclineClass.hard),
        (401, "unauthorized", DeclineClass.gateway),
        (403, "forbidden", DeclineClass.gateway),
        (404, "not_found", DeclineClass.gateway),
        (429, "rate_limited", DeclineClass.gateway),
    ],
)
def test_a_refund_is_sent_again_where_the_fault_may_be_mended(
    shop: Shop, status: int, code: str, kind: DeclineClass
) -> None:
    answer = saying(status, {"error": {"code": code}}).refund(shop.back(shop.buy(), 900))
    assert (answer.outcome, answer.decline) == (Outcome.failed, Decline(kind, code))


@pytest.mark.fault("P6")
def test_a_key_that_is_in_use_or_belongs_to_another_order_proves_nothing(shop: Shop) -> None:
    method = shop.saved()
    shop.provider.charge(shop.renewal(method))
    other = shop.provider.charge(shop.renewal(method, amount=Money(1, "RUB")))
    assert (other.outcome, other.note) == (Outcome.unknown, "http 400 idempotency_mismatch")
    busy = saying(409, {"error": {"code": "key_in_use"}}).charge(shop.renewal(method))
    assert busy.outcome is Outcome.unknown


def test_a_refused_connection_proves_that_nothing_was_done(shop: Shop) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = f"http://127.0.0.1:{listener.getsockname()[1]}/sandbox"
    provider = SandboxProvider(closed, API_KEY, SECRET)
    assert provider.start_checkout(shop.order()).decline == gateway("unreachable")
    assert provider.find("payment:1") == Answer(Outcome.unknown, note="ConnectError")
    assert provider.close_checkout("payment:1").outcome is Outcome.unknown


STATUSES = [(400, b"<h1>proxy</h1>"), (403, b""), (404, b"{}"), (404, b'{"error": "x"}'), (408, b"{}"), (502, b"{}")]


@pytest.mark.parametrize(("status", "body"), [*STATUSES, (201, json.dumps(PAYMENT).encode()), (204, b"")])
def test_a_status_that_is_not_the_sandboxs_word_is_unknown(shop: Shop, status: int, body: bytes) -> None:
    provider = saying(status, body)
    for answer in (provider.start_checkout(shop.order()), provider.find("payment:1")):
        assert (answer.outcome, answer.absent) == (Outcome.unknown, False)


@pytest.mark.fault("P17")
def test_a_redirect_is_not_followed(shop: Shop) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return httpx.Response(307, headers={"Location": "http://elsewhere.example/"})

    assert answering(answer).start_checkout(shop.order()).note == "http 307"
    assert asked == ["127.0.0.1"]


ODD: list[Any] = [
    b"",
    b"null",
    b"[]",
    b"\xff\xfe",
    b"[" * 100_000,
    {},
    {**PAYMENT, "state": "unknown"},
    {**PAYMENT, "state": "excellent"},
    {**PAYMENT, "state": None},
    {**PAYMENT, "reference": "payment:2"},
    {**PAYMENT, "amount": "59900"},
    {**PAYMENT, "amount": 599.0},
    {**PAYMENT, "amount": True},
    {**PAYMENT, "currency": "XXX"},
    {**PAYMENT, "currency": ["RUB"]},
    {**PAYMENT, "id": ""},
    {**PAYMENT, "url": "javascript:alert(1)"},
    {**PAYMENT, "url": 5},
    {**PAYMENT, "url": "http://[broken"},
    {**PAYMENT, "method": "Visa"},
    {**PAYMENT, "method": {"id": "pm_1"}},
    {**PAYMENT, "state": "failed", "decline": None},
    {**PAYMENT, "state": "failed", "decline": {"class": "rude", "code": "declined"}},
]


@pytest.mark.fault("P15")
@pytest.mark.parametrize("body", ODD)
def test_an_answer_that_cannot_be_read_is_unknown(body: Any) -> None:
    assert saying(200, body).find("payment:1").outcome is Outcome.unknown


def test_a_compressed_or_endless_answer_is_not_unfolded() -> None:
    assert saying(200, b"\x1f\x8b\x08", **{"Content-Encoding": "gzip"}).find("payment:1").outcome is Outcome.unknown
    assert saying(200, b" " * 300_000).find("payment:1").outcome is Outcome.unknown


@pytest.mark.parametrize("fault", ["timeout_before", "timeout_after", "reset"])
def test_silence_over_a_real_socket(shop: Shop, fault: str) -> None:
    method = shop.saved()
    shop.plan(fault, "charge", hold_seconds=0.3)
    mounted = DispatcherMiddleware(Response(status=404), {"/sandbox": shop.app})
    with served(mounted) as url:
        provider = SandboxProvider(f"{url}/sandbox", API_KEY, SECRET, deadline=0.2)
        began = time.monotonic()
        assert provider.charge(shop.renewal(method)).outcome is Outcome.unknown
        assert time.monotonic() - began < 1
        patient = SandboxProvider(f"{url}/sandbox", API_KEY, SECRET, deadline=5)
        assert patient.find("payment:2").absent is (fault != "timeout_after")
        assert patient.charge(shop.renewal(method)).outcome is Outcome.succeeded
    assert shop.taken("payment:2") == [59900]


def test_a_line_that_is_dropped_after_the_hold_is_unknown_too(shop: Shop) -> None:
    shop.plan("timeout_before", "start_checkout", hold_seconds=0.1)
    with served(DispatcherMiddleware(Response(status=404), {"/sandbox": shop.app})) as url:
        provider = SandboxProvider(f"{url}/sandbox", API_KEY, SECRET, deadline=5)
        began = time.monotonic()
        answer = provider.start_checkout(shop.order())
        assert time.monotonic() - began < 2
    assert (answer.outcome, answer.note) == (Outcome.unknown, "ReadError")


def test_no_deadline_cuts_a_call_that_goes_over_no_wire(shop: Shop) -> None:
    in_process = SandboxProvider(BASE, API_KEY, SECRET, transport=shop.transport, deadline=0)
    started = in_process.start_checkout(shop.order())
    assert started.redirect_url is not None
    assert in_process.find(shop.order().reference).outcome is Outcome.requires_action


def trickle(piece: bytes, head: bytes = b"") -> Callable[[socket.socket, threading.Event], None]:
    """A server that says something again and again, each time before anybody's patience with one wait ends."""

    def speak(line: socket.socket, over: threading.Event) -> None:
        try:
            line.sendall(head)
            while not over.wait(0.03):
                line.sendall(piece)
        except OSError:
            return

    return speak


@pytest.mark.fault("P18")
@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"])
def test_a_trickling_server_does_not_hold_us(head: bytes) -> None:
    piece = b" " if head else b"H"
    with speaking(trickle(piece, head or b"HTTP/1.1 200 OK\r\nX-Long: ")) as url:
        began = time.monotonic()
        answer = SandboxProvider(url, API_KEY, SECRET, deadline=0.3).find("payment:1")
        assert 0.2 < time.monotonic() - began < 1
    assert (answer.outcome, answer.note) == (Outcome.unknown, "ReadTimeout")


def test_a_reset_in_the_middle_of_an_answer_is_unknown() -> None:
    def speak(line: socket.socket, _: threading.Event) -> None:
        line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{")
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with speaking(speak) as url:
        assert SandboxProvider(url, API_KEY, SECRET, deadline=5).find("payment:1").outcome is Outcome.unknown


def headers_of(shop: Shop, body: bytes = EVENT, secret: str = SECRET, age: float = 0) -> dict[str, str]:
    return {SIGNATURE: sign(body, secret, shop.clock() - timedelta(seconds=age))}


def test_a_rightly_signed_webhook_names_what_to_look_at(shop: Shop) -> None:
    headers = headers_of(shop)
    expected = Notice("evt_1", "payment.succeeded", "payment:1")
    assert shop.provider.verify(headers, EVENT, shop.clock()) == expected
    assert shop.provider.verify({SIGNATURE.upper(): headers[SIGNATURE]}, EVENT, shop.clock()) == expected
    assert shop.provider.parse(EVENT) == expected


def believes(shop: Shop, headers: dict[str, str]) -> bool:
    try:
        shop.provider.verify(headers, EVENT, shop.clock())
    except BadSignature:
        return False
    return True


@pytest.mark.fault("W14")
def test_one_right_signature_among_several_is_enough(shop: Shop) -> None:
    stamp, right = headers_of(shop)[SIGNATURE].split(",")
    header = {SIGNATURE: f"{stamp},v1={'0' * 64},{right},v0={'1' * 64}"}
    assert shop.provider.verify(header, EVENT, shop.clock()).event_id == "evt_1"


@pytest.mark.fault("W2")
@pytest.mark.parametrize(("age", "believed"), [(300, True), (-300, True), (301, False), (-301, False), (86400, False)])
def test_a_signature_is_believed_for_five_minutes_both_ways(shop: Shop, age: float, believed: bool) -> None:
    assert believes(shop, headers_of(shop, age=age)) is believed


@pytest.mark.fault("W1")
def test_no_other_proof_is_believed(shop: Shop) -> None:
    right = headers_of(shop)[SIGNATURE]
    stamp, v1 = right.split(",")
    forged = {
        "missing": {},
        "empty": {SIGNATURE: ""},
        "v0 only": {SIGNATURE: right.replace("v1=", "v0=")},
        "no time": {SIGNATURE: v1},
        "no signature": {SIGNATURE: stamp},
        "two times": {SIGNATURE: f"{stamp},{right}"},
        "time is a word": {SIGNATURE: f"t=now,{v1}"},
        "time is too long": {SIGNATURE: f"t={'9' * 400},{v1}"},
        "time of another": {SIGNATURE: f"t={int(stamp[2:]) + 1},{v1}"},
        "not ASCII": {SIGNATURE: f"{stamp},v1=подпись"},
        "upper case": {SIGNATURE: f"{stamp},v1={v1[3:].upper()}"},
        "other secret": headers_of(shop, secret="whsec_other"),
        "other body": headers_of(shop, body=EVENT + b" "),
    }
    assert [name for name, headers in forged.items() if believes(shop, headers)] == []


@pytest.mark.fault("W12")
def test_a_client_without_a_webhook_secret_does_not_start() -> None:
    with pytest.raises(ValueError, match="secret"):
        SandboxProvider(BASE, API_KEY, "")


@pytest.mark.fault("W11")
@pytest.mark.parametrize(
    "body", [b"", b"\xff", b"[]", b"{}", b'{"id": 1, "type": "x"}', b"[" * 100_000, b'{"id": "e"}']
)
def test_a_signed_body_that_cannot_be_read_is_told_apart_by_its_bytes(shop: Shop, body: bytes) -> None:
    notice = shop.provider.verify(headers_of(shop, body), body, shop.clock())
    assert notice == shop.provider.parse(body)
    assert (notice.kind, notice.reference) == ("unreadable", None)
    assert notice.event_id != shop.provider.parse(body + b" ").event_id


@pytest.mark.parametrize("data", [None, [], "payment:1", {"reference": 5}, {}])
def test_an_event_about_nothing_of_ours_has_no_reference(shop: Shop, data: Any) -> None:
    body = json.dumps({"id": "evt_1", "type": "weather.changed", "data": data}).encode()
    assert shop.provider.parse(body) == Notice("evt_1", "weather.changed", None)
