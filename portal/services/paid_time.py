"""What was paid for time that is not over: whose money it is, and how much of what it bought is still to come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from uuid import UUID

from sqlalchemy import select

from portal.db import rows
from portal.db.session import db
from portal.domain.invoice import Invoice
from portal.domain.money import Money
from portal.domain.offers import available, unused_share
from portal.domain.payment import Payment
from portal.domain.proration import Held
from portal.domain.quote import ChangeQuote
from portal.domain.subscription import Period, Subscription
from portal.models.history import HistoryRow
from portal.models.invoice import InvoiceRow
from portal.models.payment import PaymentRow
from portal.models.quote import ChangeQuoteRow
from portal.services import standing


@dataclass(frozen=True)
class Ahead:
    held: tuple[Held, ...]
    left: Fraction  # intervals that were bought
    given: bool  # time that an operator granted is ahead as well


def ahead(subscription: Subscription, now: datetime) -> Ahead:
    periods = standing.periods_ahead(subscription.id)
    bought = [(period, share_ahead(subscription, period, now)) for period in periods if period.bought]
    held = [one for period, share in bought for one in _paid_for(period, share)]
    for quoted in betterments(subscription.id, now):
        held += _paid_with(quoted.invoice_id, share_of(quoted, subscription, now))
    left = sum((share * period.intervals for period, share in bought), start=Fraction(0))
    return Ahead(tuple(held), left, any(period.act_id is not None for period in periods))


def betterments(subscription_id: UUID, now: datetime) -> list[ChangeQuote]:
    """Better plans that were paid for, of which the time is not over and the money not given back."""
    return rows.find_all(
        ChangeQuote,
        ChangeQuoteRow.subscription_id == subscription_id,
        ChangeQuoteRow.invoice_id.is_not(None),
        ChangeQuoteRow.applied_at.is_not(None),
        ChangeQuoteRow.returned_at.is_(None),
        ChangeQuoteRow.anew.is_(False),
        ChangeQuoteRow.until > now,
        order=[ChangeQuoteRow.applied_at],
    )


def share_of(quoted: ChangeQuote, subscription: Subscription, now: datetime) -> Fraction:
    """How much of a better plan is still to come: 0..1."""
    if not quoted.intervals_left:
        return Fraction(0)
    covered = [p for p in standing.periods_ahead(subscription.id) if p.bought and p.end <= quoted.until]
    left = sum((share_ahead(subscription, p, now) * p.intervals for p in covered), start=Fraction(0))
    return min(left / quoted.intervals_left, Fraction(1))


def share_ahead(subscription: Subscription, period: Period, now: datetime) -> Fraction:
    """How much of a bought period is still to come: 0..1."""
    invoice = rows.find(Invoice, InvoiceRow.id == period.invoice_id)
    assert invoice is not None  # noqa: S101 - a foreign key holds it
    anchor, steps = anchor_of(subscription, period)
    plan = standing.plan_of(invoice.plan_id)
    return unused_share(period, plan, subscription.zone, anchor, steps - period.intervals, now)


def anchor_of(subscription: Subscription, period: Period | None) -> tuple[datetime | None, int]:
    """Anchor and steps at the end of a period. A grant after it began to count anew; the story knows the old ones."""
    if period is None or period.end == subscription.paid_through:
        return subscription.anchor, subscription.steps
    told = (
        select(HistoryRow.facts)
        .where(HistoryRow.subscription_id == subscription.id, HistoryRow.kind == "subscription")
        .order_by(HistoryRow.seq.desc())
    )
    for facts in db.session.scalars(told):
        if facts.get("paid_through") == period.end.isoformat():
            return datetime.fromisoformat(facts["anchor"]), facts["steps"]
    return subscription.anchor, subscription.steps


def _paid_for(period: Period, share: Fraction) -> list[Held]:
    """The payment that bought a period, and those whose unused part went into it."""
    assert period.invoice_id is not None  # noqa: S101 - it was bought
    quoted = standing.quote_of(period.invoice_id)
    found = _paid_with(period.invoice_id, share)
    for payment_id, minor in (quoted.carried if quoted else {}).items():
        payment = rows.find(Payment, PaymentRow.id == UUID(payment_id))
        assert payment is not None  # noqa: S101 - payments are never deleted
        kept = min(minor, available(payment).minor)
        found.append(Held(payment.id, Money(kept, payment.currency), share))
    return found


def _paid_with(invoice_id: UUID | None, share: Fraction) -> list[Held]:
    payment = rows.find(Payment, PaymentRow.invoice_id == invoice_id, PaymentRow.state == "succeeded")
    return [Held(payment.id, available(payment), share)] if payment else []
