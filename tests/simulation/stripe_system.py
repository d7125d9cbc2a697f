"""Stripe behind the port of a simulated cinema: its adapter in the portal, the counterpart on the other end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from wsgiref.types import WSGIApplication

import httpx
from flask import Flask, got_request_exception
from sqlalchemy import select

from portal.audit.outside import BookCharge, BookDispute, BookRefund, ProviderBook
from portal.config import Settings
from portal.demo.sandbox.app import Sandbox
from portal.demo.sandbox.book import Book
from portal.demo.sandbox.deliver import Deliverer
from portal.demo.sandbox.faults import Operation
from portal.providers.port import Provider
from tests.stripe_wire.server import StripeWire, operation
from tests.stripe_wire.tables import intents, tries
from tests.stripe_wire.tried import REFERENCE


class StripeSystem:
    """`broken`: what the counterpart stumbled over itself; nothing but a 500 of it would be seen otherwise.

    Once it is closed, `taken` says how often money was taken on a page, and how often from somebody who was away.
    """

    def __init__(self, app: Flask, settings: Settings, now: Callable[[], datetime]) -> None:
        self._idle: Sandbox = app.extensions["matinee_sandbox"]  # mounted in the portal all the same
        self._wire = StripeWire(f"sqlite:///{settings.data / 'stripe.db'}", now=now)
        self.book = self._wire.book
        self.site: WSGIApplication = self._wire.line
        self.taken: Counter[str] = Counter()
        self.broken: list[str] = []
        got_request_exception.connect(self._hear, self._wire.app)

    def provider(self, line: httpx.BaseTransport) -> Provider:
        return self._wire.provider(transport=line)

    def operation(self, request: httpx.Request) -> Operation | None:
        """A payment is confirmed to be tried again, or, with its customer at the page, to make the page."""
        if request.url.path.endswith("/confirm"):
            return "charge" if b"off_session=" in request.read() else None
        return operation(request.method, request.url.path)

    def deliverer(self, url: str, door: httpx.BaseTransport) -> Deliverer:
        return self._wire.teller(url, door)

    def held(self) -> ProviderBook:
        return Held(self.book)

    def _hear(self, _app: Flask, exception: Exception) -> None:
        self.broken.append(f"{type(exception).__name__}: {exception}")

    def close(self) -> None:
        with self.book.read() as conn:
            on_page = set(conn.scalars(select(tries.c.payment_id).where(tries.c.session_id.is_not(None))))
        self.taken.update("page" if one["id"] in on_page else "away" for one in self.book.charges())
        self._wire.close()
        self._idle.book.close()


class Held:
    """What Stripe holds, as the audit reads books: by the tries of its payments, each with the money that it took."""

    def __init__(self, book: Book) -> None:
        self._book = book

    def charges(self) -> Iterator[BookCharge]:
        with self._book.read() as conn:
            references = {row.id: row.metadata[REFERENCE] for row in conn.execute(select(intents))}
            intent_of = {row.payment_id: row.intent_id for row in conn.execute(select(tries))}
        for one in self._book.charges():
            yield BookCharge(references[intent_of[one["id"]]], one["id"], one["taken"], one["currency"], one["state"])

    def refunds(self) -> Iterator[BookRefund]:
        for one in self._book.refunds():
            yield BookRefund(one["reference"], one["id"], one["payment_id"], one["amount"], one["state"])

    def disputes(self) -> Iterator[BookDispute]:
        for one in self._book.disputes():
            yield BookDispute(one["id"], one["payment_id"], one["amount"], one["state"])
