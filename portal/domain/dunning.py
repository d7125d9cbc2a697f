"""When a subscription wants attention next, and what is due: charge, retry, suspend, end. Data on the row decides."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from portal.domain import access
from portal.domain.plan import Plan
from portal.domain.policy import Policy
from portal.domain.subscription import Subscription

FIRST_BACKOFF = timedelta(minutes=5)
LONGEST_BACKOFF = timedelta(hours=6)


class Due(StrEnum):
    nothing = "nothing"
    charge = "charge"
    suspend = "suspend"
    give_up = "give_up"
    end = "end"


def due(subscription: Subscription, plan: Plan, policy: Policy, now: datetime) -> Due:
    """What has to happen now. A retry comes before the change of state that stands one step behind it."""
    if subscription.parked_at is not None:
        return Due.nothing
    retry = next_retry(subscription, policy)
    match subscription.state:
        case "trialing" | "active" if subscription.runs_until and now >= subscription.runs_until:
            if not renews(subscription):
                return Due.end
            if retry is None or now >= retry:
                return Due.charge
            # The bank is not reached for days: that is nobody's refusal, but what may be watched is over.
            return Due.suspend if now >= access_end(subscription, plan, policy) else Due.nothing
        case "past_due":
            if retry is not None and now >= retry:
                return Due.charge
            return Due.suspend if now >= access_end(subscription, plan, policy) else Due.nothing
        case "suspended":
            if retry is not None and now >= retry:
                return Due.charge
            return Due.give_up if now >= give_up_at(subscription, policy) else Due.nothing
    return Due.nothing


def next_action_at(subscription: Subscription, plan: Plan, policy: Policy) -> datetime | None:
    """The next moment at which `due` may answer something else."""
    retry = next_retry(subscription, policy)
    match subscription.state:
        case "trialing" | "active":
            wanted = max_of(subscription.runs_until, retry) if renews(subscription) else subscription.runs_until
            return min(wanted, access_end(subscription, plan, policy)) if wanted and retry else wanted
        case "past_due":
            end = access_end(subscription, plan, policy)
            return min(retry, end) if retry else end
        case "suspended":
            last = give_up_at(subscription, policy)
            return min(retry, last) if retry else last
    return None


def renews(subscription: Subscription) -> bool:
    return subscription.auto_renew and subscription.payment_method_id is not None


def next_retry(subscription: Subscription, policy: Policy) -> datetime | None:
    """When the money is asked for again; None: not by itself any more (or, while active, whenever it is due)."""
    if not renews(subscription):
        return None
    if subscription.retry_at is not None:
        return subscription.retry_at
    if subscription.state == "active" or subscription.past_due_since is None or subscription.method_dead:
        return None
    days = policy.dunning_retry_days
    step = subscription.declines - 1
    return subscription.past_due_since + timedelta(days=days[step]) if 0 <= step < len(days) else None


def steps_passed(since: datetime, now: datetime, policy: Policy) -> int:
    """Retries whose day has come. Those that we missed (our own downtime, parked) are not made up for in a row."""
    return sum(since + timedelta(days=day) <= now for day in policy.dunning_retry_days)


def access_end(subscription: Subscription, plan: Plan, policy: Policy) -> datetime:
    """When what was paid for, and the grace after it, are over."""
    end = access.until(subscription, plan, policy)
    assert end is not None  # noqa: S101 - only asked of states that have access
    return end


def give_up_at(subscription: Subscription, policy: Policy) -> datetime:
    since = subscription.past_due_since or subscription.paid_through
    assert since is not None  # noqa: S101 - a suspended subscription was paid for once
    return since + timedelta(days=policy.give_up_days)


def backoff(failures: int) -> timedelta:
    """After the n-th failure to reach the bank: 5 minutes, doubling, at most 6 hours."""
    doubled: timedelta = FIRST_BACKOFF * 2 ** min(failures - 1, 10)
    return min(doubled, LONGEST_BACKOFF)


def max_of(first: datetime | None, second: datetime | None) -> datetime | None:
    known = [moment for moment in (first, second) if moment is not None]
    return max(known) if known else None
