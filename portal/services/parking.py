"""An operator parks a subscription, or lets it go on."""

from __future__ import annotations

from uuid import UUID

from portal import runtime
from portal.db.session import atomic
from portal.domain import parking
from portal.domain.act import Act
from portal.domain.subscription import Subscription
from portal.services import activity, journal, standing


def park(act: Act, subscription_id: UUID) -> None:
    """Nothing happens to it by itself from now on; cancelling works. Where it is so already, only the log says so.

    Raises NotFound, AlreadyDone, InvalidRequest, NotParkable.
    """
    now = runtime.clock.now()
    with atomic():
        subscription = standing.lock_owned(subscription_id)
        activity.refuse_repeat(act)
        change = parking.park(subscription, act.reason or "", now, act.actor)
        if change:
            journal.record([change])
        _log(act, "subscription.park", subscription)


def unpark(act: Act, subscription_id: UUID) -> None:
    """Where it is not parked, only the log says so. Raises NotFound, AlreadyDone, InvalidRequest."""
    now = runtime.clock.now()
    with atomic():
        subscription = standing.lock_owned(subscription_id)
        activity.refuse_repeat(act)
        plan = standing.plan_of(subscription.plan_id)
        change = parking.unpark(subscription, plan, act.reason or "", now, act.actor, runtime.policy)
        if change:
            journal.record([change])
        _log(act, "subscription.unpark", subscription)


def _log(act: Act, what: str, before: Subscription) -> None:
    after = standing.subscription(before.id)
    activity.log(
        act,
        what,
        "subscription",
        before.id,
        user_id=before.user_id,
        before=_told(before),
        after=_told(after),
    )


def _told(subscription: Subscription) -> dict[str, object]:
    return {
        "state": subscription.state,
        "parked_at": subscription.parked_at,
        "park_reason": subscription.park_reason,
        "next_action_at": subscription.next_action_at,
    }
