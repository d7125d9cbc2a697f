"""The payment system behind the port: the sandbox, or any other that is played on its book and fault plan."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final, Protocol
from wsgiref.types import WSGIApplication

import httpx
from flask import Flask

from portal.audit.outside import BookCharge, BookDispute, BookRefund, ProviderBook
from portal.config import Settings
from portal.demo.sandbox.app import Sandbox
from portal.demo.sandbox.book import Book
from portal.demo.sandbox.deliver import Deliverer
from portal.demo.sandbox.faults import Operation
from portal.providers.port import Provider
from portal.providers.sandbox import SandboxProvider

OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    ("POST", "/v1/checkouts"): "start_checkout",
    ("POST", "/v1/checkouts/close"): "close_checkout",
    ("POST", "/v1/charges"): "charge",
    ("POST", "/v1/refunds"): "refund",
    ("POST", "/v1/methods/detach"): "detach",
    ("GET", "/v1/list"): "list",
}


class System(Protocol):
    @property
    def book(self) -> Book:
        """Its money, its fault plan, its log of requests and its queue of webhooks."""
        ...

    @property
    def site(self) -> WSGIApplication:
        """Its API and its pages, under the addresses that it gives them."""
        ...

    def provider(self, line: httpx.BaseTransport) -> Provider:
        """The portal's client of it."""
        ...

    def operation(self, request: httpx.Request) -> Operation | None:
        """What the fault plan calls this request; None: it knows no fault for it."""
        ...

    def deliverer(self, url: str, door: httpx.BaseTransport) -> Deliverer:
        """Of its webhooks, to the portal's `url`."""
        ...

    def held(self) -> ProviderBook:
        """What it really holds of us, read past its API and past our client of it."""
        ...

    def close(self) -> None: ...


Opening = Callable[[Flask, Settings, Callable[[], datetime]], System]  # for a portal, by the clock of both


class SandboxSystem:
    """It is mounted in the portal's own application."""

    def __init__(self, app: Flask, settings: Settings, now: Callable[[], datetime]) -> None:
        self._sandbox: Sandbox = app.extensions["matinee_sandbox"]
        self._settings = settings
        self.book = self._sandbox.book
        self.site: WSGIApplication = app

    def provider(self, line: httpx.BaseTransport) -> Provider:
        return SandboxProvider(
            self._settings.sandbox_base,
            self._settings.secret("sandbox_api_key"),
            self._settings.secret("sandbox_webhook_secret"),
            transport=line,
        )

    def operation(self, request: httpx.Request) -> Operation | None:
        return OPERATIONS.get((request.method, request.url.path.removeprefix("/sandbox")), "find")

    def deliverer(self, url: str, door: httpx.BaseTransport) -> Deliverer:
        return self._sandbox.deliverer(url, transport=door)

    def held(self) -> ProviderBook:
        return Held(self.book)

    def close(self) -> None:
        self.book.close()


class Held:
    """The sandbox's own book, as the audit reads books."""

    def __init__(self, book: Book) -> None:
        self._book = book

    def charges(self) -> Iterator[BookCharge]:
        for one in self._book.payments():
            yield BookCharge(one["reference"], one["id"], one["taken"] or 0, one["currency"], one["state"])

    def refunds(self) -> Iterator[BookRefund]:
        for one in self._book.refunds():
            yield BookRefund(one["reference"], one["id"], one["payment_id"], one["amount"], one["state"])

    def disputes(self) -> Iterator[BookDispute]:
        for one in self._book.disputes():
            yield BookDispute(one["id"], one["payment_id"], one["amount"], one["state"])
