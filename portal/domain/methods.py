"""What using, saving or removing a payment method changes in the subscriptions that hang on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from portal.domain.change import Change, Move, Set, Write
from portal.domain.consent import Consent
from portal.domain.dunning import next_action_at
from portal.domain.ids import new_id
from portal.domain.method import PaymentMethod
from portal.domain.payment import Payment
from portal.domain.plan import Plan
from portal.domain.policy import Policy
from portal.domain.subscription import Subscription

Held = Sequence[tuple[Subscription, Plan]]  # live subscriptions of one user


def use(method: PaymentMethod, held: Held, now: datetime, actor: str, policy: Policy) -> Change:
    """Every live subscription renews with this method from now on; what is owed is tried at once."""
    writes = [_use(subscription, plan, method, now, policy) for subscription, plan in held]
    return Change(method.user_id, now, actor, tuple(write for write in writes if write), reason="method_changed")


def remove(
    method: PaymentMethod, held: Held, unsent: Sequence[Payment], revocation: Consent, now: datetime, policy: Policy
) -> Change:
    """Never charged again, in the same commit: the consent, the queued tries and the renewals go with it.

    No other method takes its place by itself: nobody agreed to that.
    """
    writes: list[Write] = [Set(method, {"removed_at": now}), revocation]
    writes += [Move(payment, "aborted", {"next_check_at": None}) for payment in unsent]
    for subscription, plan in held:
        if subscription.payment_method_id == method.id:
            writes.append(_forget(subscription, plan, policy))
    return Change(method.user_id, now, f"user:{method.user_id}", tuple(writes), reason="method_removed")


def revocation(method: PaymentMethod, now: datetime, text_version: str, locale: str) -> Consent:
    return Consent(
        id=new_id(now),
        user_id=method.user_id,
        kind="renewal",
        given=False,
        text_version=text_version,
        source="cabinet",
        at=now,
        locale=locale,
        address=None,
        user_agent=None,
        payment_method_id=method.id,
    )


def _use(subscription: Subscription, plan: Plan, method: PaymentMethod, now: datetime, policy: Policy) -> Move | None:
    if subscription.payment_method_id == method.id:
        return None
    owes = subscription.state in ("past_due", "suspended")
    gains = subscription.payment_method_id is None and subscription.auto_renew
    after = replace(
        subscription,
        payment_method_id=method.id,
        method_dead=False,
        retry_at=now if owes else None,
    )
    facts = {
        "payment_method_id": method.id,
        "method_dead": False,
        "retry_at": after.retry_at,
        "next_action_at": next_action_at(after, plan, policy),
    }
    return Move(subscription, "method_added" if gains else "method_changed", facts)


def _forget(subscription: Subscription, plan: Plan, policy: Policy) -> Move:
    after = replace(subscription, payment_method_id=None, retry_at=None)
    facts = {"payment_method_id": None, "retry_at": None, "next_action_at": next_action_at(after, plan, policy)}
    renewed = subscription.auto_renew or subscription.state not in ("trialing", "active")
    return Move(subscription, "method_removed" if renewed else "method_forgotten", facts)
