"""What Auth is told, put beside the change that caused it: the whole entitlements, under the user's next version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, update

from portal.db import rows
from portal.db.session import db
from portal.domain.access import WITHDRAWS_TOKENS, Entitlement, entitlements
from portal.domain.calendar import rfc3339, whole_second_up
from portal.domain.ids import new_id
from portal.domain.plan import Plan
from portal.domain.policy import Policy
from portal.domain.subscription import LIVE, Subscription
from portal.models.messages import OutboxRow
from portal.models.plan import PlanRow
from portal.models.subscription import SubscriptionRow
from portal.models.user import UserRow


@dataclass(frozen=True)
class Told:
    """Something that Auth has to hear."""

    type: str
    user_id: str
    subscription_id: UUID
    reason: str
    invoice_id: UUID | None
    at: datetime


def append(told: Sequence[Told], policy: Policy, source: str) -> None:
    """To be called in the transaction that changed the rights, with the users' rows locked."""
    rights = _rights_of({one.user_id for one in told}, told[0].at, policy) if told else {}
    for one in told:
        version, tokens_from = _next_version(one)
        event_id = new_id(one.at)
        db.session.execute(
            insert(OutboxRow).values(
                id=event_id,
                user_id=one.user_id,
                version=version,
                type=one.type,
                subscription_id=one.subscription_id,
                invoice_id=one.invoice_id,
                body=_cloud_event(event_id, one, version, tokens_from, rights[one.user_id], source),
                created_at=one.at,
                attempts=0,
            )
        )


def as_json(entitlement: Entitlement) -> dict[str, Any]:
    """One entitlement as events and the endpoint carry it."""
    return {
        "subscription_id": str(entitlement.subscription_id),
        "plan": entitlement.plan,
        "features": list(entitlement.features),
        "from": rfc3339(entitlement.start),
        "until": rfc3339(whole_second_up(entitlement.until)),  # cut off, it would end access too early
        "auto_renew": entitlement.auto_renew,
        "status": entitlement.state,
    }


def _next_version(told: Told) -> tuple[int, int]:
    """Versions run 1, 2, 3 ... under the user's row lock; tokens older than `tokens_from` are refused by Auth."""
    version = UserRow.entitlements_version + 1
    values: dict[str, Any] = {"entitlements_version": version}
    if told.type in WITHDRAWS_TOKENS:
        values["tokens_from_version"] = version
    db.session.execute(update(UserRow).where(UserRow.id == told.user_id).values(**values))
    row = db.session.execute(
        select(UserRow.entitlements_version, UserRow.tokens_from_version).where(UserRow.id == told.user_id)
    ).one()
    return row[0], row[1]


def _rights_of(user_ids: set[str], now: datetime, policy: Policy) -> dict[str, list[Entitlement]]:
    subscriptions = rows.find_all(Subscription, SubscriptionRow.user_id.in_(user_ids), SubscriptionRow.state.in_(LIVE))
    plans: Mapping[UUID, Plan] = {
        plan.id: plan for plan in rows.find_all(Plan, PlanRow.id.in_({s.plan_id for s in subscriptions}))
    }
    return {
        user_id: entitlements([s for s in subscriptions if s.user_id == user_id], plans, now, policy)
        for user_id in user_ids
    }


def _cloud_event(
    event_id: UUID, told: Told, version: int, tokens_from: int, rights: list[Entitlement], source: str
) -> dict[str, Any]:
    # An Auth that compares `iat`, in whole seconds, needs a second that every older token lies before.
    revoke_before = (told.at + timedelta(seconds=1)).replace(microsecond=0)
    return {
        "specversion": "1.0",
        "id": str(event_id),
        "source": source,
        "type": told.type,
        "time": rfc3339(told.at, "milliseconds"),
        "subject": told.user_id,
        "datacontenttype": "application/json",
        "data": {
            "user_id": told.user_id,
            "version": version,
            "tokens_from_version": tokens_from,
            "revoke_before": rfc3339(revoke_before) if told.type in WITHDRAWS_TOKENS else None,
            "subscription_id": str(told.subscription_id),
            "reason": told.reason,
            "invoice_guid": str(told.invoice_id) if told.invoice_id else None,
            "subscriptions": [as_json(right) for right in rights],
        },
    }
