"""The hosted pages: pay with a card, confirm to one's bank. No script, no cookie; the address is the right to pay."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from babel.numbers import format_currency
from flask import Blueprint, Response, render_template, request, url_for
from sqlalchemy import Connection

from portal.demo.sandbox import cardform, checkouts, due
from portal.demo.sandbox.cardform import CardForm
from portal.demo.sandbox.cards import BY_NAME, CARDS
from portal.demo.sandbox.checkouts import Checkout
from portal.demo.sandbox.exchange import Call, Exchange, Work
from portal.demo.sandbox.faults import Fault
from portal.demo.sandbox.orders import origin
from portal.demo.sandbox.payments import Payment
from portal.demo.sandbox.reply import Reply
from portal.demo.sandbox.silence import send
from portal.demo.sandbox.words import WORDS, language
from portal.domain.money import Money

HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex",
}


class Pages:
    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def blueprint(self) -> Blueprint:
        pages = Blueprint("pages", __name__, url_prefix="/pay")
        pages.add_url_rule("/<token>", "pay", self.show_pay)
        pages.add_url_rule("/<token>", "take", self.take_card, methods=["POST"])
        pages.add_url_rule("/<token>/confirm", "confirm", self.show_confirm)
        pages.add_url_rule("/<token>/confirm", "decide", self.take_decision, methods=["POST"])
        return pages

    def show_pay(self, token: str) -> Response:
        checkout, payment = self._load(token)
        if checkout is None or payment is None:
            return _missing()
        if not payment.is_open:
            return _over(checkout, payment)
        if not checkout.takes_cards:
            return _go(url_for("pages.confirm", token=token))
        return _pay_page(checkout, payment)

    def take_card(self, token: str) -> Response:
        checkout, payment = self._load(token)
        if checkout is None or payment is None:
            return _missing()
        if not payment.is_open or not checkout.takes_cards:
            return self.show_pay(token)
        form = cardform.read(request.form, self._exchange.now())
        card, expires = form.card, form.expires
        if form.errors or card is None or expires is None:
            return _pay_page(checkout, payment, form)
        confirm, after = url_for("pages.confirm", token=token), _way_back(checkout)

        def pay(conn: Connection, now: datetime, twist: Fault | None) -> Reply:
            asked = checkouts.pay(conn, now, payment.id, card, expires, twist)
            return Reply(303, location=confirm if asked else after)

        return self._do(checkout, payment, pay)

    def show_confirm(self, token: str) -> Response:
        checkout, payment = self._load(token)
        if checkout is None or payment is None:
            return _missing()
        if not payment.is_open:
            return _over(checkout, payment)
        if not checkouts.awaits_confirmation(payment):
            return _go(url_for("pages.pay", token=token))
        return _confirm_page(checkout, payment)

    def take_decision(self, token: str) -> Response:
        checkout, payment = self._load(token)
        if checkout is None or payment is None:
            return _missing()
        if not checkouts.awaits_confirmation(payment):
            return self.show_confirm(token)
        agreed, after = request.form.get("decision") == "confirm", _way_back(checkout)

        def decide(conn: Connection, now: datetime, twist: Fault | None) -> Reply:
            checkouts.confirm(conn, now, payment.id, agreed, twist)
            return Reply(303, location=after)

        return self._do(checkout, payment, decide)

    def _load(self, token: str) -> tuple[Checkout, Payment] | tuple[None, None]:
        due.catch_up(self._exchange.book, self._exchange.now())
        with self._exchange.book.read() as conn:
            return checkouts.by_token(conn, token) or (None, None)

    def _do(self, checkout: Checkout, payment: Payment, work: Work) -> Response:
        reply = self._exchange.carry_out(Call("pay", payment.reference), work)
        if reply.status >= 400 and reply.silence is None:
            return _message(_named("trouble", payment), reply.status, checkout.locale, checkout.return_url)
        return _guarded(send(reply), checkout.return_url)


def _pay_page(checkout: Checkout, payment: Payment, form: CardForm | None = None) -> Response:
    shown = {"checkout": checkout, "payment": payment, "amount": _amount(payment, checkout.locale), "cards": CARDS}
    filled = {"errors": form.errors if form else {}, "expiry": form.typed_expiry if form else ""}
    status = 422 if form is not None else 200
    return _page(
        "save" if payment.only_saves else "pay", status, checkout.locale, checkout.return_url, **shown, **filled
    )


def _confirm_page(checkout: Checkout, payment: Payment) -> Response:
    card = BY_NAME[payment.card or ""]
    shown = {"payment": payment, "amount": _amount(payment, checkout.locale), "card": card, "token": checkout.token}
    return _page("confirm", 200, checkout.locale, checkout.return_url, **shown)


def _over(checkout: Checkout, payment: Payment) -> Response:
    """The page of something that is decided. Who merely comes too late is told; anybody else goes back to the shop."""
    if payment.decline_class == "closed":
        return _message(_named("gone", payment), 410, checkout.locale, checkout.return_url)
    if checkout.return_url is not None:
        return _go(checkout.return_url)
    told = {"succeeded": "done", "pending": "pending"}.get(payment.state, "failed")
    return _message(told, 200, checkout.locale, None)


def _named(message: str, payment: Payment) -> str:
    """Where nothing is paid, nothing is said of money."""
    return f"save_{message}" if payment.only_saves else message


def _way_back(checkout: Checkout) -> str:
    return checkout.return_url or url_for("pages.pay", token=checkout.token)


def _amount(payment: Payment, locale: str) -> str:
    shown = format_currency(Money(payment.amount, payment.currency).major, payment.currency, locale=locale)
    return re.sub(r"^([A-Z]{3})(?=\d)", "\\1\u00a0", shown)  # a code, unlike a sign, does not touch its number


def _missing() -> Response:
    return _message("missing", 404, request.accept_languages.best_match(list(WORDS), default="en"), None)


def _message(name: str, status: int, locale: str, return_url: str | None) -> Response:
    return _page("message", status, locale, return_url, name=name, back=return_url)


def _page(template: str, status: int, locale: str, return_url: str | None, **shown: Any) -> Response:
    words = WORDS[language(locale)]
    html = render_template(f"sandbox/{template}.html", words=words, locale=language(locale), **shown)
    return _guarded(Response(html, status), return_url)


def _go(location: str) -> Response:
    return _guarded(send(Reply(303, location=location)), None)


def _guarded(response: Response, return_url: str | None) -> Response:
    """The page may load its style sheet and nothing else. Browsers hold a form to its target's redirects as well."""
    targets = " ".join(["'self'", *([origin(return_url)] if return_url is not None else [])])
    policy = f"default-src 'none'; style-src 'self'; form-action {targets}; base-uri 'none'; frame-ancestors 'none'"
    response.headers.update({**HEADERS, "Content-Security-Policy": policy})
    return response
