"""How long a subscription lets its user watch, and what Auth is told of it. Computed, never stored by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from portal.domain.calendar import Interval, step
from portal.domain.plan import Plan
from portal.domain.policy import Policy
from portal.domain.subscription import Subscription

PARKED_GRACE = timedelta(days=14)
TRIAL_GRACE = timedelta(days=1)


@dataclass(frozen=True)
class Entitlement:
    subscription_id: UUID
    plan: str
    features: tuple[str, ...]
    start: datetime
    until: datetime
    auto_renew: bool
    state: str


def until(subscription: Subscription, plan: Plan, policy: Policy) -> datetime | None:
    """The end of access: what was paid for (or the trial), plus grace. None: no access."""
    if subscription.state not in ("trialing", "active", "past_due"):
        return None
    end = subscription.trial_end if subscription.state == "trialing" else subscription.paid_through
    return end + grace(subscription, plan, policy, end) if end else None


def grace(subscription: Subscription, plan: Plan, policy: Policy, end: datetime) -> timedelta:
    """How long past `end` the customer watches on while we try to collect; at most one interval."""
    if not subscription.auto_renew or subscription.payment_method_id is None:
        return timedelta(0)
    if subscription.parked_at:
        return PARKED_GRACE
    if subscription.state == "trialing":
        return TRIAL_GRACE
    one_interval = step(end, subscription.zone, Interval(plan.interval), plan.interval_count) - end
    return min(timedelta(days=policy.grace_days), one_interval)


def entitlements(
    subscriptions: Iterable[Subscription], plans: Mapping[UUID, Plan], now: datetime, policy: Policy
) -> list[Entitlement]:
    """Everything a user may use at `now`, oldest first."""
    found = []
    for subscription in sorted(subscriptions, key=lambda s: (s.created_at, s.id)):
        plan = plans[subscription.plan_id]
        end = until(subscription, plan, policy)
        if end is None or end <= now or subscription.started_at is None:
            continue
        found.append(
            Entitlement(
                subscription_id=subscription.id,
                plan=plan.code,
                features=plan.features,
                start=subscription.started_at,
                until=end,
                auto_renew=subscription.auto_renew,
                state=subscription.state,
            )
        )
    return found


RESTATED = "subscription.restated"  # nothing has changed: Auth is told once more, under a version that it will take
WITHDRAWS_TOKENS = frozenset(
    {"subscription.activated", "subscription.changed", "subscription.cancelled", "subscription.deactivated", RESTATED}
)
