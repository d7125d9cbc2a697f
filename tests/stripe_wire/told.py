"""Stripe's events: what the book has to tell, put into Stripe's words right before it is sent."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import httpx
from sqlalchemy import Connection, Row, delete, insert, select

from portal.demo.sandbox import deliver, payments, refunds, tables
from portal.demo.sandbox.book import Book
from portal.demo.sandbox.payments import Payment
from portal.demo.sandbox.tables import webhooks as queue
from portal.providers.stripe.client import API_VERSION
from tests.stripe_wire import tried
from tests.stripe_wire.shapes import Shapes, Shown, intent_of

log = logging.getLogger(__name__)

Told = list[tuple[str, Shown]]  # types of events, each with the object it is about
SIGNATURE: Final = "Stripe-Signature"


def sign(body: bytes, secret: str, at: datetime) -> str:
    """As Stripe documents it: `t=<unix time of sending>,v1=<hex HMAC-SHA256 of "<t>.<body>">`."""
    stamp = int(at.timestamp())
    return f"t={stamp},v1={hmac.new(secret.encode(), b'%d.%s' % (stamp, body), hashlib.sha256).hexdigest()}"


class Teller(deliver.Deliverer):
    """The sandbox's deliverer, which signs as Stripe does and says what Stripe would."""

    def __init__(
        self,
        book: Book,
        url: str,
        secret: str,
        now: Callable[[], datetime],
        base: Callable[[], str],
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        super().__init__(book, url, secret, now, transport)
        self._base = base

    def _due(self, limit: int) -> list[Row[*tuple[Any, ...]]]:
        with self._book.write() as conn:
            translate(conn, self._base())
        return super()._due(limit)

    def _post(self, body: bytes, secret: str) -> int | None:
        signed = {SIGNATURE: sign(body, secret, self._now()), "Content-Type": "application/json; charset=utf-8"}
        try:
            return self._http.post(self._url, content=body, headers=signed).status_code
        except httpx.HTTPError as error:
            log.warning("webhook not delivered: %s", type(error).__name__)
            return None


def translate(conn: Connection, base: str) -> None:
    """One of the book's events may be several of Stripe's; they share its fate on the way.

    All that was announced later is told again after them, so that the queue keeps its order.
    """
    untold = select(queue).where(~queue.c.body.contains('"api_version"')).order_by(queue.c.id)
    for row in conn.execute(untold).mappings().all():
        said = json.loads(row["body"])
        same = {name: value for name, value in row.items() if name != "id"}
        conn.execute(delete(queue).where(queue.c.id == row["id"]))
        for place, (kind, about) in enumerate(_events(Shapes(conn, base), row["type"], said["data"])):
            event_id = f"{row['event_id'][:36]}_{place}" if place else row["event_id"]
            body = _body(kind, about, created=said["created"], guid=event_id)
            conn.execute(insert(queue).values({**same, "event_id": event_id, "type": kind, "body": body}))


def _body(kind: str, about: Shown, created: int, guid: str) -> str:
    return json.dumps(
        {
            "id": guid,
            "object": "event",
            "api_version": API_VERSION,
            "created": created,
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "type": kind,
            "data": {"object": about},
        }
    )


def _events(shapes: Shapes, kind: str, about: dict[str, Any]) -> Told:
    subject, _, what = kind.partition(".")
    if subject == "payment":
        return _of_payment(shapes, payments.get(shapes.conn, about["id"]), what)
    if subject == "refund":
        return _of_refund(shapes, refunds.get(shapes.conn, about["id"]), what)
    if subject == "dispute":
        return [(f"charge.dispute.{'created' if what == 'opened' else 'closed'}", _dispute(shapes, about["id"]))]
    return [("payment_method.detached", shapes.method(about["id"]) or {})]


def _of_payment(shapes: Shapes, payment: Payment, what: str) -> Told:
    session_id, row = tried.of(shapes.conn, payment.id)["session_id"], intent_of(shapes.conn, payment.id)
    session = tried.session(shapes.conn, session_id) if session_id else None
    intent = shapes.intent(row) if row is not None else None
    if session is None:
        kind = "canceled" if payment.decline_class == "closed" else INTENT[what]
        return [(f"payment_intent.{kind}", intent or {})]
    shown = shapes.session(session)
    if payment.decline_class == "closed":
        return [("checkout.session.expired", shown)]
    if session["mode"] == "setup":
        inner = (f"setup_intent.{SETUP[what]}", shapes.setup_intent(session))
    else:
        inner = (f"payment_intent.{INTENT[what]}", intent or {})
    return [inner] if what in ("failed", "requires_action") else [("checkout.session.completed", shown), inner]


INTENT: Final = {
    "succeeded": "succeeded",
    "failed": "payment_failed",
    "requires_action": "requires_action",
    "pending": "processing",
}
SETUP: Final = {"succeeded": "succeeded", "failed": "setup_failed", "pending": "requires_action"}


def _of_refund(shapes: Shapes, made: refunds.Refund, what: str) -> Told:
    shown = shapes.refund(made)
    if what == "created":
        return [("refund.created", shown)]
    if what == "failed":
        return [("refund.updated", shown), ("refund.failed", shown)]
    charge = shapes.charge(payments.get(shapes.conn, made.payment_id))
    return [("refund.updated", shown), ("charge.refunded", charge)]


def _dispute(shapes: Shapes, guid: str) -> Shown:
    found = select(tables.disputes).where(tables.disputes.c.id == guid)
    return shapes.dispute(shapes.conn.execute(found).mappings().one())
