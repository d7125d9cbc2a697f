"""Stopping a subscription, at once or when what was paid for is over; and taking that back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from portal.domain.change import Change, Move, Write
from portal.domain.dunning import next_action_at
from portal.domain.errors import AlreadyEnded, MethodRequired, NotResumable
from portal.domain.invoice import Invoice
from portal.domain.payment import Payment
from portal.domain.plan import Plan
from portal.domain.policy import Policy
from portal.domain.subscription import Subscription

When = Literal["now", "period_end"]


@dataclass(frozen=True)
class Standing:
    subscription: Subscription
    plan: Plan
    invoices: tuple[tuple[Invoice, Payment | None], ...]  # that are not paid, with their open payment


def cancel(standing: Standing, when: When, now: datetime, actor: str, policy: Policy) -> Change | None:
    """None: it is so already. Raises AlreadyEnded where there is nothing left that could be stopped."""
    subscription = standing.subscription
    if subscription.state == "ended":
        if subscription.end_reason == "cancelled":
            return None
        raise AlreadyEnded("the subscription is over", subscription_id=subscription.id)
    if not subscription.live:
        raise AlreadyEnded("the subscription never began", subscription_id=subscription.id)
    if when == "period_end" and subscription.state in ("trialing", "active"):
        return _stop_renewal(standing, now, actor, policy)
    return _end_now(standing, now, actor)


def resume(standing: Standing, usable: bool, now: datetime, actor: str, policy: Policy) -> Change | None:
    """None: it renews already. Raises NotResumable, MethodRequired."""
    subscription = standing.subscription
    if subscription.state not in ("trialing", "active"):
        raise NotResumable("only a running subscription can be resumed", subscription_id=subscription.id)
    if subscription.disputed_at is not None:
        raise NotResumable("a payment is under dispute at the bank", subscription_id=subscription.id)
    if not usable:
        raise MethodRequired("there is no payment method to renew with", subscription_id=subscription.id)
    if subscription.auto_renew:
        return None
    after = replace(subscription, auto_renew=True)
    facts = {"auto_renew": True, "next_action_at": next_action_at(after, standing.plan, policy)}
    return _change(subscription, now, actor, [Move(subscription, "resumed", facts)], "resumed")


def _stop_renewal(standing: Standing, now: datetime, actor: str, policy: Policy) -> Change | None:
    subscription = standing.subscription
    if not subscription.auto_renew:
        return None
    after = replace(subscription, auto_renew=False, retry_at=None)
    facts = {
        "auto_renew": False,
        "retry_at": None,
        "booked_plan_id": None,  # nothing follows what is paid for
        "booked_price_id": None,
        "next_action_at": next_action_at(after, standing.plan, policy),
    }
    writes = [*_drop_invoices(standing, {"renewal"}), Move(subscription, "cancelled_at_period_end", facts)]
    return _change(subscription, now, actor, writes, "cancelled")


def _end_now(standing: Standing, now: datetime, actor: str) -> Change:
    dropped = _drop_invoices(standing, {"renewal", "purchase", "plan_change"})
    writes = [*dropped, Move(standing.subscription, "cancelled_now", ended("cancelled", now))]
    return _change(standing.subscription, now, actor, writes, "cancelled")


def ended(reason: str, now: datetime) -> dict[str, object]:
    """The columns of a subscription that is over."""
    return {
        "end_reason": reason,
        "ended_at": now,
        "next_action_at": None,
        "retry_at": None,
        "auto_renew": False,
        "booked_plan_id": None,
        "booked_price_id": None,
        "parked_at": None,  # nothing is left that could happen by itself
        "park_reason": None,
    }


def _drop_invoices(standing: Standing, reasons: set[str]) -> list[Write]:
    """Nobody pays these any more. What was never sent is aborted; what perhaps was stays open: late money goes back."""
    writes: list[Write] = []
    for invoice, payment in standing.invoices:
        if invoice.reason in reasons:
            writes.append(Move(invoice, "closed", {"fail_reason": "cancelled"}))
            if payment is not None and payment.state == "created":
                writes.append(Move(payment, "aborted", {"next_check_at": None}))
    return writes


def _change(subscription: Subscription, now: datetime, actor: str, writes: list[Write], reason: str) -> Change:
    return Change(subscription.user_id, now, actor, tuple(writes), reason=reason)
