"""Everything that recurs: its name, how often it runs, one run of it, and when it has something to do next.

Whoever wakes jobs reads this list: the worker by the clock, a traveller through time where they are due.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, case, func, select

from portal import runtime
from portal.db.session import db
from portal.domain import setup
from portal.domain.payment import OPEN
from portal.models.invoice import InvoiceRow
from portal.models.messages import IdempotencyKeyRow
from portal.models.payment import DisputeRow, PaymentRow, RefundRow
from portal.models.subscription import SubscriptionRow
from portal.models.user import MethodSetupRow, PaymentMethodRow
from portal.services import audit, change_plan, expire, idempotency, janitor, ledger, methods, reconcile, renew

Moment = datetime | None


@dataclass(frozen=True)
class Job:
    name: str
    every: timedelta
    run_once: Callable[[], int]  # answers how many rows it dealt with
    next_due: Callable[[], Moment]  # may lie in the past; None: nothing to wait for


def first(*moments: Moment) -> Moment:
    return min((moment for moment in moments if moment is not None), default=None)


def _earliest(*queries: Select[Any]) -> Moment:
    return first(*(db.session.scalar(query) for query in queries))


NEVER_SENT = select(func.min(PaymentRow.created_at)).where(PaymentRow.state == "created")
TO_ASK_ABOUT = (
    select(func.min(PaymentRow.next_check_at)).where(PaymentRow.state.in_(OPEN)),
    select(func.min(RefundRow.next_check_at)).where(RefundRow.state.in_(("submitted", "unknown", "pending"))),
    select(func.min(MethodSetupRow.next_check_at)).where(MethodSetupRow.state.in_(setup.OPEN)),
    select(func.min(DisputeRow.next_check_at)).where(DisputeRow.state == "open"),
)
RUNS_OUT = case(
    (InvoiceRow.state != "not_paid", InvoiceRow.modified_at),
    (expire.OVER, SubscriptionRow.ended_at),
    (PaymentRow.expires_at.is_not(None), PaymentRow.expires_at),
    else_=InvoiceRow.expires_at,
)
PAGE_TO_CLOSE = (
    select(func.min(RUNS_OUT))
    .select_from(InvoiceRow)
    .join(PaymentRow, PaymentRow.invoice_id == InvoiceRow.id)
    .join(SubscriptionRow, SubscriptionRow.id == InvoiceRow.subscription_id)
    .where(PaymentRow.state == "requires_action", PaymentRow.review_at.is_(None))
)
NOBODY_PAID = (
    select(func.min(case((expire.OVER, SubscriptionRow.ended_at), else_=InvoiceRow.expires_at)))
    .select_from(InvoiceRow)
    .join(SubscriptionRow, SubscriptionRow.id == InvoiceRow.subscription_id)
    .where(
        InvoiceRow.state == "not_paid",
        InvoiceRow.reason != "renewal",
        ~select(PaymentRow.id).where(PaymentRow.invoice_id == InvoiceRow.id, PaymentRow.state.in_(OPEN)).exists(),
    )
)
TO_DETACH = select(func.min(PaymentMethodRow.removed_at)).where(
    PaymentMethodRow.removed_at.is_not(None), PaymentMethodRow.detached_at.is_(None)
)
OLDEST_KEY = select(func.min(IdempotencyKeyRow.created_at))


def _renew_due() -> Moment:
    """The next subscription's moment, or that of a charge which was written down and never sent."""
    return first(renew.next_due(), _earliest(NEVER_SENT))


def _detach_due() -> Moment:
    return _earliest(TO_DETACH.where(PaymentMethodRow.provider.in_(list(runtime.providers))))


def _forget_due() -> Moment:
    oldest = _earliest(OLDEST_KEY)
    return oldest + idempotency.KEPT_FOR if oldest else None


def _quotes_due() -> Moment:
    oldest = _earliest(change_plan.OLDEST_UNUSED)
    return oldest + change_plan.KEPT_FOR if oldest else None


JOBS = (
    Job("renew", timedelta(minutes=1), renew.run_once, _renew_due),
    Job("janitor", timedelta(minutes=1), janitor.run_once, lambda: _earliest(*TO_ASK_ABOUT)),
    Job("reconcile", timedelta(hours=1), reconcile.run_once, reconcile.next_due),
    Job("expire", timedelta(minutes=1), expire.run_once, lambda: _earliest(PAGE_TO_CLOSE, NOBODY_PAID)),
    Job("detach_methods", timedelta(minutes=5), methods.detach_removed, _detach_due),
    Job("forget_keys", timedelta(hours=1), idempotency.forget_old, _forget_due),
    Job("forget_quotes", timedelta(hours=1), change_plan.forget_unused, _quotes_due),
    Job("recognise", timedelta(hours=1), ledger.run_once, ledger.next_due),
    Job("audit", timedelta(minutes=30), audit.run_once, audit.next_due),
)
