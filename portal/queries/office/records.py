"""Rows of the history with what only operators are told: who did it, when it was due, from which state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import and_, or_, select

from portal.db.session import db
from portal.models.history import HistoryRow
from portal.models.plan import PlanRow
from portal.models.subscription import SubscriptionRow
from portal.queries.history import HistoryEntry


@dataclass(frozen=True)
class Record:
    entry: HistoryEntry
    actor: str
    from_state: str | None
    reason: str


def of_subjects(subjects: Mapping[str, Sequence[UUID]]) -> list[Record]:
    """Everything that was written down about these rows, oldest first. `subjects`: by kind."""
    about = [
        and_(HistoryRow.kind == kind, HistoryRow.subject_id.in_(ids)) for kind, ids in sorted(subjects.items()) if ids
    ]
    if not about:
        return []
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
            HistoryRow.actor,
            HistoryRow.from_state,
            HistoryRow.reason,
        )
        .join(SubscriptionRow, SubscriptionRow.id == HistoryRow.subscription_id)
        .join(PlanRow, PlanRow.id == SubscriptionRow.plan_id)
        .where(or_(*about))
        .order_by(HistoryRow.seq)
    )
    return [_record(dict(row)) for row in db.session.execute(statement).mappings()]


def _record(row: dict[str, object]) -> Record:
    actor, before, reason = (row.pop(name) for name in ("actor", "from_state", "reason"))
    return Record(HistoryEntry(**row), str(actor), before if isinstance(before, str) else None, str(reason))  # type: ignore[arg-type]  # a row of the statement above
