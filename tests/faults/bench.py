"""A portal on a private database whose processes may be killed anywhere, and what must be true of it afterwards."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID
from wsgiref.types import StartResponse, WSGIEnvironment

import httpx

from portal.db.session import db
from portal.demo.simulation.judge import audited
from portal.demo.simulation.system import Held
from portal.outbox.relay import Relay
from tests.faults import work
from tests.faults.cluster import Cluster
from tests.faults.nursery import KILLED, Nursery
from tests.faults.work import HOUR, MINUTE
from tests.journeys.demo import environment
from tests.journeys.waiting import free_port, until
from tests.services.promise import CHECKS, moment_of, one_net_charge, success_per_paid_invoice, uuid_of
from tests.world import START, World

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
HOLDS_WHAT_IS_PAID = (one_net_charge, success_per_paid_invoice)
BOOKS = ("sandbox.db", "auth.db")


class Bench:
    def __init__(self, world: World, port: int, cluster: Cluster | None) -> None:
        """`port` is where the world is served; `cluster` is None where it lives in a file."""
        self.world = world
        self.cluster = cluster
        self.port = port
        self.victim = ("", 0)  # a path of the payment system or Auth: who asks dies when it is done and before he hears
        self.amqp_url = ""
        self._data = world.settings.data
        self._nursery = Nursery(_environ(world, port), self._data)
        self._templates = self._snapshot()

    # Beginning anew

    def _snapshot(self) -> Path:
        self.forget_connections()
        folder = self._data / "as-seeded"
        folder.mkdir()
        for name in self._files():
            copy(self._data / name, folder / name)
        if self.cluster:
            self.cluster.copy("seeded", "portal")
        return folder

    def reset(self) -> None:
        """Plans are on sale, and nothing has happened yet."""
        self.forget_connections()
        for name in self._files():
            copy(self._templates / name, self._data / name)
        if self.cluster:
            self.cluster.revive()  # where a test that failed has left it dead
            self.cluster.copy("portal", "seeded")
        self.world.clock.at = START
        self.world.relay = Relay(self.world.auth, self.world.clock)  # type: ignore[arg-type]  # as World has it
        self.victim, self.amqp_url = ("", 0), ""

    def warm(self) -> None:
        """To be called once the world is served."""
        self._nursery.warm(work.a_life)

    def _files(self) -> tuple[str, ...]:
        return BOOKS if self.cluster else (*BOOKS, "portal.db")

    def forget_connections(self) -> None:
        """Those of the world, which may be dead."""
        with self.world.app.app_context():
            db.session.remove()
            db.engine.dispose()

    def close(self) -> None:
        self._nursery.close()
        self.world.close()

    # Processes

    def start(self, what: Callable[..., Any], *given: Any, plan: str = "", **settings: str) -> int:
        mine = {"amqp_url": self.amqp_url, **settings}
        return self._nursery.start(self.world.clock.at, plan, mine, what, *given)

    def ended(self, pid: int) -> int:
        return self._nursery.ended(pid)

    def run(self, what: Callable[..., Any], *given: Any, **more: str) -> None:
        """To its end."""
        assert self.ended(self.start(what, *given, **more)) == 0

    def die_at(self, place: str, what: Callable[..., Any], *given: Any, nth: int = 1, **settings: str) -> None:
        """The process reaches the place, and dies there of SIGKILL."""
        assert self.ended(self.start(what, *given, plan=f"{place}:kill:{nth}", **settings)) == KILLED

    def die_hearing(self, path: str, what: Callable[..., Any], *given: Any) -> None:
        """The process dies when another has done what it was asked at `path`, and before the answer comes."""
        self.victim = (path, 0)
        pid = self.start(what, *given)
        self.victim = (path, pid)
        assert self.ended(pid) == KILLED
        assert self.victim == ("", 0), f"nobody came to {path}"

    @contextmanager
    def web(self, plan: str = "", database_at: int = 0, hand: tuple[str, int] = ("", 0)) -> Iterator[Web]:
        """A web process. It is dead afterwards.

        `database_at` is another port at which it finds its database; `hand`, a place where it kills another process.
        """
        port = free_port()
        served: tuple[Any, ...] = (work.serve, port)
        if database_at:
            served = (work.through, database_at, *served)
        if hand[0]:
            served = (work.with_a_hand, {hand[0]: (1, hand[1])}, *served)
        pid = self.start(*served, plan=plan)
        web = Web(f"http://127.0.0.1:{port}", pid, self)
        until(web.answers, 60, "the web process answers", every=0.02)
        try:
            yield web
        finally:
            web.kill()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """What others call over a socket: the payment system, Auth, and the portal's door for webhooks."""
        path = environ["PATH_INFO"]  # as it came: the application moves the mount out of it
        answer = list(self.world.app(environ, start_response))
        if path == self.victim[0]:
            until(lambda: self.victim[1], 10, "the victim has an id")
            os.kill(self.victim[1], signal.SIGKILL)
            self.victim = ("", 0)
        return answer

    def meet(self, place: str, folder: Path, *what: Callable[..., Any] | str) -> None:
        """Two processes do the same, and both are at the place before either goes on; then to their ends."""
        gate = folder / "gate"
        os.mkfifo(gate)
        both = [self.start(work.waiting_at, place, str(gate), *what) for _ in range(2)]
        until(lambda: all((folder / f"gate.{pid}").exists() for pid in both), 60, "both are there", every=0.02)
        held = os.open(gate, os.O_RDWR)
        assert [self.ended(pid) for pid in both] == [0, 0]
        os.close(held)

    # Time

    def pass_time(self, step: timedelta) -> None:
        """Move the clock, then let fresh processes do whatever is due by then."""
        self.world.clock.at += step
        self.run(work.turn)

    def settle(self, hours: int = 1) -> None:
        """Until every question has been asked and answered."""
        self.run(work.turn)
        for step in (MINUTE, 5 * MINUTE, *([HOUR] * hours)):
            self.pass_time(step)

    def a_minute_passes_for_keys(self) -> None:
        """The lease of an Idempotency-Key runs in real time, whatever the clock says."""
        self.world.write(
            "UPDATE idempotency_keys SET locked_until = :past WHERE locked_until IS NOT NULL", past=LONG_AGO
        )

    # What must be true

    def assert_kept(self, *, given_back: bool = False) -> None:
        """The one place where all that must hold after any crash is checked: by these tests, and by the audit.

        `given_back`: a customer has money back of what stays paid, so that the sums held are the test's own matter.
        """
        checks = [check for check in CHECKS if not (given_back and check in HOLDS_WHAT_IS_PAID)]
        broken = [sentence for check in checks for sentence in check(self.world)]
        assert broken == []
        world = self.world
        assert audited(world.app, Held(world.sandbox.book), world.rights, world.clock.at) == []

    def charges(self) -> list[str]:
        """What the payment system's own book says: states of all that was ever tried with a saved method or a page."""
        return sorted(one["state"] for one in self.world.sandbox.book.charges())

    def told(self, login: str = "alice") -> list[int]:
        """Versions of the events about somebody, as they were written."""
        found = self.world.rows("SELECT version FROM outbox WHERE user_id = :login ORDER BY seq", login=login)
        return [row["version"] for row in found]

    def states(self, table: str) -> list[str]:
        return [row["state"] for row in self.world.rows(f"SELECT state FROM {table} ORDER BY created_at, id")]  # noqa: S608 - a test's own words

    @staticmethod
    def uuid(value: object) -> UUID:
        return uuid_of(value)

    @staticmethod
    def moment(value: object) -> datetime:
        return moment_of(value)

    def unpublished(self) -> int:
        return int(self.world.one("SELECT count(*) AS n FROM outbox WHERE published_at IS NULL")["n"])


