"""One simulated life of a cinema: the schedule in which everybody acts, and what it came to."""

from __future__ import annotations

import heapq
import json
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

from sqlalchemy import func, select

from portal.db.session import db
from portal.demo.sandbox.book import Book
from portal.demo.sandbox.moments import next_due
from portal.demo.simulation import wares
from portal.demo.simulation.chance import seeded
from portal.demo.simulation.clock import SimulatedClock
from portal.demo.simulation.customers import Customer, first_visit, person
from portal.demo.simulation.ground import Ground
from portal.demo.simulation.house import BOOK, House
from portal.demo.simulation.judge import fingerprint, judge, overdue
from portal.demo.simulation.staff import Staff
from portal.demo.simulation.system import Opening, SandboxSystem
from portal.demo.simulation.weather import KINDS, Weather
from portal.domain.payment import OPEN
from portal.jobs import JOBS
from portal.models.invoice import InvoiceRow
from portal.models.messages import InboxRow, OutboxRow
from portal.models.payment import PaymentRow
from portal.services import inbox

START: Final = datetime(2027, 1, 4, 6, 0, tzinfo=UTC)
MONTH: Final = timedelta(days=30)
SETTLING: Final = timedelta(days=9)  # the longest way of the janitor, and the longest that anything is late
LATE: Final = timedelta(minutes=15)  # of a webhook
# What says when the portal's jobs are due; one that is not named here is asked every time.
WRITTEN_FOR: Final = {
    "renew": "subscriptions payments",
    "janitor": "payments refunds method_setups disputes",
    "expire": "invoices payments subscriptions",
    "detach_methods": "payment_methods",
    "forget_keys": "idempotency_keys",
    "forget_quotes": "change_quotes",
    "recognise": "ledger_holdings",
    "reconcile": "job_runs payments",
}
LONGEST_REST: Final = timedelta(minutes=20)
SECOND: Final = timedelta(seconds=1)
NOTICED_FOR: Final = timedelta(hours=1)
LOOKS_EVERY: Final = timedelta(hours=8)
OVERDUE: Final = timedelta(hours=6)  # where everybody who could have done it was there
IMPATIENCE: Final = 0.1  # how often somebody comes between, at a moment at which something is due


@dataclass(frozen=True)
class Plot:
    """What is simulated. `only`: the customers that take part, all where it is None."""

    users: int
    months: int
    seed: int
    without: frozenset[str] = frozenset()
    only: frozenset[int] | None = None

    @property
    def numbers(self) -> list[int]:
        return [number for number in range(self.users) if self.only is None or number in self.only]

    @property
    def span(self) -> timedelta:
        return MONTH * self.months

    def as_options(self) -> str:
        """As `flask simulate` takes it."""
        parts = [f"--users {self.users} --months {self.months} --seed {self.seed}"]
        parts += [f"--only {','.join(map(str, sorted(self.only)))}"] if self.only is not None else []
        return " ".join([*parts, *([f"--without {','.join(sorted(self.without))}"] if self.without else [])])


@dataclass
class Result:
    plot: Plot
    customers: int = 0
    invoices: int = 0
    steps: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    died_at: Counter[str] = field(default_factory=Counter)
    violations: list[dict[str, Any]] = field(default_factory=list)
    fingerprint: str = ""  # of everything that happened: the same seed gives the same

    def as_json(self) -> dict[str, object]:
        return {
            "seed": self.plot.seed,
            "customers": self.customers,
            "invoices": self.invoices,
            "faults": dict(self.faults),
            "violations": len(self.violations),
            "steps": self.steps,
            "died_at": dict(sorted(self.died_at.items())),
            "fingerprint": self.fingerprint,
        }


class Process:
    """Something that runs when it is due; what it could not get done it tries again after `every`, then less often.

    `has_causes`: what others do in this moment makes it due; the rest is looked at once before it.
    `tables`: those whose rows say when it is due, so that it is asked again only after one of them was written to.
    """

    def __init__(
        self,
        due: Callable[[], datetime | None],
        run: Callable[[], object],
        every: timedelta,
        outage: str | None = None,
        has_causes: bool = True,
        tables: str | None = None,
    ) -> None:
        self._find_due = due
        self._run = run
        self._every = every
        self.outage = outage
        self.has_causes = has_causes
        self._tables = tables.split() if tables else None
        self._seen: list[int] | None = None
        self.woken_at: datetime | None = None  # by the last look
        self._due: datetime | None = None
        self._tried_for: datetime | None = None  # what was due when it ran last
        self._again_at: datetime | None = None
        self._times = 0

    def wake_at(self, written: Counter[str]) -> datetime | None:
        """`written`: how often each table was written to."""
        seen = [written[table] for table in self._tables] if self._tables else None
        if seen is None or seen != self._seen:
            self._due, self._seen = self._find_due(), seen
        self.woken_at = self._due
        if self._due is not None and self._due == self._tried_for and self._again_at is not None:
            self.woken_at = max(self._due, self._again_at)
        return self.woken_at

    def run(self, now: datetime) -> None:
        self._run()
        self._times = self._times + 1 if self._due == self._tried_for else 0
        self._tried_for = self._due
        self._again_at = now + min(self._every * 2 ** min(self._times, 12), LONGEST_REST)


