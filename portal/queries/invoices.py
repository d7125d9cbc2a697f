"""Invoices as pages and the API show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, func, select

from portal.db import rows
from portal.db.session import db
from portal.domain.invoice import Invoice, InvoiceLine
from portal.domain.payment import Payment
from portal.domain.plan import Plan
from portal.domain.refund import Refund
from portal.domain.subscription import Period
from portal.models.invoice import InvoiceLineRow, InvoiceRow
from portal.models.messages import OutboxRow
from portal.models.payment import PaymentRow, RefundRow
from portal.models.plan import PlanRow
from portal.models.subscription import PeriodRow
from portal.models.user import PaymentMethodRow


@dataclass(frozen=True)
class InvoiceEntry:
    """One line of a list."""

    invoice: Invoice
    plan_code: str
    names: Mapping[str, str]  # as frozen on the invoice
    start: datetime | None
    end: datetime | None


@dataclass(frozen=True)
class InvoiceDetail:
    invoice: Invoice
    plan: Plan
    lines: Sequence[InvoiceLine]
    period: Period | None
    payments: Sequence[Payment]  # newest first
    refunds: Sequence[Refund]
    method_title: str | None  # of the payment that succeeded
    sent_to_queue: bool | None  # None: nothing had to be sent

    @property
    def last_payment(self) -> Payment | None:
        return self.payments[0] if self.payments else None


def page_of_user(
    user_id: str, *, limit: int, offset: int, plan_code: str | None = None
) -> tuple[list[InvoiceEntry], int]:
    """A page, newest first, and how many there are in all. Only ever counts one user's rows."""
    where = [InvoiceRow.user_id == user_id]
    if plan_code is not None:
        where.append(PlanRow.code == plan_code)
    total = db.session.scalar(
        select(func.count()).select_from(InvoiceRow).join(PlanRow, PlanRow.id == InvoiceRow.plan_id).where(*where)
    )
    found = db.session.execute(_entries(*where).limit(limit).offset(offset)).mappings()
    return [_entry(row) for row in found], total or 0


def detail(invoice_id: UUID, user_id: str) -> InvoiceDetail | None:
    """None: unknown, or somebody else's."""
    invoice = rows.find(Invoice, InvoiceRow.id == invoice_id, InvoiceRow.user_id == user_id)
    if invoice is None:
        return None
    plan = rows.find(Plan, PlanRow.id == invoice.plan_id)
    assert plan is not None  # noqa: S101 - a foreign key holds it
    payments = rows.find_all(
        Payment, PaymentRow.invoice_id == invoice.id, order=[PaymentRow.created_at.desc(), PaymentRow.id.desc()]
    )
    return InvoiceDetail(
        invoice=invoice,
        plan=plan,
        lines=rows.find_all(InvoiceLine, InvoiceLineRow.invoice_id == invoice.id, order=[InvoiceLineRow.position]),
        period=rows.find(Period, PeriodRow.invoice_id == invoice.id),
        payments=payments,
        refunds=rows.find_all(Refund, RefundRow.invoice_id == invoice.id, order=[RefundRow.created_at.desc()]),
        method_title=_method_title(payments),
        sent_to_queue=_sent_to_queue(invoice.id),
    )


def _entries(*where: ColumnElement[bool]) -> Select[Any]:
    first_line = (InvoiceLineRow.invoice_id == InvoiceRow.id) & (InvoiceLineRow.position == 1)
    return (
        select(InvoiceRow.__table__, PlanRow.code, InvoiceLineRow.names, PeriodRow.start, PeriodRow.end)
        .join(PlanRow, PlanRow.id == InvoiceRow.plan_id)
        .join(InvoiceLineRow, first_line)
        .outerjoin(PeriodRow, PeriodRow.invoice_id == InvoiceRow.id)
        .where(*where)
        .order_by(InvoiceRow.created_at.desc(), InvoiceRow.id.desc())
    )


def _entry(row: Mapping[Any, Any]) -> InvoiceEntry:
    return InvoiceEntry(
        invoice=rows.read_from(Invoice, InvoiceRow.__table__, row),
        plan_code=row[PlanRow.code],
        names=row[InvoiceLineRow.names],
        start=row[PeriodRow.start],
        end=row[PeriodRow.end],
    )


def _method_title(payments: Sequence[Payment]) -> str | None:
    ids = [p.payment_method_id for p in payments if p.state == "succeeded" and p.payment_method_id]
    if not ids:
        return None
    return db.session.scalar(select(PaymentMethodRow.title).where(PaymentMethodRow.id == ids[0]))


def _sent_to_queue(invoice_id: UUID) -> bool | None:
    mine = OutboxRow.invoice_id == invoice_id
    waiting = exists().where(mine, OutboxRow.published_at.is_(None))
    row = db.session.execute(select(exists().where(mine), waiting)).one()
    return None if not row[0] else not row[1]
