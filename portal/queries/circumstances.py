"""What led to an invoice: what the customer had agreed to, switched on or chosen by then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import exists, or_, select

from portal.db import rows
from portal.db.session import db
from portal.domain.invoice import Invoice
from portal.domain.money import Money
from portal.domain.quote import ChangeQuote
from portal.models.history import HistoryRow
from portal.models.invoice import InvoiceRow
from portal.models.plan import PlanRow, PriceRow
from portal.models.quote import ChangeQuoteRow, PriceMoveRow
from portal.models.subscription import SubscriptionRow
from portal.models.user import ConsentRow

GIVES_TIME = ("first_paid", "trial_started", "trial_converted", "prolonged", "renewed", "recovered", "plan_changed")


@dataclass(frozen=True)
class PriceMoved:
    old: Money
    since: datetime


@dataclass(frozen=True)
class PlanChange:
    quote: ChangeQuote
    old_names: Mapping[str, str]  # of the plan before


@dataclass(frozen=True)
class Circumstances:
    granted: str | None = None  # the subscription's event in the commit that paid the invoice
    after_trial: bool = False  # it is the first charge after a trial
    agreed_at: datetime | None = None  # the customer allowed renewals
    switched_on: tuple[datetime, str] | None = None  # renewal, when and by whom: after it was agreed to
    price_moved: PriceMoved | None = None  # another price than the subscription was sold at before
    change: PlanChange | None = None  # of which it is the price, or with which its plan came


def of_invoice(invoice: Invoice) -> Circumstances:
    agreed_at = _agreed_at(invoice)
    trial_end = db.session.scalar(
        select(SubscriptionRow.trial_end).where(SubscriptionRow.id == invoice.subscription_id)
    )
    return Circumstances(
        granted=_granted(invoice),
        after_trial=invoice.reason == "renewal" and trial_end == invoice.due_at,
        agreed_at=agreed_at,
        switched_on=_switched_on(invoice, agreed_at),
        price_moved=_price_moved(invoice),
        change=_change(invoice),
    )


def _granted(invoice: Invoice) -> str | None:
    if invoice.paid_at is None:
        return None
    return db.session.scalar(
        select(HistoryRow.event)
        .where(
            HistoryRow.kind == "subscription",
            HistoryRow.subject_id == invoice.subscription_id,
            HistoryRow.at == invoice.paid_at,
            HistoryRow.event.in_(GIVES_TIME),
        )
        .order_by(HistoryRow.seq.desc())
        .limit(1)
    )


def _agreed_at(invoice: Invoice) -> datetime | None:
    """The last time before it: with an order of this subscription, or with a card that was saved for all of them."""
    of_this = select(InvoiceRow.id).where(InvoiceRow.subscription_id == invoice.subscription_id)
    return db.session.scalar(
        select(ConsentRow.at)
        .where(
            ConsentRow.user_id == invoice.user_id,
            ConsentRow.kind == "renewal",
            ConsentRow.given,
            ConsentRow.at <= invoice.created_at,
            or_(ConsentRow.invoice_id.in_(of_this), ConsentRow.invoice_id.is_(None)),
        )
        .order_by(ConsentRow.at.desc())
        .limit(1)
    )


def _switched_on(invoice: Invoice, agreed_at: datetime | None) -> tuple[datetime, str] | None:
    row = db.session.execute(
        select(HistoryRow.at, HistoryRow.actor)
        .where(
            HistoryRow.kind == "subscription",
            HistoryRow.subject_id == invoice.subscription_id,
            HistoryRow.event == "resumed",
            HistoryRow.at <= invoice.created_at,
            *([HistoryRow.at > agreed_at] if agreed_at else []),
        )
        .order_by(HistoryRow.seq.desc())
        .limit(1)
    ).one_or_none()
    return (row.at, row.actor) if row else None


def _price_moved(invoice: Invoice) -> PriceMoved | None:
    before = exists().where(
        InvoiceRow.subscription_id == invoice.subscription_id,
        InvoiceRow.price_id == PriceMoveRow.from_price_id,
        InvoiceRow.created_at < invoice.created_at,
    )
    row = db.session.execute(
        select(PriceRow.amount_minor, PriceRow.currency, PriceMoveRow.starts_at)
        .join(PriceRow, PriceRow.id == PriceMoveRow.from_price_id)
        .where(PriceMoveRow.to_price_id == invoice.price_id, PriceMoveRow.starts_at <= invoice.due_at, before)
        .order_by(PriceMoveRow.starts_at.desc())
        .limit(1)
    ).one_or_none()
    return PriceMoved(Money(row.amount_minor, row.currency), row.starts_at) if row else None


def _change(invoice: Invoice) -> PlanChange | None:
    """Its own, or the last one by which the subscription had come to this plan."""
    paid = ChangeQuoteRow.invoice_id == invoice.id
    led_to = (
        ChangeQuoteRow.subscription_id == invoice.subscription_id,
        ChangeQuoteRow.plan_id == invoice.plan_id,
        ChangeQuoteRow.used_at <= invoice.created_at,
    )
    wanted: tuple[Any, ...] = (paid,) if invoice.reason == "plan_change" else led_to
    newest = [ChangeQuoteRow.used_at.desc()]
    found = rows.find_all(ChangeQuote, *wanted, order=newest, limit=1)
    if not found:
        return None
    return PlanChange(found[0], _names(found[0].from_plan_id))


def _names(plan_id: UUID) -> Mapping[str, str]:
    names: Mapping[str, str] = db.session.scalars(select(PlanRow.names).where(PlanRow.id == plan_id)).one()
    return names