class Life:
    def __init__(self, plot: Plot, ground: Ground, pass_by: Callable[[float], None], opening: Opening) -> None:
        self._plot = plot
        self._pass_by = pass_by
        self._chance = Random(f"schedule:{plot.seed}")  # noqa: S311 - to be repeated is its point
        self._clock = SimulatedClock(START)
        self._weather = Weather(Random(f"weather:{plot.seed}"), plot.users, plot.without)  # noqa: S311 - as above
        people = [person(number, plot.seed) for number in plot.numbers]
        self.house = House(ground.settings(), self._clock, self._weather, people, opening)
        # Looked at less often than a real one, and with more to do at each look.
        self._lag = max(timedelta(minutes=10), 7 * SECOND * len(people))
        pace = plot.span / 4
        self._customers = [Customer(number, plot.seed, self.house, pace) for number in plot.numbers]
        self._staff = Staff(self._chance, self.house, plot.span / (1.5 * len(people) + 1))
        self._agenda: list[tuple[datetime, int]] = []
        self._impatience = IMPATIENCE
        self._looks_at = START + LOOKS_EVERY
        self._seen_overdue: list[dict[str, Any]] = []  # at the last look
        self._overdue: list[dict[str, Any]] = []  # at two looks, one after the other
        self.steps = 0

    def live(self) -> Result:
        try:
            self._prepare()
            self._until(START + self._plot.span)
            self._settle()
            return self._result()
        finally:
            self.house.close()

    # The course of things

    def _prepare(self) -> None:
        self.house.run(wares.put_on_sale)
        arrivals = self._plot.span * 0.4
        for place, number in enumerate(self._plot.numbers):
            heapq.heappush(self._agenda, (first_visit(number, self._plot.seed, START, arrivals), place))
        heapq.heappush(self._agenda, (START + timedelta(hours=1), STAFF))
        self.house.meanwhile(self._aside)
        self.house.listen()
        self._processes = self._make_processes()

    def _make_processes(self) -> list[Process]:
        house = self.house
        worker = [
            Process(job.next_due, _run(house, job.run_once), job.every, "worker", False, WRITTEN_FOR.get(job.name))
            for job in JOBS
            if job.name != "audit"  # the judge's own
        ]
        return [
            *worker,
            Process(lambda: next_due(house.system.book), lambda: house.deliverer.run_once(), SECOND, tables=BOOK),
            Process(_inbox_due, _run(house, inbox.run_once), SECOND, "inbox", tables="inbox"),
            Process(_outbox_due, _run(house, lambda: house.relay.run_once()), 10 * SECOND, "relay", tables="outbox"),
            Process(house.broker.due, house.broker.deliver, SECOND),
            Process(house.road.due, house.road.deliver, SECOND),
        ]

    def _until(self, end: datetime) -> None:
        while (moment := self._next_moment()) is not None and moment < end:
            self._enter(moment)
            self._look_after()
            self._pass_by((moment - START) / (end + SETTLING - START))

    def _look_after(self) -> None:
        """As the nightly audit does, but more often: what stands still although somebody was there to do it?"""
        now = self._clock.now()
        if now < self._looks_at:
            return
        self._looks_at = now + LOOKS_EVERY
        all_there = all(now - self._weather.back(who, START) >= OVERDUE for who in ("worker", "provider"))
        seen = overdue(self.house, OVERDUE) if all_there else []
        self._overdue += [one for one in seen if one in self._seen_overdue and one not in self._overdue]
        self._seen_overdue = seen

    def _settle(self) -> None:
        """Nobody comes any more, and nothing goes wrong: whatever is open comes to its end."""
        self._weather.calm_down()
        self._impatience = 0.0
        self.house.mischief.forget()
        self._agenda.clear()
        end = START + self._plot.span + SETTLING
        self._staff.finish()
        self._until(end - SETTLING / 4)  # whatever is late has come, and a refund has come back
        self._staff.finish()
        self._until(end)
        self._enter(end)
        for _ in range(100):
            if (moment := self._next_moment()) is None or moment > end + timedelta(minutes=1):
                return
            self._enter(moment)

    def _next_moment(self) -> datetime | None:
        """When there is something to do again, or a little later: nobody looks all the time."""
        with self.house.app.app_context():
            wakes = [
                self._weather.back(p.outage, at)
                for p in self._processes
                if (at := p.wake_at(self.house.written)) is not None
            ]
            db.session.remove()
        wakes += [self._agenda[0][0]] if self._agenda else []
        lag = self._lag * self._chance.expovariate(1)
        return max(min(wakes), self._clock.now() + lag) if wakes else None

    def _enter(self, moment: datetime) -> None:
        """Everybody does what is due, mostly in the order in which one's work is another's cause."""
        self.steps += 1
        self._clock.enter(moment)
        now = self._clock.now()
        self._weather.pass_to(now)
        processes = list(self._processes)
        if self._chance.random() < 0.3:
            self._chance.shuffle(processes)
        while self._agenda and self._agenda[0][0] <= now:
            _, place = heapq.heappop(self._agenda)
            wait = self._staff.act() if place == STAFF else self._customers[place].act()
            heapq.heappush(self._agenda, (self._clock.now() + wait, place))
        if self._chance.random() < self._impatience:
            self._somebody_is_impatient()
        for process in processes:
            if self._is_due(process) and not self._is_away(process, now):
                process.run(now)

    def _is_due(self, process: Process) -> bool:
        with self.house.app.app_context():
            at = process.wake_at(self.house.written) if process.has_causes else process.woken_at
            db.session.remove()
        return at is not None and at <= self._clock.now()

    def _is_away(self, process: Process, now: datetime) -> bool:
        return process.outage is not None and self._weather.away(process.outage, now)

    def _aside(self) -> None:
        """Somebody else acts while a process of ours stands between two steps."""
        if self._chance.random() < 0.6:
            self._somebody_is_impatient()
        else:
            self._chance.choice(self._processes).run(self._clock.now())

    def _somebody_is_impatient(self) -> None:
        """Mostly one of those whose money is on its way. What was never sent does not draw anybody for long."""
        just_now = self._clock.now() - NOTICED_FOR
        on_its_way = PaymentRow.sent_at.is_not(None) | (PaymentRow.created_at > just_now)
        with self.house.app.app_context():
            open_now = select(PaymentRow.user_id).where(PaymentRow.state.in_(OPEN), on_its_way)
            waiting = set(db.session.scalars(open_now.distinct()))
            db.session.remove()
        concerned = [customer for customer in self._customers if customer.me.id in waiting]
        if concerned and self._chance.random() < 0.8:
            self._chance.choice(concerned).interfere()
        else:
            self._chance.choice(self._customers).interfere()

    # What it came to

    def _result(self) -> Result:
        met = self._weather.met + _logged(self.house.system.book)
        with self.house.app.app_context():
            invoices = db.session.scalar(select(func.count()).select_from(InvoiceRow)) or 0
            db.session.remove()
        complaints = [one for customer in self._customers for one in customer.complaints]
        return Result(
            self._plot,
            customers=len(self._customers),
            invoices=invoices,
            steps=self.steps,
            faults=Counter({kind: met[kind] for kind in KINDS}),
            died_at=self.house.died_at,
            violations=[*self._overdue, *judge(self.house, complaints)],
            fingerprint=fingerprint(self.house),
        )


