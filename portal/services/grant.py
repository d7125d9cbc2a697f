"""An operator gives a customer time."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import exists, select

from portal import runtime
from portal.db import rows
from portal.db.session import atomic, db
from portal.domain import granting
from portal.domain.act import Act
from portal.domain.refund import OPEN
from portal.domain.subscription import Period
from portal.models.payment import RefundRow
from portal.models.subscription import PeriodRow
from portal.services import activity, journal, standing


def grant(act: Act, subscription_id: UUID, days: int) -> None:
    """Raises NotFound, AlreadyDone, InvalidRequest, NotGrantable."""
    now = runtime.clock.now()
    with atomic():
        facts = _facts(subscription_id)
        activity.refuse_repeat(act)
        subscription = facts.subscription
        end, change = granting.grant(facts, days, act.id, now, act.actor, runtime.policy)
        # First, for the period names the act it comes from.
        activity.log(
            act,
            "subscription.grant",
            "subscription",
            subscription_id,
            user_id=subscription.user_id,
            before={_END[subscription.state]: subscription.runs_until},
            after={_END[subscription.state]: end, "days": days},
        )
        journal.record([change])


_END = {"trialing": "trial_end", "active": "paid_through"}


def _facts(subscription_id: UUID) -> granting.Standing:
    subscription = standing.lock_owned(subscription_id)
    renewal = standing.unpaid_renewal(subscription.id)
    return granting.Standing(
        subscription=subscription,
        plan=standing.plan_of(subscription.plan_id),
        unpaid_renewal=(renewal, standing.open_payment(renewal.id)) if renewal else None,
        takes_time_back=_takes_time_back(subscription.id),
        trial=_trial(subscription.id) if subscription.state == "trialing" else None,
    )


def _trial(subscription_id: UUID) -> Period | None:
    return rows.find(Period, PeriodRow.subscription_id == subscription_id, PeriodRow.revoked_at.is_(None))


def _takes_time_back(subscription_id: UUID) -> bool:
    open_ = exists().where(
        RefundRow.subscription_id == subscription_id,
        RefundRow.effect == "take_back",
        RefundRow.state.in_(OPEN),
        RefundRow.accepted_at.is_(None),
    )
    return bool(db.session.scalar(select(open_)))
