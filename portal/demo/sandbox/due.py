"""What happens by itself when its moment has come: late answers, pages that run out, cardholders who complain."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, select, update

from portal.demo.sandbox import disputes, payments, refunds, tables
from portal.demo.sandbox.book import Book
from portal.demo.sandbox.cards import decline
from portal.demo.sandbox.moments import next_by_itself
from portal.demo.sandbox.payments import Payment
from portal.demo.sandbox.refunds import Refund
from portal.demo.sandbox.refusal import Refusal


def catch_up(book: Book, now: datetime) -> None:
    """Called before anything is asked or told. Looks first, so that an idle book is not locked for writing."""
    first = next_by_itself(book)
    if first is None or first > now:
        return
    with book.write() as conn:
        for payment in _payments(conn, _late_payments(now)):
            _settle_payment(conn, now, payment)
        for payment in _payments(conn, _run_out(now)):
            payments.fail(conn, now, payment, decline("checkout_expired"))
        for row in conn.execute(_late_refunds(now)).mappings().all():
            _settle_refund(conn, now, Refund(**row))
        for payment in _payments(conn, _to_dispute(now)):
            _dispute(conn, now, payment)


def _late_payments(now: datetime) -> Select[*tuple[Any, ...]]:
    return select(tables.payments).where(tables.payments.c.settles_at <= now)


def _run_out(now: datetime) -> Select[*tuple[Any, ...]]:
    open_ones = select(tables.payments).join(tables.checkouts).where(tables.payments.c.state == "requires_action")
    return open_ones.where(tables.checkouts.c.expires_at <= now)


def _late_refunds(now: datetime) -> Select[*tuple[Any, ...]]:
    return select(tables.refunds).where(tables.refunds.c.settles_at <= now)


def _to_dispute(now: datetime) -> Select[*tuple[Any, ...]]:
    return select(tables.payments).where(tables.payments.c.dispute_at <= now)


def _payments(conn: Connection, rows: Select[*tuple[Any, ...]]) -> list[Payment]:
    return [Payment(**row) for row in conn.execute(rows).mappings().all()]


def _settle_payment(conn: Connection, now: datetime, payment: Payment) -> None:
    if payment.settles_as == "succeeded":
        payments.succeed(conn, now, payment, payment.settles_taking or payment.amount)
    else:
        payments.fail(conn, now, payment, decline(payment.decline_code or "declined"))


def _settle_refund(conn: Connection, now: datetime, refund: Refund) -> None:
    why = decline(refund.decline_code or "declined") if refund.settles_as == "failed" else None
    refunds.end(conn, now, refund, refund.settles_as or "succeeded", why)


def _dispute(conn: Connection, now: datetime, payment: Payment) -> None:
    once = update(tables.payments).where(tables.payments.c.id == payment.id, tables.payments.c.dispute_at.is_not(None))
    if conn.execute(once.values(dispute_at=None)).rowcount:
        try:
            disputes.open_(conn, now, payment)
        except Refusal:
            return  # it was refunded meanwhile, so its holder has nothing to complain about
