"""The portal under simulation: its real services in one process that may die at any failpoint and starts again."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from contextvars import Context
from typing import TypeVar
from urllib.parse import urlsplit

import httpx
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, event
from sqlalchemy.exc import OperationalError

from portal import failpoints, runtime
from portal.app import create_app
from portal.config import Settings
from portal.db.session import db
from portal.demo.auth import keys
from portal.demo.auth.issuing import Issuer
from portal.demo.auth.people import DemoPerson
from portal.demo.auth.service import AuthService
from portal.demo.auth.store import Store
from portal.demo.sandbox.deliver import Deliverer
from portal.demo.simulation.broker import Broker
from portal.demo.simulation.clock import SimulatedClock
from portal.demo.simulation.lines import Mischief, Road, ToPortal, ToProvider
from portal.demo.simulation.system import Opening
from portal.demo.simulation.weather import Weather
from portal.demo.transport import InProcess
from portal.domain.errors import Refused
from portal.failpoints import Failpoint
from portal.outbox.relay import Relay
from portal.providers.registry import SwitchedOn
from portal.services.reconcile import CouldNotReconcile

BOOK = "book"  # counted among the tables that are written to

T = TypeVar("T")


class Cut(OperationalError):
    """The line to the database broke at a commit."""

    def __init__(self) -> None:
        super().__init__("COMMIT", None, RuntimeError("the server closed the connection unexpectedly"))


RARELY_PASSED = 30  # times: until then a place is more dangerous than one that is passed all the time


class House:
    """`run` is a process of the portal doing one piece of its work; `visit` is somebody at its door."""

    def __init__(
        self,
        settings: Settings,
        clock: SimulatedClock,
        weather: Weather,
        people: list[DemoPerson],
        opening: Opening,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.weather = weather
        self.died_at: Counter[str] = Counter()
        self.stumbles: list[str] = []
        self.written: Counter[str] = Counter()  # how often each table was
        self.app: Flask = create_app(settings, clock=clock)
        self.system = opening(self.app, settings, clock.now)
        issuer = Issuer(keys.ensure(settings.data), settings.issuer, settings.audience)
        self.auth = AuthService(Store(settings.auth_database, people), issuer, clock.now)
        self.broker = Broker(weather, clock, self.auth)
        self._site = InProcess(self.system.site, mount="")
        self.road = Road(self._site, weather, clock)
        self._passages: Counter[str] = Counter()  # of each place where a process may die
        self._dead = False
        self._inside = 0  # pieces of work, one within the other
        self._aside: Callable[[], None] | None = None
        self._browser = httpx.Client(base_url=settings.origin, transport=self._site)
        self._hear_stumbles()
        self._watch_database()
        self._start()

    # What the loop calls

    def run(self, work: Callable[[], T]) -> T | None:
        """None: the process died of it, or was refused what it wanted."""
        self._inside += 1
        try:
            with self.app.app_context():
                try:
                    return work()
                except (Refused, CouldNotReconcile):
                    return (
                        None  # a wish that cannot be fulfilled, a day that is asked about again: answers like any other
                    )
                except OperationalError as error:
                    if not isinstance(error, Cut):
                        raise
                finally:
                    db.session.remove()
        except Failpoint:
            self._restart()
        except Exception as error:  # every process of the portal goes on after what it cannot do
            self.stumbles.append(f"{type(error).__name__}: {error}")
        finally:
            self._inside -= 1
        return None

    def visit(self, call: Callable[[FlaskClient], T]) -> T | None:
        """Somebody calls the portal's web. None: it was away, or died of it."""
        if self.weather.away("web", self.clock.now()):
            return None
        self._inside += 1
        try:
            return call(self.app.test_client())
        except Failpoint:
            self._restart()
            return None
        finally:
            self._inside -= 1

    def press(self, page: str, **form: str) -> str | None:
        """A form of a page that is not the portal's. Where it led to; None: to the same page again, or nowhere."""
        self.mischief.plan("pay")
        try:
            led_to: str | None = self._browser.post(urlsplit(page).path, data=form).headers.get("Location")
            return led_to
        except httpx.HTTPError:
            return None  # perhaps it was done: nobody at the browser can tell

    def meanwhile(self, act: Callable[[], None]) -> None:
        """What somebody else may do while a process of ours stands between two steps."""
        self._aside = act

    def listen(self) -> None:
        failpoints.on_passage(self._passed)

    def close(self) -> None:
        failpoints.on_passage(None)
        logging.getLogger("portal").removeHandler(self._ear)
        self.deliverer.close()
        self._browser.close()
        self.auth.store.close()
        self.system.close()
        with self.app.app_context():
            db.session.remove()
            db.engine.dispose()

    # Living and dying

    def _start(self) -> None:
        """Everything that a process keeps in memory, made anew."""
        mischief = Mischief(self.system.book, self.weather)
        line = ToProvider(self._site, self.road, mischief, self.system.operation, self.weather, self.clock)
        line.alive = self.broker.alive = self._alive
        provider = self.system.provider(line)
        self.mischief = mischief
        self.app.extensions[runtime.KEY] = runtime.Runtime(
            self.settings, self.clock, SwitchedOn({provider.name: provider})
        )
        self.relay = Relay(self.broker, self.clock, self.clock.seconds)
        door = ToPortal(InProcess(self.app, mount=""), self.weather, self.clock, self._restart)
        self.deliverer: Deliverer = self.system.deliverer(f"{self.settings.origin}/webhooks/{provider.name}", door)

    def _restart(self) -> None:
        with self.app.app_context():
            db.session.remove()
            db.engine.dispose()
        self._dead = False
        self._start()

    def _alive(self) -> None:
        if self._dead:
            raise Failpoint("a dead process does nothing")

    def _passed(self, name: str) -> None:
        if name.startswith("consumer."):
            self._auth_passed(name)
            return
        self._alive()
        self._passages[name] += 1
        if self.weather.strikes("crash", times=max(1.0, RARELY_PASSED / self._passages[name])):
            self.weather.hit("crash")
            self.died_at[name] += 1
            self._dead = True
            raise Failpoint(name)
        if self.weather.strikes("interleaved") and self._aside is not None and self._between_steps():
            aside, self._aside = self._aside, None
            before = self.written.total()
            try:
                Context().run(aside)  # in another process there is nothing of this one's
            finally:
                self._aside = aside
                if self.written.total() > before:
                    self.weather.hit("interleaved")

    def _auth_passed(self, name: str) -> None:
        if self.weather.strikes("auth_crash"):
            self.died_at[name] += 1
            raise Failpoint(name)

    def _between_steps(self) -> bool:
        """No transaction is open that another one would have to wait for."""
        return self._inside == 1 and not db.session().in_transaction()

    # What the database sees

    def _watch_database(self) -> None:
        with self.app.app_context():
            engine = db.engine
        event.listen(engine, "before_cursor_execute", self._executes)
        event.listen(engine, "commit", self._commits)
        self.system.book.on_write(lambda: self.written.update((BOOK,)))

    def _executes(self, _connection: Connection, _cursor: object, statement: str, *_: object) -> None:
        self._alive()
        verb, *words = statement.split(None, 3)
        if verb in ("INSERT", "UPDATE", "DELETE"):
            self.written[words[0 if verb == "UPDATE" else 1]] += 1

    def _commits(self, connection: Connection) -> None:
        self._alive()
        if not self._inside:
            return
        if self.weather.strikes("commit_lost"):
            self.weather.hit("commit_lost")
            raise Cut
        if self.weather.strikes("commit_unheard"):
            self.weather.hit("commit_unheard")
            connection.connection.commit()
            raise Cut

    # What must not happen

    def _hear_stumbles(self) -> None:
        self._ear = _Ear(self.stumbles)
        logging.getLogger("portal").addHandler(self._ear)


class _Ear(logging.Handler):
    """Hears what loops and pages log of errors that nobody put there."""

    def __init__(self, heard: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._heard = heard

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and not isinstance(error, Cut | Failpoint):
            self._heard.append(f"{record.getMessage()}: {type(error).__name__}: {error}")
