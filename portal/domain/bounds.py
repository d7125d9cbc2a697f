"""What must never happen by itself, however the rows came to ask for it. What trips a bound is parked, not charged."""

from __future__ import annotations

from datetime import timedelta

from portal.domain.method import PaymentMethod
from portal.domain.plan import Price
from portal.domain.policy import Policy
from portal.domain.subscription import Subscription

A_DAY = timedelta(days=1)
OWN_TRY = "own_try"  # in a payment's `why`: its customer has just given another method


def own_try(subscription: Subscription) -> bool:
    """The charge follows from what its customer did a moment ago. Edges limit those; nobody is parked for them."""
    return subscription.retry_at is not None and subscription.gateway_failures == 0


def reason_to_park(
    subscription: Subscription, price: Price, method: PaymentMethod, charged_today: int, room: int, policy: Policy
) -> str | None:
    """`charged_today`: scheduled charges of the last 24 hours that reached the bank. `room`: left in this run."""
    if method.user_id != subscription.user_id or method.removed_at is not None:
        return "broken"  # somebody else's card, or one that was never to be charged again
    if price.plan_id != (subscription.booked_plan_id or subscription.plan_id):
        return "broken"
    if charged_today >= policy.charges_per_day and not own_try(subscription):
        return "charges_a_day"
    return "charges_a_run" if room < 1 else None
