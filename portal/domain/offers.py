"""What a customer can have back by themselves: two offers, reckoned from what was paid and what time has passed."""

from __future__ import annotations

from collections.abc import Callable
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
    returns_plan: bool = False  # it is for a better plan, and the plan before it comes back

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
    taken = payment.refunded_minor + payment.reserved_minor + payment.disputed_minor
    return Money(payment.amount_minor - taken, payment.currency)


def offers(paid: Paid, now: datetime, policy: Policy) -> list[Offer]:
    """`unused` first: it uses nothing up. Empty: nothing is offered, any sum needs an operator."""
    period, subscription = paid.period, paid.subscription
    if period is None or not period.bought or not paid.is_last or not subscription.live or now >= period.end:
        return []
    if paid.payment.disputed_at is not None:
        return []
    left = available(paid.payment)
    begun = period.start <= now
    if not begun and period.end != subscription.paid_through:
        return []  # time was given after it: taking out the middle needs an operator
    found = []
    unused, shown = (min(_unused(paid, period, at), left, key=_minor) for at in (now, now - READ_WITHIN))
    if unused:
        found.append(Offer("unused", unused, ends_access=begun, shown=shown))
    if (
        _in_window(paid.payment, paid.had_full_refund, now, policy)
        and left == paid.payment.amount
        and (not found or found[0].amount != left)
    ):
        found.append(Offer("full", left, ends_access=begun))
    return found


def _minor(money: Money) -> int:
    return money.minor


def _in_window(payment: Payment, had_full_refund: bool, now: datetime, policy: Policy) -> bool:
    recorded = payment.succeeded_at or payment.modified_at
    return now < recorded + timedelta(days=policy.refund_window_days) and not had_full_refund


def _unused(paid: Paid, period: Period, now: datetime) -> Money:
    """Unstarted intervals, and the time share of the running one, less what was given back; never below zero."""
    steps = paid.period_anchor_steps
    rest = unused_share(period, paid.plan, paid.subscription.zone, paid.anchor, steps, now)
    return left_of(paid.payment, rest)


def left_of(payment: Payment, share: Fraction) -> Money:
    taken = payment.amount - available(payment)
    return max(payment.amount.share(share) - taken, Money.zero(payment.currency), key=_minor)


def unused_share(
    period: Period, plan: Plan, zone: str, anchor: datetime | None, steps_before: int, now: datetime
) -> Fraction:
    """How much of a bought period is still to come: 0..1. `steps_before`: intervals from the anchor to its start."""
    assert anchor is not None  # noqa: S101 - paid time has an anchor
    whole = Fraction(0)
    for n in range(steps_before, steps_before + period.intervals):
        start, end = (step(anchor, zone, Interval(plan.interval), steps * plan.interval_count) for steps in (n, n + 1))
        if now <= start:
            whole += 1
        elif now < end:
            whole += Fraction((end - now) // TICK, (end - start) // TICK)
    return whole / period.intervals


def of_better_plan(
    payment: Payment, share_at: Callable[[datetime], Fraction], had_full_refund: bool, now: datetime, policy: Policy
) -> list[Offer]:
    """What was paid to move to a better plan comes back alone, and the plan before it with it."""
    left = available(payment)
    if payment.disputed_at is not None or not share_at(now):
        return []
    found = []
    unused, shown = (min(left_of(payment, share_at(at)), left, key=_minor) for at in (now, now - READ_WITHIN))
    if unused:
        found.append(Offer("unused", unused, ends_access=False, shown=shown, returns_plan=True))
    if _in_window(payment, had_full_refund, now, policy) and left == payment.amount != unused:
        found.append(Offer("full", left, ends_access=False, returns_plan=True))
    return found