class Web:
    def __init__(self, base: str, pid: int, bench: Bench) -> None:
        self.base = base
        self.pid = pid
        self._bench = bench
        self._alive = True

    def post(self, path: str, body: object, login: str = "alice", key: str | None = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self._bench.world.sign_in(login).token}"}
        headers |= {"Idempotency-Key": key} if key else {}
        return httpx.post(f"{self.base}/api/v1{path}", json=body, headers=headers, timeout=60, trust_env=False)

    def died(self) -> None:
        """It was killed, and not by us."""
        self._alive = False
        assert self._bench.ended(self.pid) == KILLED

    def kill(self) -> None:
        if self._alive:
            os.kill(self.pid, signal.SIGKILL)
            self.died()

    def answers(self) -> bool:
        """Asked without a word, so that no failpoint is passed."""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", int(self.base.rpartition(":")[2]))) == 0


def copy(source: Path, target: Path) -> None:
    """What others have open may be overwritten: they see the other content from their next transaction on."""
    with sqlite3.connect(source) as there, sqlite3.connect(target) as here:
        there.backup(here)
    there.close()
    here.close()


def _environ(world: World, port: int) -> dict[str, str]:
    given = {name.upper(): str(value) for name, value in world.settings.model_dump(exclude_defaults=True).items()}
    return dict(environment(world.settings.data, **given, SANDBOX_URL=f"http://127.0.0.1:{port}/sandbox"))
