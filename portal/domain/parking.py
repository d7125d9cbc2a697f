"""Setting a subscription aside until an operator has looked, and letting it go on."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from portal.domain.change import Change, Move
from portal.domain.dunning import next_action_at
from portal.domain.errors import InvalidRequest, NotParkable
from portal.domain.plan import Plan
from portal.domain.policy import Policy
from portal.domain.subscription import Subscription

BY_ITSELF = ("review", "charges_a_day", "charges_a_run", "broken")
PARKING = ("suspicious", "clarified", "fault")  # what operators say
UNPARKING = ("cleared", "mistake")


def park(subscription: Subscription, reason: str, now: datetime, actor: str) -> Change | None:
    """None: it is parked already. Raises InvalidRequest, NotParkable."""
    if reason not in (*BY_ITSELF, *PARKING):
        raise InvalidRequest(f"the reason is one of {', '.join(PARKING)}", field="reason")
    if not (subscription.live or subscription.state == "pending"):
        raise NotParkable(f"the subscription is {subscription.state}")
    if subscription.parked_at is not None:
        return None
    move = Move(subscription, "parked", {"parked_at": now, "park_reason": reason})
    return Change(subscription.user_id, now, actor, (move,), reason="parked")


def unpark(
    subscription: Subscription, plan: Plan, reason: str, now: datetime, actor: str, policy: Policy
) -> Change | None:
    """What was due meanwhile is due now. None: it is not parked. Raises InvalidRequest."""
    if reason not in UNPARKING:
        raise InvalidRequest(f"the reason is one of {', '.join(UNPARKING)}", field="reason")
    if subscription.parked_at is None or not (subscription.live or subscription.state == "pending"):
        return None
    after = replace(subscription, parked_at=None, park_reason=None)
    facts = {"parked_at": None, "park_reason": None, "next_action_at": next_action_at(after, plan, policy)}
    move = Move(subscription, "unparked", facts)
    return Change(subscription.user_id, now, actor, (move,), reason="unparked")
