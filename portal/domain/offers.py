"""What a customer can have back by themselves: two offers, reckoned from what was paid and what time has passed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

from portal.domain.calendar import Interval, step
from portal.domain.money import Money
from portal.domain.payment import Payment
from portal.domain.plan import Plan
from portal.domain.policy import Policy
from portal.domain.subscription import Period, Subscription

ONCE_IN = timedelta(days=365)
READ_WITHIN = timedelta(minutes=15)  # as long as a quote is good
TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class Offer:
    kind: str  # unused | full
    amount: Money
    ends_access: bool  # False: only time that has not begun is taken back, and renewal stays
    shown: Money | None = None  # what it came to a little earlier, when it may have been read: unused time runs away

    def is_meant_by(self, amount: Money) -> bool:
        return amount == self.amount or (self.shown is not None and self.amount < amount <= self.shown)


@dataclass(frozen=True)
class Paid:
    """One paid invoice: its payment, the time it gave, and whether later time hangs on it."""

    subscription: Subscription
    plan: Plan
    payment: Payment
    period: Period | None
    anchor: datetime | None  # from which this period was reckoned
    period_anchor_steps: int  # intervals consumed before this period began, from the anchor
    is_last: bool  # no other time was bought after it
    had_full_refund: bool  # within 365 days, in this group


def available(payment: Payment) -> Money:
    """What can still be given back of a payment."""
    return Money(payment.amount_minor - payment.refunded_minor - payment.reserved_minor, payment.currency)


def offers(paid: Paid, now: datetime, policy: Policy) -> list[Offer]:
    """`unused` first: it uses nothing up. Empty: nothing is offered, any sum needs an operator."""
    period, subscription = paid.period, paid.subscription
    if period is None or not paid.is_last or not subscription.live or now >= period.end:
        return []
    left = available(paid.payment)
    begun = period.start <= now
    if not begun and period.end != subscription.paid_through:
        return []  # time was given after it: taking out the middle needs an operator
    found = []
    unused, shown = (min(_unused(paid, period, at), left, key=_minor) for at in (now, now - READ_WITHIN))
    if unused:
        found.append(Offer("unused", unused, ends_access=begun, shown=shown))
    if _full(paid, now, policy) and left == paid.payment.amount and (not found or found[0].amount != left):
        found.append(Offer("full", left, ends_access=begun))
    return found


def _minor(money: Money) -> int:
    return money.minor


def _full(paid: Paid, now: datetime, policy: Policy) -> bool:
    recorded = paid.payment.succeeded_at or paid.payment.modified_at
    return now < recorded + timedelta(days=policy.refund_window_days) and not paid.had_full_refund


def _unused(paid: Paid, period: Period, now: datetime) -> Money:
    """Unstarted intervals, and the time share of the running one, less what was given back; never below zero."""
    each = Fraction(1, period.intervals)
    rest = Fraction(0)
    for n in range(period.intervals):
        start, end = (_edge(paid, n + more) for more in (0, 1))
        if now <= start:
            rest += each
        elif now < end:
            rest += each * Fraction((end - now) // TICK, (end - start) // TICK)
    share = paid.payment.amount.share(rest)
    taken = Money(paid.payment.refunded_minor + paid.payment.reserved_minor, paid.payment.currency)
    return max(share - taken, Money.zero(share.currency), key=_minor)


def _edge(paid: Paid, n: int) -> datetime:
    """Where the n-th interval of the period begins."""
    assert paid.anchor is not None  # noqa: S101 - paid time has an anchor
    steps = (paid.period_anchor_steps + n) * paid.plan.interval_count
    return step(paid.anchor, paid.subscription.zone, Interval(paid.plan.interval), steps)
