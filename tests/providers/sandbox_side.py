"""The sandbox as the counterpart of its own module, in this process or over real HTTP."""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import httpx
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.wrappers import Response

from portal.demo.sandbox import listing
from portal.demo.sandbox.cards import BY_NAME
from portal.demo.sandbox.webhooks import SIGNATURE, sign
from portal.demo.transport import InProcess
from portal.domain.money import Money
from portal.providers.conformance.counterpart import Ability, Card, Delivery, Fault, Need, Operation
from portal.providers.port import Provider
from portal.providers.sandbox import SandboxProvider
from tests.demo.sandbox.receiver import served
from tests.demo.sandbox.shop import API_KEY, BASE, SECRET, Shop, on_sqlite

LATE = timedelta(hours=1)
CARDS = {
    Card.good: "good",
    Card.soft: "no_funds",
    Card.hard: "lost",
    Card.asks: "challenge",
    Card.renewal_fails: "once",
    Card.renewal_asks: "always_asks",
}
# What each fault is in the sandbox's plan.
PLANNED: dict[Fault, tuple[str, dict[str, Any]]] = {
    Fault.timeout_before: ("timeout_before", {}),
    Fault.timeout_after: ("timeout_after", {}),
    Fault.reset: ("reset", {"when": "after"}),
    Fault.error_before: ("error_before", {}),
    Fault.error_after: ("error_after", {}),
    Fault.stored_error: ("error_after", {}),  # it keeps every answer for its key
    Fault.garbage: ("garbage", {}),
    Fault.rate_limited: ("rate_limited", {}),
    Fault.wrong_amount: ("wrong_amount", {}),
    Fault.bank_away: ("decline", {"code": "processing_error"}),
    Fault.card_lost: ("decline", {"code": "lost_card"}),
    Fault.late_success: ("pending_then_late", {"after": LATE.total_seconds()}),
    Fault.late_failure: ("pending_then_late", {"after": LATE.total_seconds(), "outcome": "failed"}),
}
# What the sandbox itself does not do: the line to it does.
ON_THE_LINE = (Fault.wrong_key, Fault.key_in_use, Fault.trickle)
IN_ITS_WORDS = {"find_refund": "find", "money_back": "find", "listed": "list"}
PATHS: dict[tuple[str, str], Operation] = {
    ("POST", "/v1/checkouts"): "start_checkout",
    ("POST", "/v1/checkouts/close"): "close_checkout",
    ("POST", "/v1/charges"): "charge",
    ("POST", "/v1/refunds"): "refund",
    ("GET", "/v1/payments"): "find",
    ("GET", "/v1/refunds"): "find_refund",
    ("GET", "/v1/money_back"): "money_back",
    ("GET", "/v1/list"): "listed",
    ("POST", "/v1/methods/detach"): "detach",
}
IN_USE = json.dumps({"error": {"code": "key_in_use", "message": "a request with this key is still being worked on"}})
PATIENCE = 1.0  # seconds
NO_HURRY = 60.0  # seconds that one call may last where nobody ever waits for silence, on a busy machine too
SLOW_FOR = 2 * PATIENCE + 3  # longer than the kit allows; a module that waits for the end gets there


class Line:
    """The way into the sandbox, on which something can go wrong once."""

    def __init__(self, onward: WSGIApplication) -> None:
        self._onward = onward
        self._planned: list[tuple[Fault, Operation]] = []

    def plan(self, fault: Fault, operation: Operation) -> None:
        self._planned.append((fault, operation))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        fault = self._fault_for(environ)
        if fault is Fault.key_in_use:
            return Response(IN_USE, 409, mimetype="application/json")(environ, start_response)
        if fault is Fault.trickle:
            return Response(_trickle(), 200, {"Content-Length": "100000"})(environ, start_response)
        if fault is Fault.wrong_key:
            environ["HTTP_AUTHORIZATION"] = "Bearer of-another-shop"
        return self._onward(environ, start_response)

    def _fault_for(self, environ: WSGIEnvironment) -> Fault | None:
        operation = PATHS.get((environ["REQUEST_METHOD"], environ["PATH_INFO"]))
        met = next((one for one in self._planned if one[1] == operation), None)
        if met is None:
            return None
        self._planned.remove(met)
        return met[0]


def _trickle() -> Iterator[bytes]:
    """Each byte comes before anybody's patience with one wait ends."""
    over = threading.Event()
    until = time.monotonic() + SLOW_FOR
    while time.monotonic() < until:
        over.wait(0.03)
        yield b" "


