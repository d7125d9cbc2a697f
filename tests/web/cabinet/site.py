"""The cabinet's pages over rows that a test lays out: no database, no payment system."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import html5lib
import pytest
from flask import Flask, g
from flask.testing import FlaskClient
from flask_wtf.csrf import CSRFProtect

from portal import runtime
from portal.config import Settings
from portal.domain.method import PaymentMethod
from portal.domain.user import Person
from portal.providers.port import Abilities
from portal.queries import circumstances, history, invoices, methods, offers, people, subscriptions
from portal.queries.circumstances import Circumstances
from portal.queries.history import HistoryEntry
from portal.queries.invoices import InvoiceDetail, InvoiceEntry
from portal.queries.offers import Offer
from portal.queries.subscriptions import SubscriptionCard
from portal.services import ask, buy, users
from portal.services.buy import Bought, BuyRequest, Preview
from portal.web import auth, brand, edge, errors, locale
from portal.web.cabinet import blueprint as cabinet
from tests.presentation.samples import NOW, number, preview

ROOT = Path(__file__).parents[3]
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
SAVING = Abilities(saves_methods=True, closes_checkouts=True, partial_refunds=True, key_lifetime_hours=24)
ALICE = Person("alice", email="alice@example.com")


class Clock:
    def now(self) -> Any:
        return NOW


@dataclass
class Site:
    """What the queries and services answer. A test changes what it is about."""

    person: Person | None = ALICE
    chosen: str | None = None  # the language that the person has chosen
    offers: list[Offer] = field(default_factory=list)
    cards: list[SubscriptionCard] = field(default_factory=list)
    details: dict[UUID, InvoiceDetail] = field(default_factory=dict)
    entries: list[InvoiceEntry] = field(default_factory=list)
    history: list[HistoryEntry] = field(default_factory=list)
    methods: list[PaymentMethod] = field(default_factory=list)
    led: Circumstances = field(default_factory=Circumstances)
    preview: Callable[[int], Preview] = lambda count: preview(count=count)
    buy: Callable[[BuyRequest], Bought] = lambda request: Bought(number(6), "https://pay.example/checkout/1")
    asked: list[UUID] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    csrf: bool = False

    def show(self, detail: InvoiceDetail, *cards: SubscriptionCard) -> str:
        """Lay out one invoice; answers the path of its page."""
        self.details[detail.invoice.id] = detail
        self.cards = list(cards)
        return f"/payments/{detail.invoice.id}"

    def install(self, patch: pytest.MonkeyPatch) -> Site:
        patch.setattr(auth, "page_person", self._page_person)
        patch.setattr(people, "chosen_locale", lambda user_id: self.chosen)
        patch.setattr(users, "choose_locale", lambda person, locale: setattr(self, "chosen", locale))
        patch.setattr(offers, "on_sale", lambda currency, now: self.offers)
        patch.setattr(subscriptions, "of_user", lambda user_id, now, policy: self.cards)
        patch.setattr(invoices, "detail", lambda guid, user_id: self.details.get(guid))
        patch.setattr(invoices, "page_of_user", self._page_of_user)
        patch.setattr(history, "of_user", self._history)
        patch.setattr(methods, "of_user", lambda user_id: self.methods)
        patch.setattr(circumstances, "of_invoice", lambda invoice: self.led)
        patch.setattr(ask, "ask_about_invoice", self.asked.append)
        patch.setattr(buy, "preview", lambda person, code, count, trial, provider: self.preview(count))
        patch.setattr(buy, "buy", lambda person, request: self.buy(request))
        patch.setattr(buy, "pay_again", lambda person, guid: self.buy(_again(guid)))
        return self

    def app(self) -> Flask:
        app = Flask("portal", root_path=str(ROOT), template_folder="templates", static_folder="static")
        app.config.update(SECRET_KEY="for tests only", WTF_CSRF_ENABLED=self.csrf, TESTING=True)
        settings = Settings(_env_file=None, app_env="test", **self.settings)
        sandbox = SimpleNamespace(checkout_origin="http://pay.test", abilities=SAVING, titles={})
        app.extensions[runtime.KEY] = runtime.Runtime(settings, Clock(), {"sandbox": sandbox})  # type: ignore[arg-type,dict-item]  # it tells time
        CSRFProtect(app)
        edge.init(app)
        locale.init(app)
        errors.init(app)
        app.register_blueprint(cabinet.blueprint)
        app.register_blueprint(brand.blueprint)
        return app

    def client(self, language: str = "en") -> FlaskClient:
        client = self.app().test_client()
        client.set_cookie("lang", language)
        return client

    def _page_person(self) -> Person:
        if self.person is None:
            raise auth.Unauthorized("nobody")
        g.person = self.person
        return self.person

    def _page_of_user(self, user_id: str, *, limit: int, offset: int) -> tuple[list[InvoiceEntry], int]:
        return self.entries[offset : offset + limit], len(self.entries)

    def _history(self, user_id: str, *, before: int, limit: int) -> list[HistoryEntry]:
        return [entry for entry in self.history if entry.seq < before][:limit]


def _again(guid: UUID) -> BuyRequest:
    return BuyRequest("", 1, None)  # type: ignore[arg-type]  # nobody reads it


def parsed(page: str) -> Any:
    """The page as a browser builds it. Raises on anything a browser would have to repair."""
    return html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(page)


INLINE = {"a", "b", "code", "span", "strong", "time"}


def words(page: str) -> str:
    """What a reader reads, with every gap as one space and a gap between any two blocks."""
    return " ".join("".join(_text(parsed(page).find(".//body"))).split())


def _text(element: Any) -> Iterator[str]:
    gap = "" if element.tag in INLINE else " "
    yield gap + (element.text or "")
    for child in element:
        yield from _text(child)
        yield child.tail or ""
    yield gap
