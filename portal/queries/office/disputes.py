"""Disputes as operators see them: what banks have taken back, or may take."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, select

from portal.models.invoice import InvoiceRow
from portal.models.payment import DisputeRow
from portal.models.user import UserRow
from portal.queries.office.people import of_customer
from portal.queries.pages import Page, Window, page


@dataclass(frozen=True)
class DisputeListed:
    id: UUID
    payment_id: UUID
    invoice_id: UUID
    number: str
    user_id: str
    email: str | None
    provider: str
    provider_ref: str
    state: str
    amount_minor: int
    currency: str
    opened_at: datetime
    decided_at: datetime | None


def listed(
    window: Window,
    *,
    state: str | None = None,
    customer: str | None = None,
    since: UUID | None = None,
    until: UUID | None = None,
) -> Page[DisputeListed]:
    """In the order in which we heard of them. `customer`: an id or an e-mail. `since` and `until`: ids."""
    dispute = DisputeRow.__table__
    statement = (
        select(
            dispute.c.id,
            DisputeRow.payment_id,
            DisputeRow.invoice_id,
            InvoiceRow.number,
            DisputeRow.user_id,
            UserRow.email,
            DisputeRow.provider,
            DisputeRow.provider_ref,
            DisputeRow.state,
            DisputeRow.amount_minor,
            DisputeRow.currency,
            DisputeRow.opened_at,
            DisputeRow.decided_at,
        )
        .join(InvoiceRow, InvoiceRow.id == DisputeRow.invoice_id)
        .join(UserRow, UserRow.id == DisputeRow.user_id)
        .where(*_where(state, customer, since, until))
    )
    return page(statement, [dispute.c.id], window, lambda row: DisputeListed(**row))


def _where(
    state: str | None, customer: str | None, since: UUID | None, until: UUID | None
) -> list[ColumnElement[bool]]:
    found = [
        DisputeRow.state == state if state else None,
        of_customer(DisputeRow.user_id, customer) if customer else None,
        DisputeRow.id >= since if since else None,
        DisputeRow.id < until if until else None,
    ]
    return [one for one in found if one is not None]
