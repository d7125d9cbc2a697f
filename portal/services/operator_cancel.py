"""An operator stops a subscription, with or without money back, or lets it renew again."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from portal import failpoints, runtime
from portal.db.session import atomic
from portal.domain import cancelling, refunding
from portal.domain.act import Act
from portal.domain.cancelling import When
from portal.domain.change import Change
from portal.domain.errors import InvalidRequest, SumChanged
from portal.domain.money import Money
from portal.domain.refund import GIVING, Refund
from portal.domain.subscription import Subscription
from portal.services import activity, give_back, journal, standing, unused_money
from portal.services.methods import chargeable
from portal.services.one_by_one import one_by_one
from portal.services.settle import refund_facts

MoneyBack = Literal["none", "unused"]


def cancel(act: Act, subscription_id: UUID, when: When, money: MoneyBack, shown: Money | None) -> list[UUID]:
    """Where it is so already, nothing happens but the entry in the log. Answers the refunds of the unused time.

    `unused` goes with `now` only, and `shown` is its sum as the operator read it, good for as long as an offer to a
    customer. Nothing runs on, so all that is unused goes back, be it of several payments.
    Raises NotFound, AlreadyDone, AlreadyEnded, InvalidRequest, SumChanged.
    """
    now = runtime.clock.now()
    if money == "unused" and when != "now":
        raise InvalidRequest("who keeps the paid time has not left any unused", field="money")
    with atomic():
        facts = standing.to_cancel(subscription_id)
        activity.refuse_repeat(act)
        change = cancelling.cancel(facts, when, now, act.actor, runtime.policy)
        given = _unused(act, facts.subscription, shown, now) if money == "unused" else []
        journal.record([*(one for _, one in given), *([change] if change else [])])
        refunds = [refund for refund, _ in given]
        _log(act, "subscription.cancel", facts.subscription, {"when": when} | _told_of(refunds))
    if refunds:
        failpoints.reached("refund.reserved")
    one_by_one([refund.id for refund in refunds], give_back.send)
    return [refund.id for refund in refunds]


def resume(act: Act, subscription_id: UUID) -> None:
    """Where it renews already, nothing happens but the entry in the log.

    Raises NotFound, AlreadyDone, NotResumable, MethodRequired.
    """
    now = runtime.clock.now()
    with atomic():
        facts = standing.to_cancel(subscription_id)
        activity.refuse_repeat(act)
        subscription = facts.subscription
        ready = chargeable(subscription.payment_method_id, subscription.user_id) is not None
        change = cancelling.resume(facts, ready, now, act.actor, runtime.policy)
        if change:
            journal.record([change])
        _log(act, "subscription.resume", subscription, {})


def _unused(act: Act, subscription: Subscription, shown: Money | None, now: datetime) -> list[tuple[Refund, Change]]:
    """Access ends with the cancelling, so that the refunds themselves leave it alone."""
    if shown is None:
        raise InvalidRequest("the sum that was shown is missing", field="shown")
    parts = unused_money.parts_of(subscription)
    given = unused_money.split(parts, shown)
    if given is None:
        left = unused_money.total(parts) or Money.zero(shown.currency)
        raise SumChanged(f"{left.major} {left.currency} is unused now", available=left)
    grounds = act.reason if act.reason in GIVING else None
    return [refunding.give(refund_facts(payment), amount, "keep", grounds, now, act.actor) for payment, amount in given]


def _told_of(refunds: list[Refund]) -> dict[str, object]:
    if not refunds:
        return {}
    return {"refund_ids": [str(one.id) for one in refunds], "amount_minor": sum(one.amount_minor for one in refunds)}


def _log(act: Act, what: str, before: Subscription, more: dict[str, object]) -> None:
    after = standing.subscription(before.id)
    activity.log(
        act,
        what,
        "subscription",
        before.id,
        user_id=before.user_id,
        before=_told(before),
        after=_told(after) | more,
    )


def _told(subscription: Subscription) -> dict[str, object]:
    return {
        "state": subscription.state,
        "auto_renew": subscription.auto_renew,
        "paid_through": subscription.paid_through,
    }
