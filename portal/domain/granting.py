"""Time that an operator gives: nobody paid for it, and nobody can have it refunded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from portal.domain.calendar import Interval, step
from portal.domain.change import Change, Move, Set, Write
from portal.domain.dunning import next_action_at
from portal.domain.errors import InvalidRequest, NotGrantable
from portal.domain.ids import new_id
from portal.domain.invoice import Invoice
from portal.domain.payment import Payment
from portal.domain.plan import Plan
from portal.domain.policy import Policy
from portal.domain.subscription import Period, Subscription

MOST_DAYS = 366


@dataclass(frozen=True)
class Standing:
    subscription: Subscription
    plan: Plan
    unpaid_renewal: tuple[Invoice, Payment | None] | None  # with its open payment
    takes_time_back: bool  # an open refund will take back the time that was bought last
    trial: Period | None = None  # of a subscription that is still being tried


def grant(
    standing: Standing, days: int, act_id: UUID, now: datetime, actor: str, policy: Policy
) -> tuple[datetime, Change]:
    """Calendar days after the paid time or the trial, and the end of them, when renewal is due.

    Raises InvalidRequest, NotGrantable.
    """
    subscription = standing.subscription
    if type(days) is not int or not 1 <= days <= MOST_DAYS:
        raise InvalidRequest(f"days is a whole number from 1 to {MOST_DAYS}", field="days")
    start = _runs_until(standing)
    end = step(start, subscription.zone, Interval.day, days)
    if standing.trial is not None:
        return end, _longer_trial(standing, standing.trial, end, now, actor, policy)
    facts: dict[str, object] = {
        "anchor": end,
        "steps": 0,
        "paid_through": end,
        "gateway_failures": 0,
        "retry_at": None,
    }
    after = replace(subscription, anchor=end, steps=0, paid_through=end, gateway_failures=0, retry_at=None)
    facts["next_action_at"] = next_action_at(after, standing.plan, policy)
    period = Period(new_id(now), subscription.id, start, end, 0, None, now, act_id=act_id)
    writes = *_not_due_yet(standing), Move(subscription, "granted", facts), period
    return end, Change(subscription.user_id, now, actor, writes, reason="grant")


def _longer_trial(
    standing: Standing, trial: Period, end: datetime, now: datetime, actor: str, policy: Policy
) -> Change:
    """The trial's end moves, and with it the first charge."""
    subscription = standing.subscription
    facts: dict[str, object] = {"trial_end": end, "gateway_failures": 0, "retry_at": None}
    after = replace(subscription, trial_end=end, gateway_failures=0, retry_at=None)
    facts["next_action_at"] = next_action_at(after, standing.plan, policy)
    writes = *_not_due_yet(standing), Move(subscription, "granted", facts), Set(trial, {"end": end})
    return Change(subscription.user_id, now, actor, writes, reason="grant")


def _runs_until(standing: Standing) -> datetime:
    """Where the granted time begins."""
    subscription = standing.subscription
    if subscription.state not in ("trialing", "active") or subscription.runs_until is None:
        raise NotGrantable(f"the subscription is {subscription.state}", subscription_id=subscription.id)
    if standing.unpaid_renewal is not None and standing.unpaid_renewal[1] is not None:
        # Were it declined afterwards, dunning would begin in the middle of the granted time.
        raise NotGrantable("a renewal is being charged", subscription_id=subscription.id)
    if standing.takes_time_back:
        raise NotGrantable("a refund is taking time back", subscription_id=subscription.id)
    return subscription.runs_until


def _not_due_yet(standing: Standing) -> list[Write]:
    """A renewal that could not be charged was for a day which is given now."""
    if standing.unpaid_renewal is None:
        return []
    return [Move(standing.unpaid_renewal[0], "closed", {"fail_reason": "superseded"})]
