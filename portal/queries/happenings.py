"""What happened to everybody, in the order in which it was written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from portal.db.session import db
from portal.models.history import HistoryRow
from portal.models.plan import PlanRow
from portal.models.subscription import SubscriptionRow


@dataclass(frozen=True)
class Happening:
    seq: int
    at: datetime
    user_id: str
    subscription_id: UUID
    kind: str  # subscription | invoice | payment | refund
    event: str
    to_state: str
    facts: Mapping[str, Any]
    plan_names: Mapping[str, str]

    @property
    def name(self) -> str:
        return f"{self.kind}.{self.event}"


def last_seq() -> int:
    """The number of the newest row of the history; 0 where there is none."""
    return db.session.scalar(select(func.max(HistoryRow.seq))) or 0


def since(seq: int) -> list[Happening]:
    """Everything after that row, oldest first."""
    statement = (
        select(
            HistoryRow.seq,
            HistoryRow.at,
            HistoryRow.user_id,
            HistoryRow.subscription_id,
            HistoryRow.kind,
            HistoryRow.event,
            HistoryRow.to_state,
            HistoryRow.facts,
            PlanRow.names.label("plan_names"),
        )
        .join(SubscriptionRow, SubscriptionRow.id == HistoryRow.subscription_id)
        .join(PlanRow, PlanRow.id == SubscriptionRow.plan_id)
        .where(HistoryRow.seq > seq)
        .order_by(HistoryRow.seq)
    )
    return [Happening(**row) for row in db.session.execute(statement).mappings()]
