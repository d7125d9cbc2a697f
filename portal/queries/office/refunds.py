"""Refunds as operators see them: those that wait for a decision among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, select

from portal.db import rows
from portal.domain.refund import Refund
from portal.models.invoice import InvoiceRow
from portal.models.payment import RefundRow
from portal.models.user import UserRow
from portal.queries.office import payments
from portal.queries.office.payments import PaymentFile
from portal.queries.office.people import of_customer
from portal.queries.office.records import Record
from portal.queries.pages import Page, Window, page


@dataclass(frozen=True)
class RefundListed:
    id: UUID
    payment_id: UUID
    invoice_id: UUID
    number: str
    user_id: str
    email: str | None
    reason: str
    offer: str | None
    state: str
    amount_minor: int
    currency: str
    created_at: datetime


@dataclass(frozen=True)
class RefundFile:
    refund: Refund
    paid: PaymentFile  # the payment it gives back of, with all that hangs on it
    records: Sequence[Record]  # its own, oldest first


def listed(
    window: Window,
    *,
    state: str | None = None,
    reason: str | None = None,
    in_review: bool = False,
    customer: str | None = None,
    since: UUID | None = None,
    until: UUID | None = None,
) -> Page[RefundListed]:
    """`in_review`: those that an operator has to look at. `customer`: an id or an e-mail. `since` and `until`: ids."""
    refund = RefundRow.__table__
    statement = (
        select(
            refund.c.id,
            RefundRow.payment_id,
            RefundRow.invoice_id,
            InvoiceRow.number,
            RefundRow.user_id,
            UserRow.email,
            RefundRow.reason,
            RefundRow.offer,
            RefundRow.state,
            RefundRow.amount_minor,
            RefundRow.currency,
            RefundRow.created_at,
        )
        .join(InvoiceRow, InvoiceRow.id == RefundRow.invoice_id)
        .join(UserRow, UserRow.id == RefundRow.user_id)
        .where(*_where(state, reason, in_review, customer, since, until))
    )
    return page(statement, [refund.c.id], window, lambda row: RefundListed(**row))


def find(refund_id: UUID) -> RefundFile | None:
    refund = rows.find(Refund, RefundRow.id == refund_id)
    if refund is None:
        return None
    paid = payments.find(refund.payment_id)
    assert paid is not None  # noqa: S101 - a foreign key holds it
    return RefundFile(refund, paid, [one for one in paid.records if one.entry.subject_id == refund_id])


def _where(
    state: str | None,
    reason: str | None,
    in_review: bool,
    customer: str | None,
    since: UUID | None,
    until: UUID | None,
) -> list[ColumnElement[bool]]:
    found = [
        RefundRow.state == state if state else None,
        RefundRow.reason == reason if reason else None,
        RefundRow.review_at.is_not(None) if in_review else None,
        of_customer(RefundRow.user_id, customer) if customer else None,
        RefundRow.id >= since if since else None,
        RefundRow.id < until if until else None,
    ]
    return [one for one in found if one is not None]
