"""Stripe as far as this project speaks with it, on the sandbox's book and with its fault plan, over real HTTP.

with serving(Path("/tmp/x")) as stripe:
    provider = stripe.provider()
    stripe.plan("timeout_after", "charge")
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import httpx
from flask import Flask
from werkzeug.wrappers import Response

from portal.demo.sandbox import disputes, due, faults, refunds
from portal.demo.sandbox.book import Book
from portal.demo.sandbox.exchange import Exchange
from portal.demo.sandbox.faults import FaultOrder, Operation, Stage
from portal.demo.sandbox.orders import DisputeOrder, HandRefundOrder
from portal.demo.sandbox.silence import Silencer
from portal.demo.transport import InProcess
from portal.providers.stripe.provider import StripeProvider
from tests.demo.sandbox.receiver import served
from tests.stripe_wire.api import BREAKS, Api
from tests.stripe_wire.pages import Pages
from tests.stripe_wire.tables import wire
from tests.stripe_wire.told import Teller, sign

API_KEY: Final = "sk_test_public"
SECRET: Final = "whsec_test_public"
GOOD: Final = "4242 4242 4242 4242"
NOWHERE: Final = "http://stripe.test"
IN_USE: Final = (
    '{"error": {"type": "invalid_request_error", "code": "idempotency_key_in_use", "message": "There is currently'
    ' another in-progress request using this Idempotent Key."}}'
)


class TurnedClock:
    def __init__(self, at: datetime = datetime(2027, 1, 31, 10, tzinfo=UTC)) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


class Delivered:
    """Webhooks as they came to a door that accepts everything."""

    def __init__(self) -> None:
        self._came: list[tuple[dict[str, str], bytes]] = []

    def receive(self, request: httpx.Request) -> httpx.Response:
        self._came.append((dict(request.headers), request.read()))
        return httpx.Response(200)

    def take(self) -> list[tuple[dict[str, str], bytes]]:
        came, self._came = self._came, []
        return came


class Line:
    """The way in, on which something can happen once that the fault plan has no word for."""

    def __init__(self, onward: WSGIApplication) -> None:
        self._onward = onward
        self._planned: list[tuple[str, str]] = []

    def plan(self, fault: str, operation: str) -> None:
        """`trickle`, `wrong_key`, `key_in_use`; or `breaks`: it is done, and its 500 is kept for its key."""
        self._planned.append((fault, operation))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        fault = self._fault_for(environ["REQUEST_METHOD"], environ["PATH_INFO"])
        if fault == "key_in_use":
            again = {"Stripe-Should-Retry": "true"}
            return Response(IN_USE, 409, again, mimetype="application/json")(environ, start_response)
        if fault == "trickle":
            return Response(_trickle(), 200, {"Content-Length": "100000"})(environ, start_response)
        if fault == "wrong_key":
            environ["HTTP_AUTHORIZATION"] = "Bearer sk_test_of_another_shop"
        if fault == "breaks":
            environ[BREAKS] = True
        return self._onward(environ, start_response)

    def _fault_for(self, method: str, path: str) -> str | None:
        called = (operation(method, path), path.rpartition("/")[2])
        met = next((one for one in self._planned if one[1] in called), None)
        if met is None:
            return None
        self._planned.remove(met)
        return met[0]


def operation(method: str, path: str) -> Operation | None:
    """What the fault plan calls a request; None: it knows no fault for it."""
    if method == "GET":
        return "find"
    if path.endswith(("/expire", "/cancel")):
        return "close_checkout"
    names: dict[str, Operation] = {
        "sessions": "start_checkout",
        "payment_intents": "charge",
        "refunds": "refund",
        "detach": "detach",
    }
    return names.get(path.rpartition("/")[2])


def _trickle() -> Iterator[bytes]:
    """Each byte comes before anybody's patience with one wait ends; longer than anybody waits in all."""
    over = threading.Event()
    until = time.monotonic() + 5
    while time.monotonic() < until:
        over.wait(0.03)
        yield b" "


