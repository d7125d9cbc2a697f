"""Rows about money by the hundred, and the ids that rows have."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from portal.db import rows
from portal.db.session import atomic
from portal.domain.ids import new_id
from portal.domain.invoice import InvoiceLine
from tests.domain import samples
from tests.world import START, World

HOUR = timedelta(hours=1)


def read_id(world: World, query: str) -> UUID:
    """The `id` of the first row, on either engine."""
    value = world.rows(query)[0]["id"]
    return value if isinstance(value, UUID) else UUID(value)


def any_id(world: World, table: str) -> UUID:
    return read_id(world, f"SELECT id FROM {table}")  # noqa: S608 - a test's own word


def long_past(world: World, count: int) -> list[str]:
    """That many invoices, an hour apart, each paid and given back in part. Answers their numbers, newest first."""
    plan, price = samples.plan(code="old"), samples.price()
    with world.app.app_context(), atomic():
        for row in (plan, price, samples.user(), samples.subscription(state="expired")):
            rows.add(row)
        for n in range(count):
            for row in _paid(n, START - (count - n) * HOUR):
                rows.add(row)
    return [_number(n) for n in reversed(range(count))]


def _paid(n: int, at: datetime) -> tuple[Any, ...]:
    moments = {"created_at": at, "modified_at": at}
    invoice = samples.invoice("paid", id=new_id(at), number=_number(n), due_at=at, paid_at=at, **moments)
    line = _line(invoice.id, at)
    payment = samples.payment(
        "succeeded", id=new_id(at), invoice_id=invoice.id, sent_at=at, succeeded_at=at, refunded_minor=100, **moments
    )
    refund = samples.refund(
        "succeeded", id=new_id(at), invoice_id=invoice.id, payment_id=payment.id, amount_minor=100, **moments
    )
    return invoice, line, payment, refund


def _line(invoice_id: UUID, at: datetime) -> InvoiceLine:
    total = samples.SUM.minor
    return InvoiceLine(new_id(at), invoice_id, 1, {"en": "Standard"}, {"en": "Films"}, total, 1, 0, "0", total)


def _number(n: int) -> str:
    return f"M-2026-{n:06}"
