"""What the one search box finds: exact things only, each by an index."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Select, String, Uuid, cast, literal, null, or_, select, union_all

from portal.db.session import db
from portal.models.invoice import InvoiceRow
from portal.models.messages import InboxRow, OutboxRow
from portal.models.payment import DisputeRow, PaymentRow, RefundRow
from portal.models.plan import PlanRow
from portal.models.subscription import SubscriptionRow
from portal.models.user import PaymentMethodRow, UserRow
from portal.queries.office.people import spellings

MOST = 50


@dataclass(frozen=True)
class Hit:
    kind: str  # customer | subscription | invoice | payment | refund | plan | event | webhook | method
    id: UUID | None
    seq: int | None  # of an event or a webhook
    user_id: str | None
    name: str | None  # what tells it from others of its kind: an e-mail, a number, a code, a type, a title
    at: datetime


def by_id(guid: UUID) -> list[Hit]:
    """Whatever of ours has this id."""
    subscription, invoice, payment, refund = SubscriptionRow, InvoiceRow, PaymentRow, RefundRow
    event, plan, method = OutboxRow, PlanRow, PaymentMethodRow
    return _read(
        _hit("subscription", subscription.created_at, id=subscription.id, user=subscription.user_id).where(
            subscription.id == guid
        ),
        _hit("invoice", invoice.created_at, id=invoice.id, user=invoice.user_id, name=invoice.number).where(
            invoice.id == guid
        ),
        _hit("payment", payment.created_at, id=payment.id, user=payment.user_id).where(payment.id == guid),
        _hit("refund", refund.created_at, id=refund.id, user=refund.user_id).where(refund.id == guid),
        _hit("payment", DisputeRow.created_at, id=DisputeRow.payment_id, user=DisputeRow.user_id).where(
            DisputeRow.id == guid
        ),
        _hit("event", event.created_at, id=event.id, seq=event.seq, user=event.user_id, name=event.type).where(
            event.id == guid
        ),
        _hit("plan", plan.created_at, id=plan.id, name=plan.code).where(plan.id == guid),
        _hit("method", method.created_at, id=method.id, user=method.user_id, name=method.title).where(
            method.id == guid
        ),
    )


def by_words(typed: str, providers: Collection[str]) -> list[Hit]:
    """A customer's id or e-mail, an invoice's number, and whatever a payment system calls one of our rows.

    `providers`: those whose names there may be; the indexes of methods and webhooks begin with them.
    """
    user, invoice, payment, refund = UserRow, InvoiceRow, PaymentRow, RefundRow
    method, webhook = PaymentMethodRow, InboxRow
    found_method = _hit("method", method.created_at, id=method.id, user=method.user_id, name=method.title)
    return _read(
        _hit("customer", user.created_at, user=user.id, name=user.email).where(
            or_(user.id == typed, user.email.in_(spellings(typed)))
        ),
        _hit("invoice", invoice.created_at, id=invoice.id, user=invoice.user_id, name=invoice.number).where(
            invoice.number == typed.upper()
        ),
        _hit("payment", payment.created_at, id=payment.id, user=payment.user_id).where(payment.provider_ref == typed),
        _hit("refund", refund.created_at, id=refund.id, user=refund.user_id).where(refund.provider_ref == typed),
        _hit("payment", DisputeRow.created_at, id=DisputeRow.payment_id, user=DisputeRow.user_id).where(
            DisputeRow.provider_ref == typed
        ),
        found_method.where(method.provider.in_(providers), method.method_ref == typed),
        found_method.where(method.customer_ref == typed),
        _hit("webhook", webhook.received_at, seq=webhook.seq, user=webhook.user_id, name=webhook.kind).where(
            webhook.provider.in_(providers), webhook.event_id == typed
        ),
    )


def by_card(digits: str, since: UUID, until: UUID) -> list[Hit]:
    """Payments between two ids, made with a method whose title ends with these digits. Newest first."""
    method = PaymentMethodRow
    statement = (
        _hit("payment", PaymentRow.created_at, id=PaymentRow.id, user=PaymentRow.user_id, name=method.title)
        .join(method, method.id == PaymentRow.payment_method_id)
        .where(PaymentRow.id >= since, PaymentRow.id < until, method.title.endswith(digits))
        .order_by(PaymentRow.id.desc())
        .limit(MOST)
    )
    return [Hit(**row) for row in db.session.execute(statement).mappings()]


def _hit(
    kind: str,
    at: ColumnElement[datetime] | Any,
    *,
    id: ColumnElement[UUID] | Any = None,
    seq: ColumnElement[int] | Any = None,
    user: ColumnElement[str] | Any = None,
    name: ColumnElement[str] | Any = None,
) -> Select[Any]:
    """Every kind in the same columns, so that one statement asks for all of them."""
    return select(
        literal(kind).label("kind"),
        (cast(null(), Uuid()) if id is None else id).label("id"),
        (cast(null(), BigInteger()) if seq is None else seq).label("seq"),
        (cast(null(), String()) if user is None else user).label("user_id"),
        (cast(null(), String()) if name is None else name).label("name"),
        at.label("at"),
    )


def _read(*statements: Select[Any]) -> list[Hit]:
    found = db.session.execute(union_all(*statements).limit(MOST)).mappings()
    return [Hit(**row) for row in found]