class StripeWire:
    """What a test may hold in its hands. `now` is the one clock; `base_url` is where API and pages are."""

    def __init__(self, database_url: str, now: Callable[[], datetime] | None = None, largest_page: int = 100) -> None:
        self.clock = TurnedClock()
        self.now = now or self.clock
        self.base_url = NOWHERE
        self.book = Book(database_url)
        with self.book.write() as conn:
            wire.create_all(conn)
        exchange = Exchange(self.book, self.now)
        app = self.app = Flask("stripe_wire")
        app.register_blueprint(Api(exchange, API_KEY, lambda: self.base_url, largest_page).blueprint())
        app.register_blueprint(Pages(exchange).blueprint())
        self.line = Line(Silencer(app.wsgi_app))
        self._delivered = Delivered()
        self._teller = self.teller("http://shop.test/", httpx.MockTransport(self._delivered.receive))

    def provider(self, **more: Any) -> StripeProvider:
        """A client of this Stripe; `more` are StripeProvider's own. Without a server, it speaks in this process."""
        transport = InProcess(self.line, mount="") if self.base_url == NOWHERE else None
        usual = {"api_key": API_KEY, "webhook_secret": SECRET, "now": self.now, "transport": transport}
        return StripeProvider(**{**usual, "api_base": self.base_url, **more})

    def teller(self, url: str, transport: httpx.BaseTransport | None = None) -> Teller:
        """Delivers webhooks to `url` with retries: `run_once()`, or `run_forever(stop)`."""
        return Teller(self.book, url, SECRET, self.now, lambda: self.base_url, transport)

    def deliveries(self) -> list[tuple[dict[str, str], bytes]]:
        """Headers and body of everything sent since this was asked last, oldest first."""
        while self._teller.run_once():
            pass
        return self._delivered.take()

    def sign(self, body: bytes, at: datetime | None = None, secret: str = SECRET) -> dict[str, str]:
        return {"Stripe-Signature": sign(body, secret, at or self.now())}

    # The customer

    def pay(self, url: str, card: str = GOOD, expiry: str = "12/34", cvc: str = "123") -> httpx.Response:
        return self._browse(url, {"card_number": card, "expiry": expiry, "cvc": cvc})

    def decide(self, url: str, decision: str = "confirm") -> httpx.Response:
        """What the customer answers their bank: `confirm` or `refuse`."""
        return self._browse(f"{url}/confirm", {"decision": decision})

    def _browse(self, url: str, form: dict[str, str]) -> httpx.Response:
        transport = InProcess(self.line, mount="") if self.base_url == NOWHERE else None
        with httpx.Client(transport=transport, trust_env=False) as browser:
            return browser.post(url, data=form)

    # What goes wrong

    def plan(self, fault: str, operation: str | None = None, reference: str | None = None, **params: Any) -> None:
        """As the sandbox's fault plan has it; and the line's own. All questions are `find`.

        The line knows a request also by its address: `customers`, which the fault plan has no word for.
        """
        if fault in ("trickle", "wrong_key", "key_in_use", "breaks"):
            self.line.plan(fault, operation or "find")
            return
        match = {"operation": operation, "reference": reference}
        with self.book.write() as conn:
            faults.add(conn, FaultOrder.model_validate({"fault": fault, "match": match, **params}))

    # The merchant's pages, and the bank

    def refund_by_hand(self, reference: str, minor: int | None = None) -> None:
        with self.book.write() as conn:
            twist = faults.take(conn, {Stage.work}, "refund", reference)
            refunds.by_hand(conn, self.now(), HandRefundOrder(reference=reference, amount=minor), twist)

    def dispute(self, reference: str, state: str = "open", minor: int | None = None) -> None:
        """The cardholder disputes it (`open`), or their bank decides: `won` by us, or `lost`."""
        with self.book.write() as conn:
            disputes.move(conn, self.now(), DisputeOrder(reference=reference, state=state, amount=minor))

    # The book, and time

    def advance(self, **spans: float) -> None:
        self.clock.at += timedelta(**spans)
        due.catch_up(self.book, self.now())

    def taken(self, reference: str | None = None) -> list[int]:
        return [charge["taken"] for charge in self.book.charges(reference)]

    def close(self) -> None:
        self._teller.close()
        self.book.close()


@contextmanager
def in_process(folder: Path, **more: Any) -> Iterator[StripeWire]:
    """Without a socket: quicker, and nobody waits for silence."""
    stripe = StripeWire(f"sqlite:///{folder / 'stripe.db'}", **more)
    try:
        yield stripe
    finally:
        stripe.close()


@contextmanager
def serving(folder: Path, **more: Any) -> Iterator[StripeWire]:
    """On a free port of this machine."""
    with in_process(folder, **more) as stripe, served(stripe.line) as url:
        stripe.base_url = url
        yield stripe
