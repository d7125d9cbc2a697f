"""Travelling through time: from one due moment to the next, everything done at each before the next is entered.

Nothing is simulated: the portal's own jobs and services run, and find that it is later.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from flask import current_app
from sqlalchemy import Connection, MetaData, func, select

from portal import runtime
from portal.clock import real_now
from portal.db.base import Base
from portal.db.session import db, end_reads
from portal.demo.sandbox.tables import book
from portal.demo.surroundings import Stuck as Stuck
from portal.demo.surroundings import surroundings
from portal.domain.calendar import rfc3339
from portal.jobs import JOBS, Job
from portal.queries import happenings
from portal.queries.happenings import Happening
from portal.services import clock

MOST_TRIES = 20  # of a job whose oldest work stays where it is
MOST_ROUNDS = 1000  # at one moment

log = logging.getLogger(__name__)

Tell = Callable[[list[Happening]], None]
Pass = Callable[[datetime, int], None]


class NotForward(ValueError):
    """Time does not go back."""


class LaterRows(Exception):
    """Something has happened that would not have happened yet."""


@dataclass
class Trip:
    """What it came to. `done` counts by the names of the jobs, `happened` by `subscription.renewed` and the like."""

    steps: int = 0
    done: Counter[str] = field(default_factory=Counter)
    happened: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Tried:
    """A run of a job: what was due, when it ran, and how often it had run for the same."""

    due: datetime
    at: datetime
    times: int


class Traveller:
    """`tell` hears what happened after each moment, `pass_by` hears of each step, `go_on` keeps the loops still."""

    def __init__(self, jobs: Iterable[Job], go_on: Callable[[], None], tell: Tell, pass_by: Pass) -> None:
        self._jobs = tuple(jobs)
        self._go_on = go_on
        self._tell = tell
        self._pass_by = pass_by
        self._tried: dict[str, Tried] = {}
        self._told = happenings.last_seq()
        self.trip = Trip()

    def go(self, target: datetime) -> Trip:
        """Raises Stuck. Portal time is then where it got to, and everything before it is done."""
        moment = self._do_what_is_due()
        while moment is not None and moment <= target:
            moment = self._enter(moment)
        self._enter(target)
        return self.trip

    def _enter(self, moment: datetime) -> datetime | None:
        """Answers the next."""
        if moment > runtime.clock.now():
            clock.move_to(moment)
        self.trip.steps += 1
        self._pass_by(moment, self.trip.steps)
        return self._do_what_is_due()

    def _wake_at(self, job: Job) -> datetime | None:
        """When it is due; for what it could not get done, one of its own intervals after it tried."""
        due = job.next_due()
        tried = self._tried.get(job.name)
        if due is None or tried is None or tried.due != due:
            return due
        return max(due, tried.at + job.every)

    def _do_what_is_due(self) -> datetime | None:
        """Round after round, until nothing is due: one's work is another's cause. Answers when something will be."""
        ready: list[Job] = []
        for _ in range(MOST_ROUNDS):
            wake_at = {job: moment for job in self._jobs if (moment := self._wake_at(job)) is not None}
            end_reads()
            now = runtime.clock.now()
            ready = [job for job, moment in wake_at.items() if moment <= now]
            if not ready:
                self._tell_what_happened()
                return min(wake_at.values(), default=None)
            for job in ready:
                self._run(job)
        self._tell_what_happened()
        raise Stuck(f"at {rfc3339(runtime.clock.now())} there is always more to do: {_names(ready)}")

    def _run(self, job: Job) -> None:
        """Work that fails stays due, as with the worker; somebody waits for it here, so it cannot fail for ever."""
        self._go_on()
        due = job.next_due()
        end_reads()
        if due is None or due > runtime.clock.now():
            return  # the job before it did it, too
        try:
            self.trip.done[job.name] += job.run_once()
        except Stuck:
            raise
        except Exception:
            log.exception("%s failed", job.name)
        finally:
            db.session.remove()
        self._remember(job, due)

    def _remember(self, job: Job, due: datetime) -> None:
        before = self._tried.get(job.name)
        times = before.times + 1 if before and before.due == due else 1
        self._tried[job.name] = Tried(due, runtime.clock.now(), times)
        if times >= MOST_TRIES:
            self._tell_what_happened()
            raise Stuck(f"{job.name} was tried {times} times for what is due since {rfc3339(due)}; the log says why")

    def _tell_what_happened(self) -> None:
        found = happenings.since(self._told)
        end_reads()
        if found:
            self._told = found[-1].seq
            self.trip.happened.update(one.name for one in found)
            self._tell(found)


def _names(jobs: Sequence[Job]) -> str:
    return ", ".join(job.name for job in jobs)


def _silent(*_: object) -> None:
    """For those who want to know only what it came to."""


def advance(span: timedelta, tell: Tell = _silent, pass_by: Pass = _silent) -> Trip:
    """Raises NotForward, Stuck, SomebodyTravels."""
    return travel(runtime.clock.now() + span, tell, pass_by)


def travel(target: datetime, tell: Tell = _silent, pass_by: Pass = _silent) -> Trip:
    """Raises NotForward, Stuck, SomebodyTravels."""
    with clock.travelling() as go_on:
        runtime.clock.look_again()
        if target <= runtime.clock.now():
            raise NotForward(f"time only goes forward, and it is {rfc3339(runtime.clock.now())} already")
        with surroundings() as around:
            return Traveller([*around, *JOBS], go_on, tell, pass_by).go(target)


def reset() -> None:
    """Portal time is real time again. Raises LaterRows, SomebodyTravels."""
    with clock.travelling():
        latest = latest_row()
        if latest is not None and latest > real_now():
            raise LaterRows(f"something is dated {rfc3339(latest)}, and that is still to come")
        clock.move_by(timedelta(0))


def latest_row() -> datetime | None:
    """When something was last written down, in the portal or in the payment system; None: never."""
    with db.engine.connect() as connection:
        ours = _latest(connection, Base.metadata)
    with current_app.extensions["matinee_sandbox"].book.read() as connection:
        theirs = _latest(connection, book)
    return max((at for at in (ours, theirs) if at), default=None)


def _latest(connection: Connection, metadata: MetaData) -> datetime | None:
    """The newest moment at which something was written down, whatever it may say of moments to come."""
    columns = [
        column
        for table in metadata.tables.values()
        for column in table.columns
        if column.name in ("at", "created_at", "modified_at", "received_at")
    ]
    return max((at for column in columns if (at := connection.scalar(select(func.max(column))))), default=None)