class SandboxSide:
    secrets: tuple[str, ...] = (API_KEY, SECRET)
    currencies: tuple[str, ...] = ("RUB", "JPY", "KWD")

    def __init__(self, shop: Shop, provider: Provider, line: Line, has_sockets: bool) -> None:
        self.provider = provider
        self.patience = PATIENCE if has_sockets else NO_HURRY
        self.has: frozenset[Need] = frozenset([*Card, *PLANNED, *ON_THE_LINE, *Ability])
        if not has_sockets:
            self.has -= {Fault.trickle}
        self._shop = shop
        self._line = line
        self._sent: list[Delivery] = []
        self._deliverer = shop.sandbox.deliverer("http://shop.test/", transport=httpx.MockTransport(self._receive))

    def now(self) -> datetime:
        return self._shop.clock()

    def advance(self, span: timedelta) -> None:
        self._shop.clock.at += span

    def pay(self, url: str, card: Card) -> None:
        self._shop.pay(url, BY_NAME[CARDS[card]].number)

    def authenticate(self, url: str) -> None:
        self._shop.decide(url, "confirm")

    def abandon(self, url: str) -> None:
        self._shop.decide(url, "refuse")

    def plan(self, fault: Fault, operation: Operation) -> None:
        if fault in ON_THE_LINE:
            self._line.plan(fault, operation)
            return
        name, params = PLANNED[fault]
        # Held longer than the module waits, where there is a socket to be held.
        hold: dict[str, Any] = {"hold_seconds": self.patience * 1.5} if fault.startswith("timeout") else {}
        self._shop.plan(name, IN_ITS_WORDS.get(operation, operation), **params, **hold)

    def come_in(self) -> None:
        self.advance(LATE)

    def refund_by_hand(self, reference: str, minor: int) -> None:
        self._tell("refunds", {"reference": reference, "amount": minor})

    def dispute(self, reference: str) -> None:
        self._tell("disputes", {"reference": reference})

    def decide_dispute(self, reference: str, won: bool) -> None:
        self._tell("disputes", {"reference": reference, "state": "won" if won else "lost"})

    def deliveries(self) -> list[Delivery]:
        while self._deliverer.run_once():
            pass
        sent, self._sent = self._sent, []
        return sent

    def sign(self, body: bytes, at: datetime) -> Mapping[str, str]:
        return {SIGNATURE: sign(body, SECRET, at)}

    def forge(self, body: bytes, at: datetime) -> Mapping[str, str]:
        return {SIGNATURE: sign(body, "whsec_of_a_stranger", at)}

    def stray(self) -> Delivery:
        body = b'{"id": "evt_stray", "type": "payout.paid", "data": {"object": "payout", "id": "po_1"}}'
        return Delivery(self.sign(body, self.now()), body)

    def taken(self, reference: str) -> list[Money]:
        self._catch_up()
        return [Money(one["taken"], one["currency"]) for one in self._shop.book.charges(reference)]

    def given_back(self, reference: str) -> list[Money]:
        self._catch_up()
        paid = {one["id"] for one in self._shop.book.charges(reference)}
        mine = [one for one in self._shop.book.refunds() if one["payment_id"] in paid and one["state"] != "failed"]
        return [Money(one["amount"], one["currency"]) for one in mine]

    def _tell(self, what: str, order: dict[str, object]) -> None:
        answer = self._shop.api.post(f"/v1/test/{what}", json=order)
        assert answer.is_success, answer.text

    def _catch_up(self) -> None:
        assert self._shop.api.get("/v1/book").is_success

    def _receive(self, request: httpx.Request) -> httpx.Response:
        self._sent.append(Delivery(dict(request.headers), request.read()))
        return httpx.Response(200)


# Of a module: from the address of its API, and what its requests go through where there is no socket.
MakeProvider = Callable[[str, httpx.BaseTransport | None], Provider]


def sandbox_module(base: str, transport: httpx.BaseTransport | None) -> Provider:
    return SandboxProvider(base, API_KEY, SECRET, transport=transport, deadline=PATIENCE)


@contextmanager
def make(module: MakeProvider = sandbox_module) -> Iterator[SandboxSide]:
    """Over a real socket, and with real silence."""
    with _opened() as (shop, line), served(DispatcherMiddleware(Response(status=404), {"/sandbox": line})) as url:
        yield SandboxSide(shop, module(f"{url}/sandbox", None), line, has_sockets=True)


@contextmanager
def make_in_process(module: MakeProvider = sandbox_module) -> Iterator[SandboxSide]:
    """Quicker: nobody waits for silence. Nothing can come a byte at a time."""
    with _opened() as (shop, line):
        yield SandboxSide(shop, module(BASE, InProcess(line)), line, has_sockets=False)


@contextmanager
def _opened() -> Iterator[tuple[Shop, Line]]:
    with tempfile.TemporaryDirectory() as folder, patch.object(listing, "PAGE", 2), on_sqlite(Path(folder)) as shop:
        yield shop, Line(shop.app)
