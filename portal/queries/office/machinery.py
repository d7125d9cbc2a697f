"""The jobs' last runs and the processes' last signs of life."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from portal.db.session import db
from portal.models.installation import HeartbeatRow, JobRunRow


@dataclass(frozen=True)
class JobRun:
    job: str
    started_at: datetime
    finished_at: datetime | None
    done: int
    error: str | None


def job_runs() -> Mapping[str, JobRun]:
    columns = (JobRunRow.job, JobRunRow.started_at, JobRunRow.finished_at, JobRunRow.done, JobRunRow.error)
    return {row["job"]: JobRun(**row) for row in db.session.execute(select(*columns)).mappings()}


def heartbeats() -> Mapping[str, datetime]:
    """In real time, not the portal's."""
    statement = select(HeartbeatRow.process, HeartbeatRow.beat_at).order_by(HeartbeatRow.process)
    return dict(db.session.execute(statement).all())
