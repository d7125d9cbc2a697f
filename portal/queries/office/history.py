"""The whole append-only history, newest first, with everything that customers are not shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, select

from portal.db.session import db
from portal.models.history import HistoryRow
from portal.models.plan import PlanRow
from portal.models.subscription import SubscriptionRow
from portal.queries.history import HistoryEntry
from portal.queries.office.people import of_customer
from portal.queries.pages import Page, Window, page


@dataclass(frozen=True)
class HistoryLine:
    """One row, whole. `entry` is what sentences are made of."""

    entry: HistoryEntry
    user_id: str
    subscription_id: UUID
    from_state: str | None
    actor: str
    reason: str


def listed(
    window: Window,
    *,
    kind: str | None = None,
    event: str | None = None,
    customer: str | None = None,
    subscription_id: UUID | None = None,
    actor: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Page[HistoryLine]:
    """`customer`: an id or an e-mail. Ordered by time, then by number: both stand in one index, days are its ranges."""
    asked = {
        HistoryRow.kind: kind,
        HistoryRow.event: event,
        HistoryRow.subscription_id: subscription_id,
        HistoryRow.actor: actor,
    }
    where: list[ColumnElement[bool]] = [column == value for column, value in asked.items() if value is not None]
    if customer:
        where.append(of_customer(HistoryRow.user_id, customer))
    if since:
        where.append(HistoryRow.at >= since)
    if until:
        where.append(HistoryRow.at < until)
    table = HistoryRow.__table__
    return page(lines().where(*where), (table.c.at, table.c.seq), window, read)


def find(seq: int) -> HistoryLine | None:
    row = db.session.execute(lines().where(HistoryRow.seq == seq)).mappings().one_or_none()
    return None if row is None else read(row)


def lines() -> Select[Any]:
    return (
        select(HistoryRow.__table__, PlanRow.names.label("plan_names"))
        .join(SubscriptionRow, SubscriptionRow.id == HistoryRow.subscription_id)
        .join(PlanRow, PlanRow.id == SubscriptionRow.plan_id)
    )


def read(row: Mapping[Any, Any]) -> HistoryLine:
    """A row of `lines`."""
    table = HistoryRow.__table__.c
    entry = HistoryEntry(
        seq=row[table.seq],
        at=row[table.at],
        due_at=row[table.due_at],
        kind=row[table.kind],
        subject_id=row[table.subject_id],
        event=row[table.event],
        to_state=row[table.to_state],
        facts=row[table.facts],
        plan_names=row["plan_names"],
    )
    return HistoryLine(
        entry=entry,
        user_id=row[table.user_id],
        subscription_id=row[table.subscription_id],
        from_state=row[table.from_state],
        actor=row[table.actor],
        reason=row[table.reason],
    )
