"""Everything that recurs: its name, how often it runs, one run of it, and when it has something to do next.

Whoever wakes jobs reads this list: the worker by the clock, a traveller through time where they are due.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, case, func, select

from portal.db.session import db
from portal.domain import setup
from portal.domain.payment import OPEN
from portal.models.invoice import InvoiceRow
from portal.models.messages import IdempotencyKeyRow
from portal.models.payment import PaymentRow, RefundRow
from portal.models.user import MethodSetupRow, PaymentMethodRow
from portal.services import expire, idempotency, janitor, methods, renew

Moment = datetime | None


@dataclass(frozen=True)
class Job:
    name: str
    every: timedelta
    run_once: Callable[[], int]  # answers how many rows it dealt with
    next_due: Callable[[], Moment]  # may lie in the past; None: nothing to wait for


def _renew_due() -> Moment:
    """The next subscription's moment, or a charge that was written down and never sent."""
    return first(renew.next_due(), _one(select(func.min(PaymentRow.created_at)).where(PaymentRow.state == "created")))


def _janitor_due() -> Moment:
    return first(
        _one(select(func.min(PaymentRow.next_check_at)).where(PaymentRow.state.in_(OPEN))),
        _one(select(func.min(RefundRow.next_check_at)).where(RefundRow.state.in_(("submitted", "unknown", "pending")))),
        _one(select(func.min(MethodSetupRow.next_check_at)).where(MethodSetupRow.state.in_(setup.OPEN))),
    )


def _expire_due() -> Moment:
    """Pages whose invoice is closed already, or runs out; unpaid invoices without a page."""
    page = PaymentRow.kind == "checkout", PaymentRow.state == "requires_action", PaymentRow.review_at.is_(None)
    close_at = case((InvoiceRow.state != "not_paid", InvoiceRow.modified_at), else_=InvoiceRow.expires_at)
    open_payment = select(PaymentRow.id).where(PaymentRow.invoice_id == InvoiceRow.id, PaymentRow.state.in_(OPEN))
    unpaid = InvoiceRow.state == "not_paid", InvoiceRow.reason == "purchase", ~open_payment.exists()
    return first(
        _one(select(func.min(close_at)).join(PaymentRow, PaymentRow.invoice_id == InvoiceRow.id).where(*page)),
        _one(select(func.min(InvoiceRow.expires_at)).where(*unpaid)),
    )


def _detach_due() -> Moment:
    waiting = PaymentMethodRow.removed_at.is_not(None), PaymentMethodRow.detached_at.is_(None)
    return _one(select(func.min(PaymentMethodRow.removed_at)).where(*waiting))


def _forget_due() -> Moment:
    oldest = _one(select(func.min(IdempotencyKeyRow.created_at)))
    return oldest and oldest + idempotency.KEPT_FOR


def _one(query: Select[Any]) -> Moment:
    found: Moment = db.session.scalar(query)
    return found


def first(*moments: Moment) -> Moment:
    return min((moment for moment in moments if moment is not None), default=None)


JOBS = (
    Job("renew", timedelta(minutes=1), renew.run_once, _renew_due),
    Job("janitor", timedelta(minutes=1), janitor.run_once, _janitor_due),
    Job("expire", timedelta(minutes=1), expire.run_once, _expire_due),
    Job("detach_methods", timedelta(minutes=5), methods.detach_removed, _detach_due),
    Job("forget_keys", timedelta(hours=1), idempotency.forget_old, _forget_due),
)
