"""The JSON API, version 1, as a table of calls. Calls that create something take an `Idempotency-Key`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from flask import Blueprint, Response, request
from sqlalchemy import Connection

from portal.demo.sandbox import charges, checkouts, disputes, keys, listing, methods, orders, payments, refunds, reply
from portal.demo.sandbox.access import only_for
from portal.demo.sandbox.exchange import Call, Exchange
from portal.demo.sandbox.faults import Fault
from portal.demo.sandbox.orders import ChargeOrder, CheckoutOrder, DetachOrder, Order, RefundOrder
from portal.demo.sandbox.payments import Payment
from portal.demo.sandbox.refunds import Refund
from portal.demo.sandbox.refusal import Refusal, invalid
from portal.demo.sandbox.silence import send

KEY: Final = re.compile(r"[\x21-\x7e]{1,200}")
Result = Payment | Refund | dict[str, Any]
Act = Callable[[Connection, datetime, Any, Fault | None], Result]


@dataclass(frozen=True)
class Offer:
    """One call: where it is found, what the fault plan calls it, what is sent, and what it does."""

    method: str
    path: str
    operation: str
    shape: type[Order]
    act: Act


def _close(conn: Connection, now: datetime, order: Order, _: Fault | None) -> Result:
    return checkouts.close(conn, now, order.reference)


def _find_payment(conn: Connection, now: datetime, order: Order, _: Fault | None) -> Result:
    return _there(payments.find(conn, order.reference))


def _find_refund(conn: Connection, now: datetime, order: Order, _: Fault | None) -> Result:
    return _there(refunds.find(conn, order.reference))


def _money_back(conn: Connection, now: datetime, order: Order, _: Fault | None) -> Result:
    """Every refund and dispute of a payment, whoever made it."""
    payment = payments.find(conn, order.reference)
    if payment is None:
        raise Refusal(404, "not_found", "there is nothing with this reference")
    return {
        "object": "money_back",
        "reference": order.reference,
        "refunds": [refunds.as_json(one) for one in refunds.of_payment(conn, payment.id)],
        "disputes": disputes.of_payment(conn, payment),
    }


def _detach(conn: Connection, now: datetime, order: DetachOrder, _: Fault | None) -> Result:
    methods.detach(conn, now, order.reference)
    return {"object": "method", "id": order.reference, "detached": True}


def _there(found: Result | None) -> Result:
    if found is None:
        raise Refusal(404, "not_found", "there is nothing with this reference")
    return found


OFFERS: Final = (
    Offer("POST", "/checkouts", "start_checkout", CheckoutOrder, checkouts.start),
    Offer("POST", "/checkouts/close", "close_checkout", Order, _close),
    Offer("POST", "/charges", "charge", ChargeOrder, charges.charge),
    Offer("POST", "/refunds", "refund", RefundOrder, refunds.refund),
    Offer("GET", "/payments", "find", Order, _find_payment),
    Offer("GET", "/refunds", "find", Order, _find_refund),
    Offer("GET", "/money_back", "find", Order, _money_back),
    Offer("GET", "/list", "list", listing.ListOrder, listing.page),
    Offer("POST", "/methods/detach", "detach", DetachOrder, _detach),
)


def blueprint(exchange: Exchange, api_key: str, public_base: str) -> Blueprint:
    api = Blueprint("api", __name__, url_prefix="/v1")
    only_for(api, api_key)
    for offer in OFFERS:
        name = f"{offer.method} {offer.path}".replace("/", "_")
        api.add_url_rule(offer.path, name, _view(exchange, offer, public_base), methods=[offer.method])
    return api


def _view(exchange: Exchange, offer: Offer, public_base: str) -> Callable[[], Response]:
    def work(order: Order, conn: Connection, now: datetime, twist: Fault | None) -> reply.Reply:
        return reply.as_json(200, _shown(conn, offer.act(conn, now, order, twist), public_base))

    def view() -> Response:
        body = request.get_data() if offer.method == "POST" else json.dumps(request.args.to_dict()).encode()
        order = orders.read(offer.shape, body)
        call = Call(offer.operation, order.reference, _key(), keys.fingerprint(request.path, body))
        return send(exchange.carry_out(call, lambda conn, now, twist: work(order, conn, now, twist)))

    return view


def _key() -> str | None:
    """A search changes nothing, so it has no use for a key."""
    key = request.headers.get("Idempotency-Key") if request.method == "POST" else None
    if key is not None and not KEY.fullmatch(key):
        raise invalid("Idempotency-Key: 1 to 200 printable ASCII characters")
    return key


def _shown(conn: Connection, result: Result, public_base: str) -> dict[str, Any]:
    if isinstance(result, Payment):
        return payments.as_json(conn, result, public_base)
    return refunds.as_json(result) if isinstance(result, Refund) else result
