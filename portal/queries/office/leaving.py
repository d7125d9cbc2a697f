"""Why customers cancelled: how many said what in a range of days, and what they wrote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, text

from portal.db.session import db
from portal.models.history import CANCELLED, HistoryRow
from portal.models.leaving import CancelReasonRow
from portal.models.plan import PlanRow
from portal.models.subscription import SubscriptionRow
from portal.models.user import UserRow
from portal.queries.pages import Page, Window, page


@dataclass(frozen=True)
class Answered:
    cancellation: int  # the line of the history
    at: datetime
    reason: str
    comment: str | None
    subscription_id: UUID
    plan_names: Mapping[str, str]
    user_id: str
    email: str | None


@dataclass(frozen=True)
class Counted:
    by_reason: Mapping[str, int]
    cancelled: int  # by customers themselves, whether they answered or not

    @property
    def answered(self) -> int:
        return sum(self.by_reason.values())


def counted(since: datetime, until: datetime) -> Counted:
    """By the day of the cancellation, so that no more can have answered than cancelled. Two statements."""
    cancelled = text(CANCELLED), HistoryRow.at >= since, HistoryRow.at < until
    found = db.session.execute(
        select(CancelReasonRow.reason, func.count().label("n"))
        .join(HistoryRow, HistoryRow.seq == CancelReasonRow.cancellation)
        .where(*cancelled)
        .group_by(CancelReasonRow.reason)
    )
    by_themselves = HistoryRow.actor.not_like("operator:%")
    total = db.session.scalar(select(func.count()).select_from(HistoryRow).where(*cancelled, by_themselves))
    return Counted({row.reason: row.n for row in found}, total or 0)


def listed(
    window: Window, *, since: datetime | None = None, until: datetime | None = None, reason: str | None = None
) -> Page[Answered]:
    """The latest answers first; the days are those of the cancellations."""
    table = CancelReasonRow.__table__
    where: list[ColumnElement[bool]] = []
    if since:
        where.append(HistoryRow.at >= since)
    if until:
        where.append(HistoryRow.at < until)
    if reason:
        where.append(CancelReasonRow.reason == reason)
    statement = (
        select(
            table.c.cancellation,
            table.c.at,
            CancelReasonRow.reason,
            CancelReasonRow.comment,
            CancelReasonRow.subscription_id,
            PlanRow.names.label("plan_names"),
            CancelReasonRow.user_id,
            UserRow.email,
        )
        .join(HistoryRow, HistoryRow.seq == CancelReasonRow.cancellation)
        .join(SubscriptionRow, SubscriptionRow.id == CancelReasonRow.subscription_id)
        .join(PlanRow, PlanRow.id == SubscriptionRow.plan_id)
        .join(UserRow, UserRow.id == CancelReasonRow.user_id)
        .where(*where)
    )
    return page(statement, (table.c.at, table.c.cancellation), window, lambda row: Answered(**row))
