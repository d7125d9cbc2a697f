"""Subscriptions as operators see them: everybody's, newest first, and what hangs on one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select

from portal.db import rows
from portal.db.session import db
from portal.domain.invoice import Invoice
from portal.domain.money import Money
from portal.domain.plan import Plan, Price
from portal.domain.policy import Policy
from portal.domain.subscription import Period, Subscription
from portal.models.invoice import InvoiceRow
from portal.models.payment import PaymentRow
from portal.models.plan import PlanRow, PriceRow
from portal.models.subscription import PeriodRow, SubscriptionRow
from portal.models.user import UserRow
from portal.queries.office.people import of_customer
from portal.queries.pages import Page, Window, page
from portal.queries.subscriptions import NextStep, next_step

LATEST = 60  # five years of months; lists show the rest


@dataclass(frozen=True)
class SubscriptionListed:
    subscription: Subscription
    email: str | None
    plan: Plan
    price: Money  # of one interval, as it was sold
    next: NextStep | None


@dataclass(frozen=True)
class Behind:
    """What a subscription's states come from: the time it had and what was asked for it, newest first."""

    periods: Sequence[Period]  # also those whose money was given back
    invoices: Sequence[Invoice]
    tries: Mapping[UUID, int]  # payments by invoice


def in_review(subscription_id: UUID) -> list[UUID]:
    """Its payments that a person has to look at."""
    waiting = PaymentRow.subscription_id == subscription_id, PaymentRow.review_at.is_not(None)
    return list(db.session.scalars(select(PaymentRow.id).where(*waiting).order_by(PaymentRow.id)))


def listed(
    window: Window,
    policy: Policy,
    *,
    state: str | None = None,
    plan_id: UUID | None = None,
    renews: bool | None = None,
    parked: bool | None = None,
    customer: str | None = None,
    since: UUID | None = None,
    until: UUID | None = None,
) -> Page[SubscriptionListed]:
    """`customer`: an id or an e-mail. `since` and `until`: ids."""
    subscription, plan, price = SubscriptionRow.__table__, PlanRow.__table__, PriceRow.__table__
    statement = (
        select(subscription, plan, price, UserRow.email)
        .join(plan, plan.c.id == subscription.c.plan_id)
        .join(price, price.c.id == subscription.c.price_id)
        .join(UserRow, UserRow.id == subscription.c.user_id)
        .where(*_where(state, plan_id, renews, parked, customer, since, until))
    )

    def read(row: Mapping[object, object]) -> SubscriptionListed:
        found = rows.read_from(Subscription, subscription, row)
        of_plan, amount = rows.read_from(Plan, plan, row), rows.read_from(Price, price, row).amount
        email = row["email"]
        assert email is None or isinstance(email, str)  # noqa: S101 - narrows the type of a row's column
        return SubscriptionListed(found, email, of_plan, amount, next_step(found, of_plan, amount, policy))

    return page(statement, [subscription.c.id], window, read)


def email_of(user_id: str) -> str | None:
    return db.session.scalar(select(UserRow.email).where(UserRow.id == user_id))


def price(price_id: UUID) -> Price | None:
    return rows.find(Price, PriceRow.id == price_id)


def behind(subscription: Subscription) -> Behind:
    """Three statements. Time that was taken back is found by its invoices: only the other has an index of its own."""
    invoices = rows.find_all(
        Invoice,
        InvoiceRow.user_id == subscription.user_id,
        InvoiceRow.subscription_id == subscription.id,
        order=[InvoiceRow.created_at.desc(), InvoiceRow.id.desc()],
        limit=LATEST,
    )
    ids = [invoice.id for invoice in invoices]
    periods = rows.find_all(
        Period,
        or_(
            and_(PeriodRow.subscription_id == subscription.id, PeriodRow.revoked_at.is_(None)),
            PeriodRow.invoice_id.in_(ids),
        ),
        order=[PeriodRow.start.desc(), PeriodRow.id.desc()],
        limit=LATEST,
    )
    counted = select(PaymentRow.invoice_id, func.count()).where(PaymentRow.invoice_id.in_(ids))
    found = db.session.execute(counted.group_by(PaymentRow.invoice_id)).all()
    return Behind(periods, invoices, {invoice_id: count for invoice_id, count in found})  # noqa: C416 - dict() takes no Row


def _parked(parked: bool) -> ColumnElement[bool]:
    """What is over is not parked any more, whatever its row says."""
    held = SubscriptionRow.parked_at.is_not(None) & SubscriptionRow.state.not_in(("expired", "ended"))
    return held if parked else ~held


def _where(
    state: str | None,
    plan_id: UUID | None,
    renews: bool | None,
    parked: bool | None,
    customer: str | None,
    since: UUID | None,
    until: UUID | None,
) -> list[ColumnElement[bool]]:
    row = SubscriptionRow
    renewing = and_(row.auto_renew.is_(True), row.payment_method_id.is_not(None))
    not_renewing = or_(row.auto_renew.is_(False), row.payment_method_id.is_(None))
    found = [
        row.state == state if state else None,
        row.plan_id == plan_id if plan_id else None,
        (renewing if renews else not_renewing) if renews is not None else None,
        _parked(parked) if parked is not None else None,
        of_customer(row.user_id, customer) if customer else None,
        row.id >= since if since else None,
        row.id < until if until else None,
    ]
    return [one for one in found if one is not None]
