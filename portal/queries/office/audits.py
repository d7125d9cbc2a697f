"""The nightly audit's last runs, and what the last of them that came to its end found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from portal.db.session import db
from portal.models.audit import AuditFindingRow, AuditRunRow

SHOWN_RUNS = 14
SHOWN = 200  # findings; the command tells all


@dataclass(frozen=True)
class AuditRun:
    seq: int
    started_at: datetime
    finished_at: datetime | None
    found: int
    error: str | None


@dataclass(frozen=True)
class Finding:
    invariant: str
    what: str
    ids: Mapping[str, str]
    todo: str


def runs() -> Sequence[AuditRun]:
    """The newest first."""
    statement = select(AuditRunRow.__table__).order_by(AuditRunRow.seq.desc()).limit(SHOWN_RUNS)
    return [AuditRun(**row) for row in db.session.execute(statement).mappings()]


def last_checked(told: Sequence[AuditRun]) -> AuditRun | None:
    """One that was killed, or that could not check, says nothing of what is open."""
    return next((run for run in told if run.finished_at is not None and run.error is None), None)


def findings(run: AuditRun) -> Sequence[Finding]:
    row = AuditFindingRow
    columns = (row.invariant, row.what, row.ids, row.todo)
    statement = select(*columns).where(row.run == run.seq).order_by(row.position).limit(SHOWN)
    return [Finding(**found) for found in db.session.execute(statement).mappings()]
