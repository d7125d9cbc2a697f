"""Rows under lock, always in one order: user, subscription, invoice, payment, refund."""

from __future__ import annotations

from typing import TypeVar
from uuid import UUID

from sqlalchemy import select

from portal import runtime
from portal.db import rows
from portal.db.engines import referred
from portal.db.session import db
from portal.domain import cancelling
from portal.domain.errors import NotFound
from portal.domain.invoice import Invoice
from portal.domain.payment import OPEN, Payment
from portal.domain.plan import Plan
from portal.domain.quote import ChangeQuote
from portal.domain.subscription import Period, Subscription
from portal.domain.user import User
from portal.models.invoice import InvoiceRow
from portal.models.payment import PaymentRow
from portal.models.plan import PlanRow
from portal.models.quote import ChangeQuoteRow
from portal.models.subscription import NOT_OVER_STATES, PeriodRow, SubscriptionRow
from portal.models.user import UserRow

T = TypeVar("T")


def lock_user(user_id: str) -> User:
    user = rows.find(User, UserRow.id == user_id, lock=True)
    if user is None:
        raise NotFound(f"no user {user_id!r}")
    return user


def lock_group(user_id: str, group: str) -> Subscription | None:
    """The one subscription of a group that is not over."""
    return rows.find(
        Subscription,
        SubscriptionRow.user_id == user_id,
        SubscriptionRow.group == group,
        SubscriptionRow.state.in_(NOT_OVER_STATES),
        lock=True,
    )


def lock_subscription(subscription_id: UUID) -> Subscription:
    return _found(rows.find(Subscription, SubscriptionRow.id == subscription_id, lock=True))


def lock_owned(subscription_id: UUID) -> Subscription:
    """A subscription after its user, for who knows only its id. Raises NotFound."""
    owner = db.session.scalar(select(SubscriptionRow.user_id).where(SubscriptionRow.id == subscription_id))
    if owner is None:
        raise NotFound(f"no subscription {subscription_id}")
    lock_user(owner)
    return lock_subscription(subscription_id)


def subscription(subscription_id: UUID) -> Subscription:
    return _found(rows.find(Subscription, SubscriptionRow.id == subscription_id))


def lock_invoice(invoice_id: UUID) -> tuple[Subscription, Invoice, Payment | None]:
    """An invoice with what it hangs on, and its open payment."""
    invoice = _found(rows.find(Invoice, InvoiceRow.id == invoice_id))
    lock_user(invoice.user_id)
    subscription = lock_subscription(invoice.subscription_id)
    invoice = _found(rows.find(Invoice, InvoiceRow.id == invoice_id, lock=True))
    return subscription, invoice, open_payment(invoice_id)


def lock_payment(payment_id: UUID) -> tuple[Subscription, Invoice, Payment]:
    invoice_id = db.session.scalar(select(PaymentRow.invoice_id).where(PaymentRow.id == payment_id))
    if invoice_id is None:
        raise NotFound(f"no payment {payment_id}")
    subscription, invoice, _ = lock_invoice(invoice_id)
    return subscription, invoice, _found(rows.find(Payment, PaymentRow.id == payment_id, lock=True))


def open_payment(invoice_id: UUID) -> Payment | None:
    return rows.find(Payment, PaymentRow.invoice_id == invoice_id, PaymentRow.state.in_(OPEN), lock=True)


def open_purchase(subscription_id: UUID) -> Invoice | None:
    return rows.find(
        Invoice,
        InvoiceRow.subscription_id == subscription_id,
        InvoiceRow.reason == "purchase",
        InvoiceRow.state == "not_paid",
        lock=True,
    )


def unpaid_renewal(subscription_id: UUID) -> Invoice | None:
    return rows.find(
        Invoice,
        InvoiceRow.subscription_id == subscription_id,
        InvoiceRow.reason == "renewal",
        InvoiceRow.state == "not_paid",
        lock=True,
    )


def unpaid_change(subscription_id: UUID) -> Invoice | None:
    return rows.find(
        Invoice,
        InvoiceRow.subscription_id == subscription_id,
        InvoiceRow.reason == "plan_change",
        InvoiceRow.state == "not_paid",
        lock=True,
    )


def to_cancel(subscription_id: UUID) -> cancelling.Standing:
    """A subscription with everything that could still be paid for it. Raises NotFound."""
    found = lock_owned(subscription_id)
    unpaid = rows.find_all(
        Invoice,
        InvoiceRow.subscription_id == subscription_id,
        InvoiceRow.state == "not_paid",
        order=[InvoiceRow.id],
        lock=True,
    )
    with_payments = tuple((invoice, open_payment(invoice.id)) for invoice in unpaid)
    return cancelling.Standing(found, plan_of(found.plan_id), with_payments)


def quote_of(invoice_id: UUID) -> ChangeQuote | None:
    """What the change of plan was agreed to be that an invoice is for."""
    return rows.find(ChangeQuote, ChangeQuoteRow.invoice_id == invoice_id)


def periods_ahead(subscription_id: UUID) -> tuple[Period, ...]:
    """Those that are not over, in their order."""
    mine = PeriodRow.subscription_id == subscription_id, PeriodRow.revoked_at.is_(None)
    return tuple(rows.find_all(Period, *mine, PeriodRow.end > runtime.clock.now(), order=[PeriodRow.start]))


def hold_plan(code: str) -> None:
    """Until commit no operator changes or deletes what is being sold; other customers may buy it meanwhile."""
    db.session.execute(referred(select(PlanRow.id).where(PlanRow.code == code)))


def plan_of(plan_id: UUID) -> Plan:
    return _found(rows.find(Plan, PlanRow.id == plan_id))


def _found(row: T | None) -> T:
    if row is None:
        raise NotFound("no such row")
    return row
