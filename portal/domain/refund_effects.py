"""What giving money back does to the time it had paid for, and to what renews."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from portal.domain import changing
from portal.domain.cancelling import ended
from portal.domain.change import Move, Set, Write
from portal.domain.dunning import next_action_at
from portal.domain.invoice import Invoice
from portal.domain.payment import Payment
from portal.domain.plan import Plan
from portal.domain.policy import Policy
from portal.domain.quote import ChangeQuote
from portal.domain.refund import Refund
from portal.domain.subscription import Period, Subscription

# What operators say happens to access; `take_back` only where the customer's own offer says it, `old_plan` only of the
# money for a better plan.
Effect = Literal["end_now", "period_end", "keep", "take_back", "old_plan"]


@dataclass(frozen=True)
class Standing:
    """Everything a refund may touch, as it is under the lock."""

    subscription: Subscription
    plan: Plan
    period: Period | None  # the time it bought: none for what came twice or too late
    payment: Payment
    unpaid_renewal: tuple[Invoice, Payment | None] | None  # with its open payment
    bettered: tuple[ChangeQuote, Plan] | None = None  # a better plan that it bought, and the one before that


def effects(standing: Standing, refund: Refund, now: datetime, policy: Policy) -> list[Write]:
    """What happens to access once the payment system has accepted; only once, and only while there is something."""
    subscription, period = standing.subscription, standing.period
    if refund.accepted_at is not None or not subscription.live:
        return []
    if standing.bettered is not None and refund.effect == "old_plan":
        quoted, plan = standing.bettered
        return changing.returned(quoted, subscription, plan, now, policy)
    if period is None:
        return _renews_no_more(standing, now, policy) if standing.bettered and refund.effect == "period_end" else []
    revoked = Set(period, {"revoked_at": now})
    match refund.effect:
        case "end_now":
            return [revoked, *drop_renewal(standing), Move(subscription, "refunded", ended("refunded", now))]
        case "take_back" if subscription.state == "active" and period.end == subscription.paid_through:
            steps = subscription.steps - period.intervals
            after = replace(subscription, steps=steps, paid_through=period.start)
            facts = {"steps": steps, "paid_through": period.start}
            next_at = next_action_at(after, standing.plan, policy)
            return [revoked, Move(subscription, "time_returned", facts | {"next_action_at": next_at})]
        case "period_end":
            return _renews_no_more(standing, now, policy)
    return []


def _renews_no_more(standing: Standing, now: datetime, policy: Policy) -> list[Write]:
    subscription = standing.subscription
    if subscription.state == "active" and subscription.auto_renew:
        after = replace(subscription, auto_renew=False, retry_at=None)
        stopped = {"auto_renew": False, "retry_at": None} | changing.UNBOOKED
        next_at = next_action_at(after, standing.plan, policy)
        move = Move(subscription, "cancelled_at_period_end", stopped | {"next_action_at": next_at})
        return [*drop_renewal(standing), move]
    if subscription.state in ("past_due", "suspended"):
        # The paid time is over already, as for any cancelling in these states.
        return [*drop_renewal(standing), Move(subscription, "refunded", ended("refunded", now))]
    return []


def drop_renewal(standing: Standing) -> list[Write]:
    """What waits to be charged for the next period is not asked for any more."""
    if standing.unpaid_renewal is None:
        return []
    invoice, payment = standing.unpaid_renewal
    writes: list[Write] = [Move(invoice, "closed", {"fail_reason": "cancelled"})]
    if payment is not None and payment.state == "created":
        writes.append(Move(payment, "aborted", {"next_check_at": None}))
    return writes
