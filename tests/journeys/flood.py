"""A flood of events while whoever carries them is killed: `make chaos-events N=100000`.

A writer commits, the relay publishes, the demo Auth's consumer applies; RabbitMQ, the relay and the consumer get
SIGKILL at random moments and are started again. Whatever happens, Auth ends with what the rows give, and no user's
version ever went back there.
"""

from __future__ import annotations

import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any
from uuid import UUID

import pika
from sqlalchemy import insert, select

from portal import runtime
from portal.db.session import atomic, db
from portal.demo.auth import consumer as consumer_module
from portal.demo.auth.people import EVERYBODY
from portal.demo.auth.start import consume
from portal.demo.auth.store import Store
from portal.domain.ids import new_id
from portal.models.subscription import SubscriptionRow
from portal.models.user import UserRow
from portal.outbox import relay as relay_module
from portal.outbox.append import Told, append
from portal.outbox.relay import Relay, publisher_from
from portal.outbox.topology import Topology
from portal.services import parity
from tests.conftest import migrate, settings_for
from tests.journeys.broker import Broker, QueuesGone
from tests.journeys.conftest import Town, empty_database
from tests.journeys.demo import rows
from tests.journeys.waiting import NotInTime, until
from tests.world import World

TYPES = ("subscription.renewed", "subscription.changed", "subscription.cancelled", "subscription.resumed")
TOGETHER = 20  # events in one commit, each of another user
LONGEST_REST = 3.0  # seconds; theirs is made for brokers that are away for longer
SILENT_FOR = 240.0  # seconds without progress, both sides' rests and a broker's start included


@dataclass(frozen=True)
class Kills:
    broker: int
    relay: int
    consumer: int


@dataclass
class Outcome:
    events: int
    users: int
    deliveries: int
    lost: list[str]  # users who have at Auth another version than with us
    backwards: list[str]  # users of whom an older version was applied after a newer one
    differences: list[parity.Difference]
    dead: int
    queues_lost: int  # by the broker itself, which then had to begin anew; made good by a replay
    seconds: float


