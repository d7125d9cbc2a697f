"""What operators did, newest first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from portal.db.session import db
from portal.models.activity import ActivityRow
from portal.queries.pages import Page, Window, page


@dataclass(frozen=True)
class Activity:
    seq: int
    id: UUID
    at: datetime
    operator: str
    act: str
    outcome: str  # done, or the error_id of the refusal
    kind: str
    subject_id: str
    user_id: str | None
    reason: str | None
    note: str | None
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    request_id: str
    address: str | None

    @property
    def changes(self) -> list[tuple[str, Any, Any]]:
        """What it changed: name, before, after."""
        names = dict.fromkeys([*self.before, *self.after])
        pairs = [(name, self.before.get(name), self.after.get(name)) for name in names]
        return [(name, old, new) for name, old, new in pairs if old != new]


COLUMNS = tuple(getattr(ActivityRow, one.name) for one in fields(Activity))


def listed(
    window: Window,
    *,
    operator: str | None = None,
    kind: str | None = None,
    subject_id: str | None = None,
    user_id: str | None = None,
) -> Page[Activity]:
    given = {"operator": operator, "kind": kind, "subject_id": subject_id, "user_id": user_id}
    statement = select(*COLUMNS).where(*(getattr(ActivityRow, k) == v for k, v in given.items() if v))
    return page(statement, [ActivityRow.seq], window, lambda row: Activity(**row))


def entry(seq: int) -> Activity | None:
    row = db.session.execute(select(*COLUMNS).where(ActivityRow.seq == seq)).mappings().one_or_none()
    return None if row is None else Activity(**row)
