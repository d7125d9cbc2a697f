"""The hosted page and the bank's page, as forms. The address is the right to pay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response, request, url_for
from markupsafe import escape
from sqlalchemy import Connection, RowMapping, insert, update

from portal.demo.sandbox import cardform, checkouts, due, payments, tables
from portal.demo.sandbox.cards import Card
from portal.demo.sandbox.exchange import Call, Exchange
from portal.demo.sandbox.faults import Fault
from portal.demo.sandbox.reply import Reply
from portal.demo.sandbox.silence import send
from tests.stripe_wire import tried
from tests.stripe_wire.errors import Refused
from tests.stripe_wire.shapes import session_status
from tests.stripe_wire.tables import intents, sessions, tries
from tests.stripe_wire.tried import change

CARD_FORM = """<form method="post"><input name="card_number" autocomplete="cc-number"><input name="expiry">
<input name="cvc"><button>Pay</button></form>"""
BANK_FORM = """<form method="post"><button name="decision" value="confirm">Confirm</button>
<button name="decision" value="refuse">Refuse</button></form>"""


@dataclass(frozen=True)
class Pages:
    exchange: Exchange

    def blueprint(self) -> Blueprint:
        pages = Blueprint("pages", __name__)
        pages.add_url_rule("/c/pay/<guid>", "pay", self._pay, methods=["GET", "POST"])
        pages.add_url_rule("/c/pay/<guid>/confirm", "decide", self._decide, methods=["GET", "POST"])
        pages.add_url_rule("/authenticate/<guid>", "authenticate", self._authenticate, methods=["GET", "POST"])
        pages.add_url_rule("/authenticate/<guid>/confirm", "also", self._authenticate, methods=["GET", "POST"])
        pages.register_error_handler(Refused, lambda refused: _page(str(refused), 404))
        return pages

    def _pay(self, guid: str) -> Response:
        session, payment = self._open(guid)
        if session_status(payment) != "open":
            return _page("This page is closed.", 410)
        if request.method == "GET":
            return _page(f"{session['description']} {payment.amount} {payment.currency}", 200, CARD_FORM)
        form = cardform.read(request.form, self.exchange.now())
        card, expires = form.card, form.expires
        if form.errors or card is None or expires is None:
            return _page("Check the card.", 422, CARD_FORM)
        return self._do(payment.reference, lambda conn, now, twist: _present(conn, now, guid, card, expires, twist))

    def _decide(self, guid: str) -> Response:
        """The bank of somebody who pays on the page."""
        _, payment = self._open(guid)
        if request.method == "GET" or not checkouts.awaits_confirmation(payment):
            return _page("Is it you who pays?", 200 if payment.is_open else 410, BANK_FORM)
        agreed = request.form.get("decision") == "confirm"
        return self._do(payment.reference, lambda conn, now, twist: _answer(conn, now, guid, agreed, twist))

    def _authenticate(self, guid: str) -> Response:
        """The bank of somebody who was away when their card was charged."""
        due.catch_up(self.exchange.book, self.exchange.now())
        with self.exchange.book.read() as conn:
            intent = tried.intent(conn, guid)
            payment = payments.get(conn, intent["payment_id"])
        if not (payment.is_open and intent["asking"]):
            return _page("Nothing is asked any more.", 410)
        if request.method == "GET":
            return _page("Is it you who pays?", 200, BANK_FORM)
        agreed = request.form.get("decision") == "confirm"

        def decide(conn: Connection, now: datetime, twist: Fault | None) -> Reply:
            checkouts.confirm(conn, now, payment.id, agreed, twist)
            return Reply(303, location=intent["return_url"])

        return self._do(payment.reference, decide)

    def _open(self, guid: str) -> tuple[RowMapping, payments.Payment]:
        due.catch_up(self.exchange.book, self.exchange.now())
        with self.exchange.book.read() as conn:
            session = tried.session(conn, guid)
            return session, payments.get(conn, session["payment_id"])

    def _do(self, reference: str, work: Callable[[Connection, datetime, Fault | None], Reply]) -> Response:
        return send(self.exchange.carry_out(Call("pay", reference), work))


def _present(conn: Connection, now: datetime, guid: str, card: Card, expires: str, twist: Fault | None) -> Reply:
    session = tried.session(conn, guid)
    _have_intent(conn, now, session)
    if checkouts.pay(conn, now, session["payment_id"], card, expires, twist):
        return Reply(303, location=url_for("pages.decide", guid=guid))
    return _after(conn, now, guid)


def _answer(conn: Connection, now: datetime, guid: str, agreed: bool, twist: Fault | None) -> Reply:
    checkouts.confirm(conn, now, tried.session(conn, guid)["payment_id"], agreed, twist)
    return _after(conn, now, guid)


def _after(conn: Connection, now: datetime, guid: str) -> Reply:
    """Who was declined stays on the page, and tries again with another card."""
    session = tried.session(conn, guid)
    payment = payments.get(conn, session["payment_id"])
    if payment.state != "failed":
        return Reply(303, location=session["success_url"])
    book = {"amount": session["amount"], "currency": session["currency"], "description": session["description"]}
    whose = {"user_id": session["customer"], "save_method": payment.save_method}
    metadata = session["inner"].get("metadata", {})
    owner = {"session_id": guid, "intent_id": session["intent_id"]}
    following = tried.begin(conn, now, {**book, **whose}, metadata, **owner)
    change(conn, sessions, guid, payment_id=following.id)
    if session["intent_id"] is not None:
        change(conn, intents, session["intent_id"], payment_id=following.id)
    place = update(tables.checkouts).where(tables.checkouts.c.token == guid)
    conn.execute(place.values(payment_id=following.id))
    return Reply(402, body=CARD_FORM, mimetype="text/html")


def _have_intent(conn: Connection, now: datetime, session: RowMapping) -> None:
    """Stripe makes the payment of a page once somebody tries to pay; of a page over nothing there is none."""
    if session["intent_id"] is not None or session["mode"] == "setup":
        return
    guid = f"pi_{session['payment_id'][4:]}"
    shared = {name: session[name] for name in ("customer", "amount", "currency", "description", "payment_id")}
    inner = session["inner"]
    kept = {"metadata": inner.get("metadata", {}), "setup_future_usage": inner.get("setup_future_usage")}
    row = {"id": guid, "asking": False, "canceled": False, "return_url": session["success_url"], "created_at": now}
    conn.execute(insert(intents).values(**row, **shared, **kept))
    change(conn, sessions, session["id"], intent_id=guid)
    conn.execute(update(tries).where(tries.c.session_id == session["id"]).values(intent_id=guid))


def _page(text: str, status: int, form: str = "") -> Response:
    return Response(f"<!doctype html><title>Checkout</title><p>{escape(text)}</p>{form}", status, mimetype="text/html")