class Flood:
    def __init__(self, world: World, broker: Broker, users: int, seed: int) -> None:
        self._town = Town(world)
        self._world = world
        self._broker = broker
        self._chance = random.Random(seed)
        self._users = [f"viewer-{number}" for number in range(users)]
        self._processes: dict[str, BaseProcess] = {}
        self._subscriptions: dict[str, UUID] = {}
        self.queues_lost = 0

    def run(self, events: int, kills: Kills, tell: Callable[[str], None] = lambda _: None) -> Outcome:
        begun = time.monotonic()
        self._people()
        for name in WORK:
            self._start(name)
        moments = self._moments(events, kills)
        written = 0
        while written < events:
            written += self._write(min(TOGETHER, events - written))
            while moments and moments[0][0] <= written:
                tell(f"{written} of {events} written: {moments[0][1]} is killed")
                self._kill(moments.pop(0)[1])
        tell(f"{events} written, {self._applied()} deliveries")
        self._settle(tell)
        return self._outcome(events, time.monotonic() - begun)

    def stop(self) -> None:
        for process in self._processes.values():
            process.kill()
            process.join()

    # What is written

    def _people(self) -> None:
        """Everybody has a subscription like Alice's."""
        self._world.bought("alice")
        users, subscriptions = UserRow.__table__, SubscriptionRow.__table__
        with self._world.app.app_context(), atomic():
            user = dict(db.session.execute(select(users).where(users.c.id == "alice")).mappings().one())
            held = dict(db.session.execute(select(subscriptions)).mappings().one())
            blank = {"entitlements_version": 0, "tokens_from_version": 0}
            db.session.execute(insert(users), [user | blank | {"id": name} for name in self._users])
            for name in self._users:
                self._subscriptions[name] = new_id(self._world.clock.now())
            own = {"payment_method_id": None, "auto_renew": False}
            copies = [held | own | {"id": guid, "user_id": name} for name, guid in self._subscriptions.items()]
            db.session.execute(insert(subscriptions), copies)

    def _write(self, count: int) -> int:
        with self._world.app.app_context(), atomic():
            for name in sorted(self._chance.sample(self._users, count)):
                told = Told(
                    self._chance.choice(TYPES), name, self._subscriptions[name], "flood", None, runtime.clock.now()
                )
                append([told], runtime.policy, runtime.settings.origin)
        return count

    # What is killed

    def _moments(self, events: int, kills: Kills) -> list[tuple[int, str]]:
        whom = ["broker"] * kills.broker + ["relay"] * kills.relay + ["consumer"] * kills.consumer
        return sorted((self._chance.randrange(events), name) for name in whom)

    def _kill(self, name: str) -> None:
        if name != "broker":
            self._processes[name].kill()
            self._processes[name].join()
            self._start(name)
            return
        self._broker.keep(Topology().queue, Topology().dead_queue)
        self._broker.kill()
        try:
            self._broker.revive()
        except QueuesGone:
            self.queues_lost += 1
            self._broker.begin_anew()

    def _start(self, name: str) -> None:
        self._processes[name] = self._town.start(WORK[name], AMQP_URL=self._broker.url)

    # What came of it

    def _settle(self, tell: Callable[[str], None]) -> None:
        if self.queues_lost:
            self._world.app.test_cli_runner().invoke(args=["events", "replay", "--all"])
        while not self._done():
            moved = self._moved_since(self._applied(), self._unpublished())
            try:
                until(lambda: self._done() or moved(), SILENT_FOR, "progress", every=0.5)  # noqa: B023 - used up at once
            except NotInTime:
                return  # the outcome says what is missing
            tell(f"{self._unpublished()} to be published, {self._applied()} deliveries")

    def _moved_since(self, *before: int) -> Callable[[], bool]:
        return lambda: (self._applied(), self._unpublished()) != before

    def _done(self) -> bool:
        return not self._unpublished() and self._ours() == self._theirs()

    def _unpublished(self) -> int:
        return int(self._world.one("SELECT count(*) AS n FROM outbox WHERE published_at IS NULL")["n"])

    def _applied(self) -> int:
        return int(rows(self._auth, "SELECT count(*) AS n FROM auth_deliveries")[0]["n"])

    def _ours(self) -> dict[str, int]:
        told = "SELECT id, entitlements_version AS version FROM users WHERE entitlements_version > 0"
        return {row["id"]: row["version"] for row in self._world.rows(told)}

    def _theirs(self) -> dict[str, int]:
        return {
            row["id"]: row["version"]
            for row in rows(self._auth, "SELECT id, version FROM auth_users WHERE version > 0")
        }

    @property
    def _auth(self) -> str:
        return self._world.settings.auth_database

    def _outcome(self, events: int, seconds: float) -> Outcome:
        ours, theirs = self._ours(), self._theirs()
        self._world.clock.at += timedelta(hours=1)
        with closing(Store(self._auth, EVERYBODY)) as store, self._world.app.app_context():

            def said(user_id: str) -> dict[str, Any]:
                account = store.find(user_id)
                return {} if account is None else dict(vars(account))

            found = list(parity.differences(said))
            db.session.remove()
        return Outcome(
            events=events,
            users=len(ours),
            deliveries=self._applied(),
            lost=[user for user, version in ours.items() if theirs.get(user) != version],
            backwards=self._backwards(),
            differences=found,
            dead=self._dead(),
            queues_lost=self.queues_lost,
            seconds=seconds,
        )

    def _backwards(self) -> list[str]:
        newest: Counter[str] = Counter()
        wrong = []
        for row in rows(self._auth, "SELECT user_id, version, result FROM auth_deliveries ORDER BY seq"):
            if row["result"] == "applied":
                if row["version"] <= newest[row["user_id"]]:
                    wrong.append(row["user_id"])
                newest[row["user_id"]] = row["version"]
        return wrong

    def _dead(self) -> int:
        with pika.BlockingConnection(pika.URLParameters(self._broker.url)) as connection:
            asked: Any = connection.channel().queue_declare(Topology().dead_queue, passive=True)
            return int(asked.method.message_count)


def relay() -> None:
    relay_module.LONGEST_REST = LONGEST_REST
    Relay(publisher_from(runtime.settings), runtime.clock).run_forever(threading.Event())


def consumer() -> None:
    consumer_module.LONGEST_REST = LONGEST_REST
    consume(runtime.settings, runtime.clock.now, threading.Event())


WORK: dict[str, Callable[[], None]] = {"relay": relay, "consumer": consumer}


@contextmanager
def flood(folder: Path, users: int, seed: int) -> Iterator[Flood]:
    """On a PostgreSQL database and a RabbitMQ node of its own."""
    broker = Broker(folder / "node")
    with empty_database() as url:
        settings = settings_for(folder, url, amqp_url=broker.url)
        migrate(settings)
        world = World(settings)
        world.seed()
        made = Flood(world, broker, users, seed)
        try:
            broker.start()
            yield made
        finally:
            made.stop()
            world.close()
            broker.forget()


def main(events: int) -> int:
    """Exit 1: something was lost or went backwards."""
    with tempfile.TemporaryDirectory() as folder, flood(Path(folder), events // 20, seed=events) as flooded:
        outcome = flooded.run(events, Kills(5, 10, 10), lambda line: print(line, file=sys.stderr, flush=True))
    print(
        replace(outcome, lost=outcome.lost[:10], backwards=outcome.backwards[:10], differences=outcome.differences[:10])
    )
    return 1 if outcome.lost or outcome.backwards or outcome.differences or outcome.dead else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