STAFF: Final = -1  # their place on the agenda


def simulate(
    plot: Plot, ground: Ground, pass_by: Callable[[float], None] = lambda _: None, opening: Opening = SandboxSystem
) -> Result:
    """Lives one life in a database that is thrown away afterwards. `pass_by` hears the share that has passed.

    `opening` opens the payment system that stands behind the port.
    """
    with seeded(plot.seed), ground, _quietly():
        return Life(plot, ground, pass_by, opening).live()


@contextmanager
def _quietly() -> Iterator[None]:
    """What goes wrong is counted, not printed."""
    log, silence = logging.getLogger("portal"), logging.NullHandler()
    spoke, log.propagate = log.propagate, False
    log.addHandler(silence)
    try:
        yield
    finally:
        log.propagate = spoke
        log.removeHandler(silence)


def _run(house: House, work: Callable[[], object]) -> Callable[[], object]:
    return lambda: house.run(work)


def _inbox_due() -> datetime | None:
    return db.session.scalar(select(func.min(InboxRow.next_attempt_at)).where(InboxRow.state == "received"))


def _outbox_due() -> datetime | None:
    return db.session.scalar(select(func.min(OutboxRow.created_at)).where(OutboxRow.published_at.is_(None)))


def _logged(book: Book) -> Counter[str]:
    """What the payment system's own log says that it did to requests and to webhooks."""
    met: Counter[str] = Counter()
    for request in book.requests():
        met.update(request["faults"])
    taken = book.faults_taken()
    earliest = None  # place in the queue of all that were announced later
    seen: set[str] = set()
    for webhook in reversed(book.webhooks()):
        met["drop"] += webhook["due_at"] is None and webhook["attempts"] == 0
        met["forge"] += webhook["forged"] and (webhook["last_status"] or 0) >= 400
        met["repeat"] += webhook["event_id"] in seen and webhook["delivered_at"] is not None
        met["reorder"] += earliest is not None and webhook["place"] > earliest
        met["delay"] += webhook["attempts"] == 1 and _late(webhook)
        seen.add(webhook["event_id"])
        earliest = min(earliest or webhook["place"], webhook["place"])
    for kind in ("delay", "reorder"):  # a webhook is also late, or overtaken, because somebody was away
        met[kind] = min(met[kind], taken[kind])
    return met


def _late(webhook: Mapping[str, Any]) -> bool:
    """By the time that stands in it."""
    made, came = json.loads(webhook["body"])["created"], webhook["delivered_at"]
    return came is not None and came.timestamp() - made > LATE.total_seconds()
