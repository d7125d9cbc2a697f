"""The portal and everything around it in one process, moved by hand: no thread, no waiting, one clock."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.test import TestResponse

from portal.app import create_app
from portal.clock import real_now
from portal.config import Settings
from portal.db.session import db
from portal.demo.sandbox.app import Sandbox
from portal.demo.seed import seed
from portal.demo.transport import InProcess
from portal.jobs import JOBS
from portal.outbox.message import Message, Receipt
from portal.outbox.relay import Relay
from portal.services import inbox
from tests.outbox.described import EVENT

START = datetime(2027, 1, 10, 9, 0, tzinfo=UTC)
GOOD_CARD = "4242 4242 4242 4242"


class StandingClock:
    """Time that moves when a test says so."""

    def __init__(self, at: datetime = START) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def real_now(self) -> datetime:
        return real_now()


class ToAuth:
    """Publishes to the demo Auth of the same process."""

    def __init__(self, app: Flask, settings: Settings) -> None:
        self.client = app.test_client()
        self.token = settings.secret("auth_events")
        self.sent: list[Message] = []

    def publish(self, messages: Sequence[Message]) -> list[Receipt]:
        return [self._post(message) for message in messages]

    def close(self) -> None:
        """Nothing is held open."""

    def _post(self, message: Message) -> Receipt:
        EVENT.validate(json.loads(message.body))
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/cloudevents+json"}
        answer = self.client.post("/auth/events", data=message.body, headers=headers)
        self.sent.append(message)
        return Receipt() if answer.status_code < 300 else Receipt(f"HTTP {answer.status_code}")


@dataclass
class Caller:
    """Somebody with an access token who calls the API."""

    client: FlaskClient
    token: str

    def get(self, path: str, **more: Any) -> TestResponse:
        return self.client.get(f"/api/v1{path}", headers=self._headers(more), **more)

    def post(self, path: str, body: object, **more: Any) -> TestResponse:
        return self.client.post(f"/api/v1{path}", json=body, headers=self._headers(more), **more)

    def _headers(self, more: dict[str, Any]) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", "Accept-Language": "en", **more.pop("headers", {})}


class World:
    def __init__(self, settings: Settings, travels: bool = False) -> None:
        """`travels`: the clock is the installation's own, which `flask clock` moves, and ticks."""
        self.settings = settings
        self.clock = StandingClock()
        self.app = create_app(settings, clock=None if travels else self.clock)  # type: ignore[arg-type]  # it tells the time, as a Clock does
        if travels:
            self.clock = self.app.extensions["matinee"].clock
        self.auth = ToAuth(self.app, settings)
        self.relay = Relay(self.auth, self.clock)  # type: ignore[arg-type]  # as above
        self.deliverer = self.sandbox.deliverer(
            "http://portal.test/webhooks/sandbox", transport=InProcess(self.app, mount="")
        )

    def close(self) -> None:
        self.deliverer.close()
        with self.app.app_context():
            db.session.remove()
            db.engine.dispose()

    @property
    def sandbox(self) -> Sandbox:
        found: Sandbox = self.app.extensions["matinee_sandbox"]
        return found

    def seed(self) -> None:
        with self.app.app_context():
            seed()

    # People

    def sign_in(self, login: str) -> Caller:
        """A new access token, as Auth gives it now."""
        client = self.app.test_client()
        answer = client.post("/auth/token", json={"login": login})
        assert answer.status_code == 200, answer.text
        return Caller(client, answer.json["access_token"])

    def browser(self, login: str, language: str = "en") -> FlaskClient:
        """Somebody with a cookie, on the pages."""
        client = self.app.test_client()
        client.set_cookie(self.settings.auth_cookie, self.sign_in(login).token, domain="localhost")
        client.set_cookie("lang", language, domain="localhost")
        return client

    def buy(self, who: Caller, plan: str = "standard", count: int = 1, **more: Any) -> dict[str, Any]:
        """Start a purchase; answers {redirect_url, invoice_guid}."""
        answer = who.post("/purchases", {"product_id": plan, "product_count": count, **more})
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json
        return body

    def pay(self, redirect_url: str, card: str = GOOD_CARD, client: FlaskClient | None = None) -> TestResponse:
        """Send the hosted page's form."""
        form = {"card_number": card, "expiry": "12/34", "cvc": "123"}
        return (client or self.app.test_client()).post(path_of(redirect_url), data=form)

    def bought(self, login: str = "alice", plan: str = "standard", count: int = 1) -> dict[str, Any]:
        """Buy, pay with a good card, and let everything settle; answers the invoice."""
        who = self.sign_in(login)
        started = self.buy(who, plan, count)
        self.pay(started["redirect_url"])
        self.drain()
        invoice: dict[str, Any] = who.get(f"/invoices/{started['invoice_guid']}").json
        return invoice

    # The world's own motion

    def drain(self) -> None:
        """Webhooks, inbox and outbox, until nothing is left that is due now."""
        with self.app.app_context():
            while self.deliverer.run_once() + inbox.run_once() + self.relay.run_once():
                pass
            db.session.remove()

    def run_jobs(self) -> None:
        with self.app.app_context():
            for job in JOBS:
                if job.name != "audit":  # looks and changes nothing: asked for by tests that want to know
                    job.run_once()
            db.session.remove()

    def pass_time(self, step: timedelta) -> None:
        """Move the clock, then let everything that is due by then happen."""
        self.clock.at += step
        self.run_jobs()
        self.drain()

    def settle(self, hours: int = 30) -> None:
        """Let time pass until every question has been asked and answered."""
        self.drain()
        for minutes in (1, 5, 60, *([180] * (hours // 3))):
            self.pass_time(timedelta(minutes=minutes))

    # Looking

    def rows(self, query: str, **values: object) -> list[dict[str, Any]]:
        """What the database says, by SQL of the test's own."""
        with self.app.app_context():
            found = [dict(row) for row in db.session.execute(text(query), values).mappings()]
            db.session.rollback()
            return found

    def write(self, statement: str, **values: object) -> int:
        """Somebody else's hand in the database; answers how many rows it touched."""
        with self.app.app_context(), db.engine.begin() as connection:
            return int(connection.execute(text(statement), values).rowcount)

    def one(self, query: str, **values: object) -> dict[str, Any]:
        (row,) = self.rows(query, **values)
        return row

    def count(self, table: str) -> int:
        return int(self.one(f"SELECT count(*) AS n FROM {table}")["n"])  # noqa: S608 - a test's own words

    def rights(self, login: str) -> dict[str, Any]:
        """What Auth believes."""
        answer = self.app.test_client().get(f"/auth/users/{login}")
        body: dict[str, Any] = answer.json
        return body

    def counts(self) -> dict[str, int]:
        """How many rows each table has: equal before and after means that nothing was written."""
        tables = "users subscriptions invoices payments periods refunds consents history outbox inbox payment_methods"
        return {table: self.count(table) for table in tables.split()}


def path_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def csrf_of(page: str) -> str:
    """The token of the first form of a page."""
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert found, "the page has no form"
    return found[1]
