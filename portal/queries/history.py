"""The story of a user's subscriptions, for pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from portal.db.session import db
from portal.models.history import HistoryRow
from portal.models.plan import PlanRow
from portal.models.subscription import SubscriptionRow


@dataclass(frozen=True)
class HistoryEntry:
    seq: int
    at: datetime
    due_at: datetime | None
    kind: str  # subscription | invoice | payment | refund
    subject_id: UUID
    event: str
    to_state: str
    facts: Mapping[str, Any]  # amount_minor, currency, number, decline_code, until, ...: what the sentence needs
    plan_names: Mapping[str, str]


def of_user(user_id: str, *, before: int | None = None, limit: int = 50) -> list[HistoryEntry]:
    """Newest first; `before` is the seq where the last page ended."""
    statement = (
        select(
            HistoryRow.seq,
            HistoryRow.at,
            HistoryRow.due_at,
            HistoryRow.kind,
            HistoryRow.subject_id,
            HistoryRow.event,
            HistoryRow.to_state,
            HistoryRow.facts,
            PlanRow.names.label("plan_names"),
        )
        .join(SubscriptionRow, SubscriptionRow.id == HistoryRow.subscription_id)
        .join(PlanRow, PlanRow.id == SubscriptionRow.plan_id)
        .where(HistoryRow.user_id == user_id)
        .order_by(HistoryRow.seq.desc())
        .limit(limit)
    )
    if before is not None:
        statement = statement.where(HistoryRow.seq < before)
    return [HistoryEntry(**row) for row in db.session.execute(statement).mappings()]
