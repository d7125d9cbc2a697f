"""Payments as operators see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, select

from portal.db import rows
from portal.db.session import db
from portal.domain.dispute import Dispute
from portal.domain.invoice import Invoice
from portal.domain.method import PaymentMethod
from portal.domain.money import Money
from portal.domain.payment import Payment
from portal.domain.plan import Price
from portal.domain.quote import ChangeQuote
from portal.domain.refund import Refund
from portal.domain.subscription import Period, Subscription
from portal.models.invoice import InvoiceLineRow, InvoiceRow
from portal.models.payment import DisputeRow, PaymentRow, RefundRow
from portal.models.plan import PriceRow
from portal.models.quote import ChangeQuoteRow
from portal.models.subscription import PeriodRow, SubscriptionRow
from portal.models.user import PaymentMethodRow, UserRow
from portal.queries.office.people import of_customer
from portal.queries.office.records import Record, of_subjects
from portal.queries.pages import Page, Window, page


@dataclass(frozen=True)
class PaymentListed:
    id: UUID
    invoice_id: UUID
    number: str
    user_id: str
    email: str | None
    provider: str
    provider_ref: str | None
    state: str
    decline_kind: str | None
    review_at: datetime | None
    amount_minor: int
    currency: str
    created_at: datetime
    method_title: str | None


@dataclass(frozen=True)
class PaymentFile:
    payment: Payment
    invoice: Invoice
    subscription: Subscription
    email: str | None
    names: Mapping[str, str]  # of what was bought, as frozen on the invoice
    price: Money | None  # of one interval, by the row that `why` names
    period: Period | None  # the time it bought
    better: bool  # it bought a better plan for time that was paid for before, and that plan runs
    method: PaymentMethod | None
    refunds: Sequence[Refund]  # newest first
    disputes: Sequence[Dispute]  # newest first
    records: Sequence[Record]  # oldest first

    @property
    def buys_time(self) -> bool:
        """Giving it back can touch access: there is time that this payment, and no other, has bought."""
        bought = self.payment.state == "succeeded" and self.period is not None and self.period.revoked_at is None
        return bought and self.subscription.live


def listed(
    window: Window,
    *,
    state: str | None = None,
    in_review: bool = False,
    provider: str | None = None,
    customer: str | None = None,
    since: UUID | None = None,
    until: UUID | None = None,
) -> Page[PaymentListed]:
    """`in_review`: those that an operator has to look at. `customer`: an id or an e-mail. `since`, `until`: ids."""
    payment = PaymentRow.__table__
    statement = (
        select(
            payment.c.id,
            PaymentRow.invoice_id,
            InvoiceRow.number,
            PaymentRow.user_id,
            UserRow.email,
            PaymentRow.provider,
            PaymentRow.provider_ref,
            PaymentRow.state,
            PaymentRow.decline_kind,
            PaymentRow.review_at,
            PaymentRow.amount_minor,
            PaymentRow.currency,
            PaymentRow.created_at,
            PaymentMethodRow.title.label("method_title"),
        )
        .join(InvoiceRow, InvoiceRow.id == PaymentRow.invoice_id)
        .join(UserRow, UserRow.id == PaymentRow.user_id)
        .outerjoin(PaymentMethodRow, PaymentMethodRow.id == PaymentRow.payment_method_id)
        .where(*_where(state, in_review, provider, customer, since, until))
    )
    return page(statement, [payment.c.id], window, lambda row: PaymentListed(**row))


def find(payment_id: UUID) -> PaymentFile | None:
    payment = rows.find(Payment, PaymentRow.id == payment_id)
    if payment is None:
        return None
    invoice = rows.find(Invoice, InvoiceRow.id == payment.invoice_id)
    subscription = rows.find(Subscription, SubscriptionRow.id == payment.subscription_id)
    assert invoice is not None and subscription is not None  # noqa: S101 - foreign keys hold them
    refunds = rows.find_all(Refund, RefundRow.payment_id == payment_id, order=[RefundRow.id.desc()])
    disputes = rows.find_all(Dispute, DisputeRow.payment_id == payment_id, order=[DisputeRow.id.desc()])
    return PaymentFile(
        payment=payment,
        invoice=invoice,
        subscription=subscription,
        email=db.session.scalar(select(UserRow.email).where(UserRow.id == payment.user_id)),
        names=_names(invoice.id),
        price=_price(payment),
        period=rows.find(Period, PeriodRow.invoice_id == invoice.id),
        better=_better(payment, subscription),
        method=_method(payment.payment_method_id),
        refunds=refunds,
        disputes=disputes,
        records=of_subjects(
            {"payment": [payment_id], "refund": [one.id for one in refunds], "dispute": [one.id for one in disputes]}
        ),
    )


def _where(
    state: str | None,
    in_review: bool,
    provider: str | None,
    customer: str | None,
    since: UUID | None,
    until: UUID | None,
) -> list[ColumnElement[bool]]:
    found = [
        PaymentRow.state == state if state else None,
        PaymentRow.review_at.is_not(None) if in_review else None,
        PaymentRow.provider == provider if provider else None,
        _of_customer(customer) if customer else None,
        PaymentRow.id >= since if since else None,
        PaymentRow.id < until if until else None,
    ]
    return [one for one in found if one is not None]


def _of_customer(typed: str) -> ColumnElement[bool]:
    """Through the invoices, which are found by their customer."""
    return PaymentRow.invoice_id.in_(select(InvoiceRow.id).where(of_customer(InvoiceRow.user_id, typed)))


def _names(invoice_id: UUID) -> Mapping[str, str]:
    first = InvoiceLineRow.invoice_id == invoice_id, InvoiceLineRow.position == 1
    names: Mapping[str, str] = db.session.scalars(select(InvoiceLineRow.names).where(*first)).one()
    return names


def _better(payment: Payment, subscription: Subscription) -> bool:
    quoted = rows.find(ChangeQuote, ChangeQuoteRow.invoice_id == payment.invoice_id)
    runs = quoted is not None and (quoted.plan_id, quoted.price_id) == (subscription.plan_id, subscription.price_id)
    return quoted is not None and runs and quoted.bettered and subscription.live and payment.state == "succeeded"


def _price(payment: Payment) -> Money | None:
    try:
        price_id = UUID(str(payment.why.get("price_id")))
    except ValueError:
        return None
    price = rows.find(Price, PriceRow.id == price_id)
    return price.amount if price else None


def _method(method_id: UUID | None) -> PaymentMethod | None:
    return rows.find(PaymentMethod, PaymentMethodRow.id == method_id) if method_id else None
