"""Everything in the book, a page at a time, for whoever compares it with their own."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal

from pydantic import AwareDatetime
from sqlalchemy import Connection, RowMapping, Table, select

from portal.demo.sandbox import tables
from portal.demo.sandbox.faults import Fault
from portal.demo.sandbox.orders import Order

PAGE: Final = 500
LISTED: Final = {  # and the moment at which each was made
    "payments": (tables.payments, tables.payments.c.created_at),
    "refunds": (tables.refunds, tables.refunds.c.created_at),
    "disputes": (tables.disputes, tables.disputes.c.opened_at),
}


class ListOrder(Order):
    """`reference` says what is listed; `after` is the last id of the page before; `since` leaves out what is older."""

    reference: Literal["payments", "refunds", "disputes"]
    after: str = ""
    since: AwareDatetime | None = None


def page(conn: Connection, now: datetime, order: ListOrder, _: Fault | None) -> dict[str, Any]:
    table, made_at = LISTED[order.reference]
    rows = select(table).where(table.c.id > order.after).order_by(table.c.id).limit(PAGE)
    if order.since is not None:
        rows = rows.where(made_at >= order.since)
    found = [_as_json(table, row) for row in conn.execute(rows).mappings()]
    more = found[-1]["id"] if len(found) == PAGE else None
    return {"object": "list", "of": order.reference, "data": found, "next": more}


def _as_json(table: Table, row: RowMapping) -> dict[str, Any]:
    """Of a payment the sum that was really taken, 0 where none was."""
    payment = table is tables.payments
    said = {name: row[name] for name in ("id", "reference", "state", "currency")}
    if payment:
        return {**said, "amount": (row["taken"] or 0) if row["state"] == "succeeded" else 0, "payment": row["id"]}
    return {**said, "amount": row["amount"], "payment": row["payment_id"]}
