"""Each process says that it lives; /readyz listens."""

from __future__ import annotations

import time
from datetime import timedelta

from sqlalchemy import select, update

from portal.clock import real_now
from portal.db import rows
from portal.db.session import atomic, db
from portal.models.installation import HeartbeatRow

# How long a process may be silent: loops beat every few seconds, the worker with its every-minute jobs.
PATIENCE = {"relay": timedelta(seconds=60), "inbox": timedelta(seconds=60), "worker": timedelta(seconds=150)}
EVERY_SECONDS = 5.0
_last: dict[str, float] = {}
_mine = ""


def of_this_process(process: str) -> None:
    """What it is, so that its long runs show that it lives."""
    global _mine
    _mine = process


def go_on() -> None:
    """To be called in the middle of a long run, by whatever process it runs in, with no transaction open."""
    if _mine:
        beat(_mine)


def beat(process: str) -> None:
    """To be called at every turn of a loop; writes a row every few seconds at most."""
    if time.monotonic() - _last.get(process, float("-inf")) < EVERY_SECONDS:
        return
    now = real_now()
    with atomic():
        done = db.session.execute(update(HeartbeatRow).where(HeartbeatRow.process == process).values(beat_at=now))
        if done.rowcount == 0:  # type: ignore[attr-defined]  # a CursorResult
            rows.add_or_nothing(HeartbeatRow.__table__, {"process": process, "beat_at": now})
    _last[process] = time.monotonic()


def silent() -> list[str]:
    """Processes that should beat and do not."""
    now = real_now()
    last = dict(db.session.execute(select(HeartbeatRow.process, HeartbeatRow.beat_at)).all())
    return [name for name, patience in PATIENCE.items() if name not in last or now - last[name] > patience]
