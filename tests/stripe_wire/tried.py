"""A try to take money: a payment of the book, and whose it is. Several may belong to one intent."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Table, insert, select, update

from portal.demo.sandbox import payments
from portal.demo.sandbox.payments import Payment
from tests.stripe_wire.errors import no_such
from tests.stripe_wire.tables import intents, sessions, tries

REFERENCE = "matinee_reference"


def begin(conn: Connection, now: datetime, about: dict[str, Any], metadata: dict[str, Any], **owner: str) -> Payment:
    """`about` is the book's own: amount, currency, description, user_id, save_method and, of a saved one, its card."""
    reference = metadata.get(REFERENCE, "none-of-ours")
    payment = payments.create(conn, now, "requires_action", reference=reference, **about)
    conn.execute(insert(tries).values(payment_id=payment.id, metadata=metadata, **owner))
    return payment


def of(conn: Connection, payment_id: str) -> RowMapping:
    return conn.execute(select(tries).where(tries.c.payment_id == payment_id)).mappings().one()


def session(conn: Connection, guid: str, param: str = "id") -> RowMapping:
    return _one(conn, sessions, guid, "checkout.session", param)


def intent(conn: Connection, guid: str, param: str = "intent") -> RowMapping:
    return _one(conn, intents, guid, "payment_intent", param)


def change(conn: Connection, table: Table, guid: str, **values: Any) -> None:
    conn.execute(update(table).where(table.c.id == guid).values(**values))


def _one(conn: Connection, table: Table, guid: str, kind: str, param: str) -> RowMapping:
    row = conn.execute(select(table).where(table.c.id == guid)).mappings().first()
    if row is None:
        raise no_such(kind, guid, param)
    return row
