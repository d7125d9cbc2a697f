"""The clock's row: how far portal time is from real time, and whether somebody is travelling just now."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, select, update

from portal import clock, runtime
from portal.db import rows
from portal.db.lock import exclusive
from portal.db.session import atomic, db
from portal.models.installation import ClockRow

LOCK = "travel"
LEASE = timedelta(seconds=30)  # longer than the longest call to anybody while nothing is written


class SomebodyTravels(Exception):
    """There is one traveller at a time."""


def read_offset(engine: Engine) -> timedelta:
    """Portal time minus real time, read on a connection of its own so that no transaction is disturbed."""
    with engine.connect() as connection:
        found = connection.scalar(select(ClockRow.offset_microseconds))
    return timedelta(microseconds=found or 0)


def somebody_travels() -> bool:
    """Loops stand still then. Nobody does in production, where no row is read."""
    if not runtime.settings.pretends:
        return False
    with db.engine.connect() as connection:
        until = connection.scalar(select(ClockRow.travelling_until))
    return until is not None and until > clock.real_now()


@contextmanager
def travelling() -> Iterator[Callable[[], None]]:
    """Keeps the loops still. What it yields says that we go on; a traveller who does not for LEASE is forgotten.

    The lock goes with its process, so that whoever comes after one that was killed need not wait for the lease.
    Raises SomebodyTravels.
    """
    with exclusive(LOCK) as still_held:
        if still_held is None:
            raise SomebodyTravels("somebody is travelling through time already: wait until they have arrived")

        def go_on() -> None:
            still_held()
            _write({"travelling_until": clock.real_now() + LEASE})

        go_on()
        try:
            yield go_on
        finally:
            _write({"travelling_until": None})


def move_to(moment: datetime) -> None:
    """Make it this moment, for every process. Time ticks on from there."""
    move_by(moment - clock.real_now())


def move_by(offset: timedelta) -> None:
    """Set how far portal time is from real time."""
    _write({"offset_microseconds": offset // timedelta(microseconds=1)})
    runtime.clock.look_again()


def _write(values: dict[str, Any]) -> None:
    with atomic():
        done = db.session.execute(update(ClockRow).values(**values))
        if done.rowcount == 0:  # type: ignore[attr-defined]  # a CursorResult
            first = {"id": 1, "offset_microseconds": 0, "travelling_until": None}
            rows.add_or_nothing(ClockRow.__table__, first | values)
