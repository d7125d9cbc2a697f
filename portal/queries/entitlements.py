"""What a user may use now, with the version it stands under: for services that missed events, or want no queue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from sqlalchemy import RowMapping, select

from portal.db import rows
from portal.db.session import db
from portal.domain.access import Entitlement, entitlements
from portal.domain.plan import Plan
from portal.domain.policy import Policy
from portal.domain.subscription import LIVE, Subscription
from portal.models.plan import PlanRow
from portal.models.subscription import SubscriptionRow
from portal.models.user import UserRow


@dataclass(frozen=True)
class Rights:
    user_id: str
    version: int
    tokens_from_version: int
    entitlements: list[Entitlement]  # oldest first


def of_user(user_id: str, now: datetime, policy: Policy) -> Rights:
    """Somebody we have never seen stands at version 0 and may use nothing."""
    return of_users([user_id], now, policy).get(user_id) or Rights(user_id, 0, 0, [])


def of_users(user_ids: Sequence[str], now: datetime, policy: Policy) -> dict[str, Rights]:
    """Those of them whom we have seen.

    One statement, so that version and rights are of the same commit: a newer version over older rights would make its
    reader drop the event that follows.
    """
    subscription, plan = SubscriptionRow.__table__, PlanRow.__table__
    live = (subscription.c.user_id == UserRow.id) & subscription.c.state.in_(LIVE)
    found = db.session.execute(
        select(UserRow.id, UserRow.entitlements_version, UserRow.tokens_from_version, subscription, plan)
        .outerjoin(subscription, live)
        .outerjoin(plan, plan.c.id == subscription.c.plan_id)
        .where(UserRow.id.in_(user_ids))
        .order_by(UserRow.id)
    ).mappings()
    return {
        user_id: _rights(user_id, list(lines), now, policy)
        for user_id, lines in groupby(found, lambda row: row[UserRow.id])
    }


def _rights(user_id: str, lines: list[RowMapping], now: datetime, policy: Policy) -> Rights:
    subscription, plan = SubscriptionRow.__table__, PlanRow.__table__
    owned = [row for row in lines if row[subscription.c.id] is not None]
    subscriptions = [rows.read_from(Subscription, subscription, row) for row in owned]
    plans = {row[plan.c.id]: rows.read_from(Plan, plan, row) for row in owned}
    return Rights(
        user_id=user_id,
        version=lines[0][UserRow.entitlements_version],
        tokens_from_version=lines[0][UserRow.tokens_from_version],
        entitlements=entitlements(subscriptions, plans, now, policy),
    )
