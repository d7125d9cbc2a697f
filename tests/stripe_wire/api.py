"""Stripe's API, version 1, as a table of calls. What a call may be sent is what the installed SDK declares for it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from flask import Blueprint, Response, request
from sqlalchemy import Connection
from stripe.params import (
    CustomerCreateParams,
    DisputeListParams,
    PaymentIntentCancelParams,
    PaymentIntentConfirmParams,
    PaymentIntentCreateParams,
    PaymentIntentListParams,
    PaymentIntentRetrieveParams,
    PaymentIntentUpdateParams,
    PaymentMethodDetachParams,
    PaymentMethodRetrieveParams,
    RefundCreateParams,
    RefundListParams,
    RefundRetrieveParams,
)
from stripe.params.checkout import (
    SessionCreateParams,
    SessionExpireParams,
    SessionListParams,
    SessionRetrieveParams,
)

from portal.demo.sandbox import keys, reply
from portal.demo.sandbox.exchange import Call, Exchange
from portal.demo.sandbox.faults import Fault
from portal.demo.sandbox.reply import Reply
from portal.demo.sandbox.silence import send
from portal.providers.stripe.client import API_VERSION
from tests.stripe_wire import lists, params, pays, tried
from tests.stripe_wire.errors import Refused, no_such, translated
from tests.stripe_wire.shapes import Shapes, Shown, expanded
from tests.stripe_wire.tried import REFERENCE

Given = dict[str, Any]
BREAKS: Final = "stripe_wire.breaks"  # in the environment of a request that is done and answered 500


@dataclass(frozen=True)
class Asked:
    """One call that is really carried out."""

    conn: Connection
    now: datetime
    guid: str
    given: Given
    twist: Fault | None
    shapes: Shapes
    largest: int

    def session(self, row: Mapping[str, Any]) -> Shown:
        return self.shapes.session(row)  # type: ignore[arg-type]  # a row is one

    def intent(self, row: Mapping[str, Any]) -> Shown:
        return self.shapes.intent(row)  # type: ignore[arg-type]  # a row is one


def _create_customer(asked: Asked) -> Shown:
    return asked.shapes.customer(pays.customer(asked.conn, asked.now, asked.given))


def _create_session(asked: Asked) -> Shown:
    return asked.session(pays.start(asked.conn, asked.now, asked.given, asked.twist))


def _session(asked: Asked) -> Shown:
    return asked.session(tried.session(asked.conn, asked.guid))


def _expire(asked: Asked) -> Shown:
    return asked.session(pays.expire(asked.conn, asked.now, asked.guid))


def _create_intent(asked: Asked) -> Shown:
    return asked.intent(pays.create(asked.conn, asked.now, asked.given, asked.twist))


def _intent(asked: Asked) -> Shown:
    return asked.intent(tried.intent(asked.conn, asked.guid))


def _update(asked: Asked) -> Shown:
    return asked.intent(pays.update(asked.conn, asked.now, asked.guid, asked.given))


def _confirm(asked: Asked) -> Shown:
    return asked.intent(pays.confirm(asked.conn, asked.now, asked.guid, asked.given, asked.twist))


def _cancel(asked: Asked) -> Shown:
    return asked.intent(pays.cancel(asked.conn, asked.now, asked.guid))


def _create_refund(asked: Asked) -> Shown:
    return asked.shapes.refund(pays.refund(asked.conn, asked.now, asked.given, asked.twist))


def _refund(asked: Asked) -> Shown:
    found = [one for one in lists.ALL["refunds"](asked.shapes) if one["id"] == asked.guid]
    if not found:
        raise no_such("refund", asked.guid)
    return found[0]


def _method(asked: Asked) -> Shown:
    return asked.shapes.method(pays.saved_method(asked.conn, asked.guid).id) or {}


def _detach(asked: Asked) -> Shown:
    return asked.shapes.method(pays.detach(asked.conn, asked.now, asked.guid)) or {}


def _list(address: str) -> Callable[[Asked], Shown]:
    return lambda asked: lists.page(asked.shapes, asked.given, address, asked.largest)


@dataclass(frozen=True)
class Offer:
    """One call: where it is found, what the fault plan calls it, what may be sent, and what it does."""

    method: str
    path: str
    operation: str
    declared: type
    act: Callable[[Asked], Shown]


OTHER: Final = "other"  # no fault of the plan is meant for it
OFFERS: Final = (
    Offer("POST", "/customers", OTHER, CustomerCreateParams, _create_customer),
    Offer("POST", "/checkout/sessions", "start_checkout", SessionCreateParams, _create_session),
    Offer("GET", "/checkout/sessions", "find", SessionListParams, _list("checkout/sessions")),
    Offer("GET", "/checkout/sessions/<guid>", "find", SessionRetrieveParams, _session),
    Offer("POST", "/checkout/sessions/<guid>/expire", "close_checkout", SessionExpireParams, _expire),
    Offer("POST", "/payment_intents", "charge", PaymentIntentCreateParams, _create_intent),
    Offer("GET", "/payment_intents", "find", PaymentIntentListParams, _list("payment_intents")),
    Offer("GET", "/payment_intents/<guid>", "find", PaymentIntentRetrieveParams, _intent),
    Offer("POST", "/payment_intents/<guid>", OTHER, PaymentIntentUpdateParams, _update),
    Offer("POST", "/payment_intents/<guid>/confirm", "charge", PaymentIntentConfirmParams, _confirm),
    Offer("POST", "/payment_intents/<guid>/cancel", "close_checkout", PaymentIntentCancelParams, _cancel),
    Offer("POST", "/refunds", "refund", RefundCreateParams, _create_refund),
    Offer("GET", "/refunds", "find", RefundListParams, _list("refunds")),
    Offer("GET", "/refunds/<guid>", "find", RefundRetrieveParams, _refund),
    Offer("GET", "/disputes", "find", DisputeListParams, _list("disputes")),
    Offer("GET", "/payment_methods/<guid>", "find", PaymentMethodRetrieveParams, _method),
    Offer("POST", "/payment_methods/<guid>/detach", "detach", PaymentMethodDetachParams, _detach),
)


@dataclass
class Api:
    exchange: Exchange
    api_key: str
    base: Callable[[], str]
    largest: int = lists.MOST

    def blueprint(self) -> Blueprint:
        api = Blueprint("api", __name__, url_prefix="/v1")
        api.before_request(self._check)
        api.register_error_handler(Refused, lambda refused: _sent(Reply(refused.status, _json(refused.as_json()))))
        for offer in OFFERS:
            name = f"{offer.method}{offer.path}".translate(str.maketrans("/<>", "___"))
            api.add_url_rule(offer.path, name, self._view(offer), methods=[offer.method])
        return api

    def _check(self) -> None:
        if request.headers.get("Authorization") != f"Bearer {self.api_key}":
            raise Refused(401, None, "Invalid API Key provided: sk_test_****")
        if request.headers.get("Stripe-Version") != API_VERSION:
            raise Refused(400, None, f"this counterpart speaks version {API_VERSION}")

    def _view(self, offer: Offer) -> Callable[..., Response]:
        def view(guid: str = "") -> Response:
            pairs = (request.form if offer.method == "POST" else request.args).items(multi=True)
            given = params.check(params.read(pairs), offer.declared)
            call = self._call(offer, guid, given)
            answer = self.exchange.carry_out(
                call, lambda conn, now, twist: self._do(offer, guid, given, conn, now, twist)
            )
            return _sent(translated(answer))

        return view

    def _call(self, offer: Offer, guid: str, given: Given) -> Call:
        reference = given.get("metadata", {}).get(REFERENCE)
        if offer.method != "POST":
            return Call(offer.operation, reference)
        key = request.headers.get("Idempotency-Key")
        off_session = "off_session" in given or not offer.path.endswith("/confirm")
        print_ = keys.fingerprint(request.path, json.dumps(given).encode())
        return Call(offer.operation if off_session else OTHER, reference, key, print_)

    def _do(self, offer: Offer, guid: str, given: Given, conn: Connection, now: datetime, twist: Fault | None) -> Reply:
        shapes = Shapes(conn, self.base())
        asked = Asked(conn, now, guid, given, twist, shapes, self.largest)
        try:
            shown = expanded(shapes, offer.act(asked), given.get("expand", []))
        except Refused as refused:
            if not refused.begun:
                raise
            return reply.as_json(refused.status, refused.as_json())
        if BREAKS in request.environ:
            return reply.broken()
        if offer.operation == "charge" and shown["status"] == "requires_payment_method":
            return reply.as_json(402, {"error": {**shown["last_payment_error"], "payment_intent": shown}})
        return reply.as_json(200, shown)


def _json(body: dict[str, object]) -> str:
    return json.dumps(body)


def _sent(answer: Reply) -> Response:
    response = send(answer)
    response.headers["Request-Id"] = f"req_{secrets.token_hex(7)}"
    return response
