"""What the line to Stripe may do: every fault becomes an outcome, none an exception, and all of it in time."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from portal.domain.outcome import Decline, DeclineClass, Outcome
from portal.providers.port import Clues
from portal.providers.stripe.provider import StripeProvider
from tests.demo.sandbox.receiver import speaking
from tests.providers.stripe.shop import Shop
from tests.stripe_wire.server import API_KEY, SECRET, TurnedClock, serving

INTENT = {
    "id": "pi_1",
    "object": "payment_intent",
    "amount": 59900,
    "amount_received": 59900,
    "currency": "rub",
    "last_payment_error": None,
    "latest_charge": None,
    "metadata": {"matinee_reference": "payment:1"},
    "next_action": None,
    "payment_method": None,
    "setup_future_usage": None,
    "status": "succeeded",
}
KNOWN = Clues(provider_ref="pi_1")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Shop]:
    """Over a real socket, with real silence."""
    with serving(tmp_path) as stripe:
        yield Shop(stripe, deadline=0.3)


def answering(answer: Callable[[httpx.Request], httpx.Response]) -> StripeProvider:
    return StripeProvider(API_KEY, SECRET, TurnedClock(), transport=httpx.MockTransport(answer))


def saying(status: int, body: Any, **headers: str) -> StripeProvider:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return answering(lambda _: httpx.Response(status, content=raw, headers=headers))


def test_a_readable_answer_is_read() -> None:
    assert saying(200, INTENT).find("payment:1", KNOWN).outcome is Outcome.succeeded


def test_no_deadline_cuts_a_call_that_goes_over_no_wire() -> None:
    in_process = StripeProvider(
        API_KEY,
        SECRET,
        TurnedClock(),
        transport=httpx.MockTransport(lambda _: httpx.Response(200, json=INTENT)),
        deadline=0,
    )
    assert in_process.find("payment:1", KNOWN).outcome is Outcome.succeeded


@pytest.mark.fault("P17")
def test_a_redirect_is_not_followed() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return httpx.Response(307, headers={"Location": "http://elsewhere.example/"})

    found = answering(answer).find("payment:1", KNOWN)
    assert (found.outcome, found.absent) == (Outcome.unknown, False)
    assert asked == ["api.stripe.com"]


CARD = {"id": "pm_1", "object": "payment_method", "type": "card", "customer": "cus_1"}
ODD: list[Any] = [
    b"",
    b"null",
    b"[]",
    b"5",
    b"\xff\xfe",
    b"[" * 100_000,
    {},
    {"object": "payment_intent"},
    {**INTENT, "status": "excellent"},
    {**INTENT, "status": None},
    {**INTENT, "status": "requires_payment_method"},
    {**INTENT, "status": "requires_confirmation"},
    {**INTENT, "status": "requires_action"},
    {**INTENT, "status": "requires_action", "next_action": {"redirect_to_url": {"url": "javascript:alert(1)"}}},
    {**INTENT, "status": "requires_payment_method", "last_payment_error": {"code": 5}},
    {**INTENT, "amount_received": "59900"},
    {**INTENT, "amount_received": 599.0},
    {**INTENT, "amount_received": True},
    {**INTENT, "currency": "xxx"},
    {**INTENT, "currency": ["rub"]},
    {**INTENT, "id": ""},
    {**INTENT, "setup_future_usage": "off_session", "payment_method": "pm_1"},
    {**INTENT, "setup_future_usage": "off_session", "payment_method": CARD},
]


@pytest.mark.fault("P15")
@pytest.mark.parametrize("body", ODD)
def test_an_answer_that_cannot_be_read_is_unknown(body: Any) -> None:
    found = saying(200, body).find("payment:1", KNOWN)
    assert (found.outcome, found.absent) == (Outcome.unknown, False)


STATUSES = [(400, b"<h1>proxy</h1>"), (403, b""), (404, b"{}"), (404, b'{"error": "x"}'), (408, b"{}"), (502, b"{}")]


@pytest.mark.fault("P15")
@pytest.mark.parametrize(("status", "body"), [*STATUSES, (201, json.dumps(INTENT).encode()), (204, b"")])
def test_a_status_that_is_not_stripes_word_is_unknown(shop: Shop, status: int, body: bytes) -> None:
    method = shop.saved()
    provider = saying(status, body)
    for answer in (
        provider.charge(shop.renewal(method)),
        provider.find("payment:1", KNOWN),
        provider.find("payment:1"),
    ):
        assert (answer.outcome, answer.absent) == (Outcome.unknown, False)


UNSAID: list[tuple[int, str]] = [
    *((status, "invalid_request_error") for status in (405, 408, 409, 410, 422, 424, 499)),
    *((status, "api_error") for status in (400, 402, 404, 424, 429, 500)),
]


@pytest.mark.parametrize(("status", "kind"), UNSAID)
def test_only_what_stripe_calls_a_refusal_proves_that_nothing_happened(shop: Shop, status: int, kind: str) -> None:
    method = shop.saved()
    provider = saying(status, {"error": {"type": kind, "message": "Something outside of Stripe failed."}})
    for answer in (
        provider.charge(shop.renewal(method)),
        provider.start_checkout(shop.order(customer_ref=method.customer_ref)),
        provider.refund(shop.back(shop.provider.find("payment:first:alice"), 100)),
    ):
        assert answer.outcome is Outcome.unknown


def test_a_compressed_or_endless_answer_is_not_unfolded() -> None:
    packed = saying(200, b"\x1f\x8b\x08", **{"Content-Encoding": "gzip"}).find("payment:1", KNOWN)
    endless = saying(200, b" " * 5_000_000).find("payment:1", KNOWN)
    assert (packed.outcome, endless.outcome) == (Outcome.unknown, Outcome.unknown)


def test_a_refused_connection_proves_that_nothing_was_done(shop: Shop) -> None:
    method = shop.saved()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = f"http://127.0.0.1:{listener.getsockname()[1]}"
    provider = StripeProvider(API_KEY, SECRET, shop.stripe.now, api_base=closed)
    assert provider.charge(shop.renewal(method)).decline == Decline(DeclineClass.gateway, "unreachable")
    assert provider.start_checkout(shop.order()).outcome is Outcome.failed
    assert provider.find("payment:1").note == "ConnectError"
    assert provider.close_checkout("payment:1").outcome is Outcome.unknown


@pytest.mark.fault("P1")
@pytest.mark.parametrize("fault", ["timeout_before", "timeout_after", "reset"])
def test_silence_over_a_real_socket(served: Shop, fault: str) -> None:
    patient = Shop(served.stripe)
    method = patient.saved()
    served.stripe.plan(fault, "charge", hold_seconds=0.5)
    began = time.monotonic()
    assert served.provider.charge(served.renewal(method)).outcome is Outcome.unknown
    assert time.monotonic() - began < 1.5
    assert patient.provider.find("payment:2").absent is (fault != "timeout_after")
    assert patient.provider.charge(served.renewal(method)).outcome is Outcome.succeeded
    assert served.stripe.taken("payment:2") == [59900]


@pytest.mark.fault("P18")
def test_a_trickling_answer_does_not_hold_us(served: Shop) -> None:
    served.stripe.plan("trickle", "find")
    began = time.monotonic()
    found = served.provider.find("payment:1")
    assert time.monotonic() - began < 1.5
    assert (found.outcome, found.note) == (Outcome.unknown, "ReadTimeout")


@pytest.mark.fault("P18")
def test_headers_that_never_end_do_not_hold_us() -> None:
    def speak(line: socket.socket, over: threading.Event) -> None:
        try:
            line.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
            while not over.wait(0.03):
                line.sendall(b"H")
        except OSError:
            return

    with speaking(speak) as url:
        began = time.monotonic()
        answer = StripeProvider(API_KEY, SECRET, TurnedClock(), api_base=url, deadline=0.3).find("payment:1", KNOWN)
        assert time.monotonic() - began < 1.5
    assert (answer.outcome, answer.note) == (Outcome.unknown, "ReadTimeout")


@pytest.mark.parametrize("fault", ["timeout_after", "error_after", "garbage", "rate_limited", "wrong_key"])
def test_a_fault_while_looking_is_not_absence(shop: Shop, fault: str) -> None:
    for question in (shop.provider.find, shop.provider.find_refund):
        shop.stripe.plan(fault, "find")
        found = question("payment:1")
        assert (found.outcome, found.absent) == (Outcome.unknown, False)


def test_nothing_is_sent_twice_by_itself(shop: Shop) -> None:
    """Also where Stripe says that it may be."""
    asked: list[str] = []

    def busy(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers["Idempotency-Key"])
        error = {"error": {"type": "invalid_request_error", "code": "lock_timeout"}}
        return httpx.Response(429, json=error, headers={"Stripe-Should-Retry": "true"})

    answer = answering(busy).charge(shop.renewal(shop.saved()))
    assert answer.decline == Decline(DeclineClass.gateway, "lock_timeout")
    assert asked == ["payment:2"]


def test_no_secret_is_told(shop: Shop) -> None:
    method = shop.saved()
    for fault in ("wrong_key", "error_after", "timeout_after", "garbage"):
        shop.stripe.plan(fault, "charge")
        said = repr(shop.provider.charge(shop.renewal(method)))
        assert API_KEY not in said
        assert SECRET not in said


@pytest.mark.fault("P18")
def test_all_requests_of_one_call_share_its_time(served: Shop) -> None:
    """A page takes two requests, and the first one took long."""
    served.stripe.plan("timeout_before", "start_checkout", hold_seconds=0.5)
    began = time.monotonic()
    answer = served.provider.start_checkout(served.order())
    assert time.monotonic() - began < 0.6
    assert answer.outcome is Outcome.unknown


def test_a_decline_without_a_payment_is_the_banks_word_all_the_same(shop: Shop) -> None:
    method = shop.saved()
    error = {"error": {"type": "card_error", "code": "card_declined", "decline_code": "lost_card"}}
    answer = saying(402, error).charge(shop.renewal(method))
    assert answer.decline == Decline(DeclineClass.hard, "lost_card")


def test_a_user_of_any_name_can_buy(shop: Shop) -> None:
    assert shop.buy(user_id="пользователь " * 15).outcome is Outcome.succeeded


PAGES: list[Any] = [
    {},
    [],
    {"data": None, "has_more": False},
    {"data": [{}], "has_more": True},
    {"data": [5], "has_more": False},
    {"data": [], "has_more": "no"},
    {"data": [{"id": ""}], "has_more": False},
]


@pytest.mark.fault("P15")
@pytest.mark.parametrize("page", PAGES)
def test_a_list_that_cannot_be_read_is_not_known(page: Any) -> None:
    provider = saying(200, page)
    assert not provider.listed("refunds").known
    assert not provider.money_back("payment:1", KNOWN).known
    found = provider.find("payment:1")
    assert (found.outcome, found.absent) == (Outcome.unknown, False)
