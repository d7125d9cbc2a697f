"""Charging a saved method while its owner is not there."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from portal.demo.sandbox import checkouts, methods, payments
from portal.demo.sandbox.cards import Challenge
from portal.demo.sandbox.faults import Fault
from portal.demo.sandbox.orders import ChargeOrder
from portal.demo.sandbox.payments import Payment
from portal.demo.sandbox.refusal import invalid
from portal.demo.sandbox.words import language


def charge(conn: Connection, now: datetime, order: ChargeOrder, twist: Fault | None) -> Payment:
    method = methods.get(conn, order.method)
    if method is None or method.customer_ref != order.customer:
        raise invalid("this customer has no such method", "no_such_method")
    asked = order.model_dump(include={"reference", "amount", "currency", "description"})
    paid_with = {"user_id": method.user_id, "card": method.card, "card_expires": method.expires, "method_id": method.id}
    payment = payments.create(conn, now, "requires_action", save_method=False, **asked, **paid_with)
    verdict = method.verdict(now)
    payments.try_card(conn, now, payment, verdict, twist)
    payment = payments.get(conn, payment.id)
    if payment.is_open and isinstance(verdict, Challenge):
        checkouts.open_confirmation(conn, payment, language(order.locale), order.return_url)
        payments.ask_customer(conn, now, payment)
    return payment
