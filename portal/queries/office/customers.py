"""The register of users, and what its page of one customer shows beside their subscriptions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import exists, func, select

from portal.db import rows
from portal.db.session import db
from portal.domain import payment, refund
from portal.domain.consent import Consent
from portal.domain.dispute import Dispute
from portal.domain.invoice import Invoice
from portal.domain.method import PaymentMethod
from portal.domain.payment import Payment
from portal.domain.refund import Refund
from portal.domain.subscription import LIVE, Subscription
from portal.domain.user import User
from portal.models.invoice import InvoiceRow
from portal.models.messages import OutboxRow
from portal.models.payment import DisputeRow, PaymentRow, RefundRow
from portal.models.plan import PlanRow
from portal.models.subscription import SubscriptionRow
from portal.models.user import ConsentRow, PaymentMethodRow, UserRow
from portal.queries.office.people import spellings
from portal.queries.pages import Page, Window, page

LATEST = 20  # of what a customer has more and more of; lists show the rest


@dataclass(frozen=True)
class Held:
    """One live subscription."""

    subscription: Subscription
    plan_names: Mapping[str, str]


@dataclass(frozen=True)
class OpenMoney:
    """What is not settled between the customer and us."""

    invoices: Sequence[Invoice]  # not paid
    payments: Sequence[Payment]  # open
    refunds: Sequence[Refund]  # open
    disputes: Sequence[Dispute]  # open

    def __bool__(self) -> bool:
        return bool(self.invoices or self.payments or self.refunds or self.disputes)


@dataclass(frozen=True)
class Right:
    """What may be used, as an event says it."""

    subscription_id: UUID
    plan: str  # its code
    features: Sequence[str]
    until: datetime


@dataclass(frozen=True)
class Told:
    """The last thing that Auth was told of a customer, or is going to be."""

    seq: int
    type: str
    version: int
    tokens_from_version: int
    created_at: datetime
    published_at: datetime | None
    rights: Sequence[Right]

    def of(self, subscription_id: UUID) -> Right | None:
        return next((right for right in self.rights if right.subscription_id == subscription_id), None)


def register(
    window: Window,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    email: str | None = None,
    state: str | None = None,
) -> Page[User]:
    """Those who ever subscribed. `state`: of a subscription they have now; the days are those of their first."""
    users = select(UserRow.__table__).where(UserRow.first_subscribed_at.is_not(None))
    if since:
        users = users.where(UserRow.first_subscribed_at >= since)
    if until:
        users = users.where(UserRow.first_subscribed_at < until)
    if email:
        users = users.where(UserRow.email.in_(spellings(email)))
    if state:
        users = users.where(exists().where(SubscriptionRow.user_id == UserRow.id, SubscriptionRow.state == state))
    table = UserRow.__table__
    return page(users, (table.c.first_subscribed_at, table.c.id), window, lambda row: rows.read(User, row))


def held_by(user_ids: Sequence[str]) -> dict[str, list[Held]]:
    """The live subscriptions of these, in one statement."""
    subscription = SubscriptionRow.__table__
    statement = (
        select(subscription, PlanRow.names)
        .join(PlanRow, PlanRow.id == subscription.c.plan_id)
        .where(subscription.c.user_id.in_(user_ids), subscription.c.state.in_(LIVE))
        .order_by(subscription.c.id)
    )
    held: dict[str, list[Held]] = {}
    for row in db.session.execute(statement).mappings():
        one = rows.read_from(Subscription, subscription, row)
        held.setdefault(one.user_id, []).append(Held(one, row[PlanRow.names]))
    return held


def find(user_id: str) -> User | None:
    return rows.find(User, UserRow.id == user_id)


def methods_of(user_id: str) -> list[PaymentMethod]:
    """Also those that were removed, newest first."""
    newest = [PaymentMethodRow.created_at.desc(), PaymentMethodRow.id.desc()]
    return rows.find_all(PaymentMethod, PaymentMethodRow.user_id == user_id, order=newest, limit=LATEST)


def open_money(user_id: str) -> OpenMoney:
    """Four statements. Payments are looked for among the customer's invoices, for they have no index by user."""
    of_theirs = select(InvoiceRow.id).where(InvoiceRow.user_id == user_id)
    return OpenMoney(
        invoices=rows.find_all(
            Invoice,
            InvoiceRow.user_id == user_id,
            InvoiceRow.state == "not_paid",
            order=[InvoiceRow.created_at.desc(), InvoiceRow.id.desc()],
            limit=LATEST,
        ),
        payments=rows.find_all(
            Payment,
            PaymentRow.invoice_id.in_(of_theirs),
            PaymentRow.state.in_(payment.OPEN),
            order=[PaymentRow.id.desc()],
            limit=LATEST,
        ),
        refunds=rows.find_all(
            Refund,
            RefundRow.user_id == user_id,
            RefundRow.state.in_(refund.OPEN),
            order=[RefundRow.id.desc()],
            limit=LATEST,
        ),
        disputes=rows.find_all(
            Dispute,
            DisputeRow.user_id == user_id,
            DisputeRow.state == "open",
            order=[DisputeRow.id.desc()],
            limit=LATEST,
        ),
    )


def consents_of(user_id: str) -> list[Consent]:
    """The latest, newest first; the timeline has them all."""
    return rows.find_all(Consent, ConsentRow.user_id == user_id, order=[ConsentRow.id.desc()], limit=LATEST)


def consent(consent_id: UUID) -> Consent | None:
    return rows.find(Consent, ConsentRow.id == consent_id)


def told(user_id: str) -> Told | None:
    """None: Auth has not been told anything of them."""
    newest = select(func.max(OutboxRow.version)).where(OutboxRow.user_id == user_id).scalar_subquery()
    row = db.session.execute(
        select(OutboxRow.seq, OutboxRow.type, OutboxRow.created_at, OutboxRow.published_at, OutboxRow.body).where(
            OutboxRow.user_id == user_id, OutboxRow.version == newest
        )
    ).one_or_none()
    if row is None:
        return None
    data = row.body["data"]
    return Told(
        seq=row.seq,
        type=row.type,
        version=data["version"],
        tokens_from_version=data["tokens_from_version"],
        created_at=row.created_at,
        published_at=row.published_at,
        rights=[_right(one) for one in data["subscriptions"]],
    )


def _right(told: Mapping[str, Any]) -> Right:
    until = datetime.fromisoformat(told["until"])
    return Right(UUID(told["subscription_id"]), told["plan"], told["features"], until)
