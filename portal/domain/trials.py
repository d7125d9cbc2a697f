"""A trial: once for a user in a group of plans. A method is saved first, and charged when the trial is over."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from portal.domain import access
from portal.domain.calendar import Interval, step
from portal.domain.change import Move, Write
from portal.domain.dunning import access_end, next_action_at
from portal.domain.ids import new_id
from portal.domain.invoice import Invoice
from portal.domain.method import PaymentMethod
from portal.domain.outcome import Decline, DeclineClass
from portal.domain.plan import Plan
from portal.domain.policy import Policy
from portal.domain.subscription import Period, Subscription

# A page over nothing went through and left no method that may be charged: no trial begins with that.
NOT_SAVED = Decline(DeclineClass.closed, "not_saved")


def days(plan: Plan, count: int, running: Subscription | None, had_one: bool) -> int:
    """How many days an order may begin with for nothing. 0: it is paid at once.

    Several intervals at once are paid ahead, so there is nothing to try; and who owes for a subscription pays first.
    """
    fresh = running is None or running.state == "pending"
    return plan.trial_days if fresh and count == 1 and not had_one else 0


def end_of(start: datetime, zone: str, trial_days: int) -> datetime:
    """Whole days of the calendar, at the local time of day at which the trial began."""
    return step(start, zone, Interval.day, trial_days)


def begin(
    subscription: Subscription, invoice: Invoice, plan: Plan, method: PaymentMethod, now: datetime, policy: Policy
) -> list[Write]:
    """The method is saved: access opens. What will be charged, and when, was agreed with the order."""
    end = end_of(now, subscription.zone, invoice.trial_days or 0)
    facts: dict[str, object] = {
        "plan_id": invoice.plan_id,
        "price_id": invoice.price_id,
        "payment_method_id": method.id,
        "auto_renew": True,
        "started_at": now,
        "trial_end": end,
    }
    after = replace(subscription, state="trialing", **facts)  # type: ignore[arg-type]  # columns of the row
    facts["next_action_at"] = next_action_at(after, plan, policy)
    # It uses up none of the plan's intervals: they are counted from the trial's end.
    period = Period(new_id(now), subscription.id, now, end, 0, invoice.id, now)
    return [Move(subscription, "trial_started", facts), period]


def first_paid_day(subscription: Subscription, plan: Plan, now: datetime, policy: Policy) -> datetime:
    """Where the paid time begins: at the trial's end, unless access was closed between it and this moment.

    A charge whose answer was lost counts from the trial's end as well, also where the customer has removed the method
    meanwhile: the day of grace is theirs in any case.
    """
    end = subscription.trial_end
    assert end is not None  # noqa: S101 - a trial has an end
    watched_on = max(access_end(subscription, plan, policy), end + access.TRIAL_GRACE)
    return end if now < watched_on else now
