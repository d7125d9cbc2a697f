"""The worker keeps the last run of each job, for whoever wonders what it does; an error until one succeeds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import update

from portal import runtime
from portal.db import rows
from portal.db.session import atomic, db
from portal.models.installation import JobRunRow

LONGEST_ERROR = 500  # characters kept on the row


def record(name: str, run: Callable[[], int]) -> int:
    """Run a job once and answer what it answers. Raises what it raises, after that was written down."""
    write(name, {"started_at": runtime.clock.now(), "finished_at": None, "done": 0})
    try:
        done = run()
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        write(name, {"finished_at": runtime.clock.now(), "error": said[:LONGEST_ERROR].replace("\0", "")})
        raise
    write(name, {"finished_at": runtime.clock.now(), "done": done, "error": None})
    return done


def write(name: str, values: dict[str, Any]) -> None:
    """Of the last run, whatever is left out stays as it was."""
    with atomic():
        written = db.session.execute(update(JobRunRow).where(JobRunRow.job == name).values(**values))
        if written.rowcount == 0:  # type: ignore[attr-defined]  # a CursorResult
            rows.add_or_nothing(JobRunRow.__table__, {"job": name, **values})
