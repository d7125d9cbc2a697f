"""A shop in front of a sandbox: what a portal and its customer do with it, in one process and with a clock to turn."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import create_engine, make_url, text

from portal.demo.sandbox.app import create_sandbox
from portal.demo.transport import InProcess
from portal.domain.money import Money
from portal.providers.port import Answer, ChargeOrder, CheckoutOrder, RefundOrder, SavedMethod
from portal.providers.sandbox import SandboxProvider

BASE = "http://127.0.0.1:8000/sandbox"
RETURN = "http://127.0.0.1:8000/payments/1"
API_KEY = "sk_test_public"
SECRET = "whsec_test_public"
GOOD = "4242 4242 4242 4242"
PRICE = Money(59900, "RUB")


class TurnedClock:
    def __init__(self) -> None:
        self.at = datetime(2027, 1, 31, 10, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def advance(self, **spans: float) -> None:
        self.at += timedelta(**spans)


class Shop:
    def __init__(self, database_url: str) -> None:
        self.clock = TurnedClock()
        self.database_url = database_url
        self.app = create_sandbox(
            database_url=database_url, api_key=API_KEY, webhook_secret=SECRET, public_base=BASE, now=self.clock
        )
        self.sandbox = self.app.extensions["sandbox"]
        self.book = self.sandbox.book
        self.transport = InProcess(self.app)
        self.provider = SandboxProvider(BASE, API_KEY, SECRET, transport=self.transport)
        self.browser = httpx.Client(transport=self.transport)
        self.api = httpx.Client(base_url=BASE, transport=self.transport, headers={"Authorization": f"Bearer {API_KEY}"})

    def order(self, reference: str = "payment:1", **other: Any) -> CheckoutOrder:
        usual = {"amount": PRICE, "description": "Premium", "user_id": "alice", "locale": "ru", "return_url": RETURN}
        limits = {"expires_at": self.clock() + timedelta(hours=24), "save_method": True}
        return CheckoutOrder(reference=reference, **{**usual, **limits, **other})

    def open_page(self, reference: str = "payment:1", **other: Any) -> str:
        url = self.provider.start_checkout(self.order(reference, **other)).redirect_url
        assert url is not None
        return url

    def pay(self, url: str, card: str = GOOD, expiry: str = "12/30", cvc: str = "123") -> httpx.Response:
        return self.browser.post(url, data={"card_number": card, "expiry": expiry, "cvc": cvc})

    def decide(self, url: str, decision: str = "confirm") -> httpx.Response:
        return self.browser.post(f"{url}/confirm", data={"decision": decision})

    def buy(self, reference: str = "payment:1", card: str = GOOD, **other: Any) -> Answer:
        self.pay(self.open_page(reference, **other), card)
        return self.provider.find(reference)

    def saved(self, card: str = GOOD) -> SavedMethod:
        """The method that a purchase with this card leaves behind."""
        method = self.buy("payment:first", card).method
        assert method is not None
        return method

    def renewal(self, method: SavedMethod, reference: str = "payment:2", amount: Money = PRICE) -> ChargeOrder:
        return ChargeOrder(reference, amount, "Renewal", method.customer_ref, method.method_ref, "ru", RETURN)

    def back(self, payment: Answer, minor: int, reference: str = "refund:1") -> RefundOrder:
        assert payment.provider_ref is not None
        return RefundOrder(reference, payment.provider_ref, Money(minor, "RUB"))

    def plan(self, fault: str, operation: str | None = None, reference: str | None = None, **params: Any) -> None:
        match = {"operation": operation, "reference": reference}
        answer = self.api.post("/v1/test/faults", json={"fault": fault, "match": match, **params})
        assert answer.status_code == 201, answer.text

    def taken(self, reference: str | None = None) -> list[int]:
        return [charge["taken"] for charge in self.book.charges(reference)]


@contextmanager
def on_sqlite(folder: Path) -> Iterator[Shop]:
    shop = Shop(f"sqlite:///{folder / 'sandbox.db'}")
    yield shop
    shop.book.close()


@contextmanager
def on_postgresql() -> Iterator[Shop]:
    """A schema of its own, dropped afterwards."""
    server = make_url(os.environ.get("TEST_DATABASE_URL", "postgresql://postgres@127.0.0.1:5432/postgres"))
    schema = f"sandbox_{secrets.token_hex(6)}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as conn:
        conn.execute(text(f"CREATE SCHEMA {schema}"))
        shop = Shop(
            server.update_query_dict({"options": f"-csearch_path={schema}"}).render_as_string(hide_password=False)
        )
        try:
            yield shop
        finally:
            shop.book.close()
            conn.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    engine.dispose()
