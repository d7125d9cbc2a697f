"""The cardholder went to their bank: it takes the money back until it is decided whose it is."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, case, insert, select, update

from portal.demo.sandbox import payments, refunds, webhooks
from portal.demo.sandbox.orders import DisputeOrder
from portal.demo.sandbox.payments import Payment
from portal.demo.sandbox.refusal import Refusal, invalid
from portal.demo.sandbox.tables import disputes


def move(conn: Connection, now: datetime, order: DisputeOrder) -> dict[str, Any]:
    payment = payments.find(conn, order.reference)
    if payment is None or payment.taken is None:
        raise Refusal(404, "not_found", "nothing was taken under this reference")
    if order.state == "open":
        return open_(conn, now, payment, order.amount)
    return _decide(conn, now, payment, order.state, order.amount)


def open_(conn: Connection, now: datetime, payment: Payment, amount: int | None = None) -> dict[str, Any]:
    """Over all that was not given back yet, or a part of it. Opening an open one says what there is."""
    if (there := _of(conn, payment)) is not None:
        return as_json(there)
    left = (payment.taken or 0) - refunds.given_back(conn, payment.id)
    if left <= 0:
        raise invalid("all of it was given back already", "nothing_to_dispute")
    if amount is not None and amount > left:
        raise invalid(f"only {left} is left to dispute", "dispute_exceeds_payment")
    about = {"payment_id": payment.id, "reference": payment.reference, "currency": payment.currency}
    row = {"id": f"dp_{secrets.token_hex(12)}", "amount": amount or left, "state": "open", "opened_at": now, **about}
    conn.execute(insert(disputes).values(**row))
    return _tell(conn, now, payment, "opened")


def _decide(conn: Connection, now: datetime, payment: Payment, state: str, amount: int | None) -> dict[str, Any]:
    """`amount`: what the bank keeps, where that is less than what it took."""
    open_one = update(disputes).where(disputes.c.payment_id == payment.id, disputes.c.state == "open")
    part = {"amount": case((disputes.c.amount > amount, amount), else_=disputes.c.amount)} if amount else {}
    if not conn.execute(open_one.values(state=state, **part)).rowcount:
        raise invalid("there is no open dispute", "no_open_dispute")
    return _tell(conn, now, payment, state)


def _tell(conn: Connection, now: datetime, payment: Payment, what: str) -> dict[str, Any]:
    row = _of(conn, payment)
    if row is None:
        raise LookupError(payment.id)
    webhooks.announce(conn, now, f"dispute.{what}", as_json(row))
    return as_json(row)


def _of(conn: Connection, payment: Payment) -> Row[*tuple[Any, ...]] | None:
    return conn.execute(select(disputes).where(disputes.c.payment_id == payment.id)).first()


def as_json(row: Row[*tuple[Any, ...]]) -> dict[str, Any]:
    named = {"object": "dispute", "id": row.id, "reference": row.reference, "payment": row.payment_id}
    sums = {"state": row.state, "amount": row.amount, "currency": row.currency}
    return {**named, **sums, "opened_at": row.opened_at.isoformat()}


def of_payment(conn: Connection, payment: Payment) -> list[dict[str, Any]]:
    row = _of(conn, payment)
    return [as_json(row)] if row is not None else []
