"""Invoices as operators see them: everybody's, newest first, and one with all that hangs on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, case, exists, func, select

from portal.db import rows
from portal.db.session import db
from portal.domain.dispute import Dispute
from portal.domain.invoice import Invoice, InvoiceLine
from portal.domain.payment import Payment
from portal.domain.plan import Plan
from portal.domain.refund import Refund
from portal.domain.subscription import Period
from portal.models.invoice import InvoiceLineRow, InvoiceRow
from portal.models.messages import OutboxRow
from portal.models.payment import DisputeRow, PaymentRow, RefundRow
from portal.models.plan import PlanRow
from portal.models.subscription import PeriodRow
from portal.models.user import UserRow
from portal.queries.office.people import of_customer
from portal.queries.office.records import Record, of_subjects
from portal.queries.pages import Page, Window, page


@dataclass(frozen=True)
class InvoiceListed:
    id: UUID
    number: str
    user_id: str
    email: str | None
    plan_id: UUID
    plan_names: Mapping[str, str]
    reason: str
    state: str
    fail_reason: str | None
    total_minor: int
    currency: str
    created_at: datetime


@dataclass(frozen=True)
class EventTold:
    """An event that told others of this invoice."""

    seq: int
    id: UUID
    version: int
    type: str
    created_at: datetime
    published_at: datetime | None
    attempts: int
    last_error: str | None


@dataclass(frozen=True)
class InvoiceFile:
    invoice: Invoice
    email: str | None
    plan: Plan
    lines: Sequence[InvoiceLine]
    period: Period | None
    payments: Sequence[Payment]  # newest first
    refunds: Sequence[Refund]  # newest first
    disputes: Sequence[Dispute]  # newest first
    events: Sequence[EventTold]  # in the order in which they were written
    records: Sequence[Record]  # oldest first

    @property
    def sent(self) -> bool | None:
        """None: there was nothing to send."""
        return all(event.published_at for event in self.events) if self.events else None


def listed(
    window: Window,
    *,
    state: str | None = None,
    reason: str | None = None,
    plan_id: UUID | None = None,
    sent: str | None = None,
    customer: str | None = None,
    since: UUID | None = None,
    until: UUID | None = None,
) -> Page[InvoiceListed]:
    """`sent`: waiting or sent. `customer`: an id or an e-mail. `since` and `until`: ids."""
    invoice = InvoiceRow.__table__
    statement = (
        select(
            invoice.c.id,
            InvoiceRow.number,
            InvoiceRow.user_id,
            UserRow.email,
            InvoiceRow.plan_id,
            PlanRow.names.label("plan_names"),
            InvoiceRow.reason,
            InvoiceRow.state,
            InvoiceRow.fail_reason,
            InvoiceRow.total_minor,
            InvoiceRow.currency,
            InvoiceRow.created_at,
        )
        .join(UserRow, UserRow.id == InvoiceRow.user_id)
        .join(PlanRow, PlanRow.id == InvoiceRow.plan_id)
        .where(*_where(state, reason, plan_id, sent, customer, since, until))
    )
    return page(statement, [invoice.c.id], window, lambda row: InvoiceListed(**row))


def sent_to_queue(ids: Iterable[UUID]) -> dict[UUID, bool]:
    """Of the rows that are shown, in one statement. Those with nothing to send are left out."""
    waiting = func.max(case((OutboxRow.published_at.is_(None), 1), else_=0))
    statement = (
        select(OutboxRow.invoice_id, waiting).where(OutboxRow.invoice_id.in_(list(ids))).group_by(OutboxRow.invoice_id)
    )
    return {invoice_id: not some for invoice_id, some in db.session.execute(statement) if invoice_id}


def find(invoice_id: UUID) -> InvoiceFile | None:
    invoice = rows.find(Invoice, InvoiceRow.id == invoice_id)
    if invoice is None:
        return None
    plan = rows.find(Plan, PlanRow.id == invoice.plan_id)
    assert plan is not None  # noqa: S101 - a foreign key holds it
    payments = rows.find_all(Payment, PaymentRow.invoice_id == invoice_id, order=[PaymentRow.id.desc()])
    refunds = rows.find_all(Refund, RefundRow.invoice_id == invoice_id, order=[RefundRow.id.desc()])
    disputes = rows.find_all(Dispute, DisputeRow.invoice_id == invoice_id, order=[DisputeRow.id.desc()])
    return InvoiceFile(
        invoice=invoice,
        email=db.session.scalar(select(UserRow.email).where(UserRow.id == invoice.user_id)),
        plan=plan,
        lines=rows.find_all(InvoiceLine, InvoiceLineRow.invoice_id == invoice_id, order=[InvoiceLineRow.position]),
        period=rows.find(Period, PeriodRow.invoice_id == invoice_id),
        payments=payments,
        refunds=refunds,
        disputes=disputes,
        events=_events(invoice_id),
        records=of_subjects(
            {
                "invoice": [invoice_id],
                "payment": [p.id for p in payments],
                "refund": [r.id for r in refunds],
                "dispute": [d.id for d in disputes],
            }
        ),
    )


def _where(
    state: str | None,
    reason: str | None,
    plan_id: UUID | None,
    sent: str | None,
    customer: str | None,
    since: UUID | None,
    until: UUID | None,
) -> list[ColumnElement[bool]]:
    found = [
        InvoiceRow.state == state if state else None,
        InvoiceRow.reason == reason if reason else None,
        InvoiceRow.plan_id == plan_id if plan_id else None,
        _sent(sent) if sent else None,
        of_customer(InvoiceRow.user_id, customer) if customer else None,
        InvoiceRow.id >= since if since else None,
        InvoiceRow.id < until if until else None,
    ]
    return [one for one in found if one is not None]


def _sent(sent: str) -> ColumnElement[bool]:
    """What waits is few, and found from the queue's own end; what was sent is nearly all, and looked up row by row."""
    if sent == "waiting":
        return InvoiceRow.id.in_(select(OutboxRow.invoice_id).where(OutboxRow.published_at.is_(None)))
    mine = OutboxRow.invoice_id == InvoiceRow.id
    return exists().where(mine) & ~exists().where(mine, OutboxRow.published_at.is_(None))


def _events(invoice_id: UUID) -> list[EventTold]:
    statement = (
        select(
            OutboxRow.seq,
            OutboxRow.id,
            OutboxRow.version,
            OutboxRow.type,
            OutboxRow.created_at,
            OutboxRow.published_at,
            OutboxRow.attempts,
            OutboxRow.last_error,
        )
        .where(OutboxRow.invoice_id == invoice_id)
        .order_by(OutboxRow.seq)
    )
    return [EventTold(**row) for row in db.session.execute(statement).mappings()]
