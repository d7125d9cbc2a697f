"""What lies around the portal, as jobs of this process: the webhooks that come in, the events that go out to Auth.

A traveller through time works them off in its own process, whether the others run or not: they would look at a clock
that is a quarter of a second old.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx
from flask import current_app
from sqlalchemy import RowMapping, func, select

from portal import runtime
from portal.db.session import db, end_reads
from portal.demo.auth.consumer import Consumer
from portal.demo.auth.start import EVENTS_SECRET, consumer
from portal.demo.sandbox.moments import next_due
from portal.demo.transport import InProcess
from portal.jobs import Job
from portal.models.messages import InboxRow, OutboxRow
from portal.outbox.message import CONTENT_TYPE, Message, Publisher, Receipt
from portal.outbox.rabbit import RabbitPublisher
from portal.outbox.relay import Relay
from portal.outbox.topology import topology_from
from portal.services import inbox

PATIENCE = 10.0  # real seconds for what another process has in hand, or a broker that starts
LOOK_AGAIN = 0.05  # real seconds
SOON = timedelta(seconds=1)


class Stuck(Exception):
    """Something that is due does not get done; the message says what."""


class Door:
    """This process's own web application, spoken to without a socket."""

    def __init__(self) -> None:
        settings = runtime.settings
        self.transport = InProcess(current_app, mount="")
        self._token = settings.secret(EVENTS_SECRET)
        self._http = httpx.Client(base_url=settings.origin, transport=self.transport)

    def publish(self, messages: Sequence[Message]) -> list[Receipt]:
        return [self._post(message) for message in messages]

    def close(self) -> None:
        self._http.close()

    def version_of(self, user_id: str) -> int:
        """The last version of a user's rights that Auth has applied; 0 where it never heard of them."""
        answer = self._http.get(f"/auth/users/{quote(user_id, safe='')}")
        return int(answer.json()["version"]) if answer.is_success else 0

    def _post(self, message: Message) -> Receipt:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": CONTENT_TYPE}
        answer = self._http.post("/auth/events", content=message.body, headers=headers)
        return Receipt() if answer.is_success else Receipt(f"HTTP {answer.status_code}")


@dataclass(frozen=True)
class Broker:
    """Where AMQP_URL is set. Auth's queue is read here too, in case nobody else reads it."""

    publisher: Publisher
    auth: Consumer


class Outbox:
    """Everything that waits is published, and Auth has applied it, when a run is over."""

    def __init__(self, door: Door, broker: Broker | None) -> None:
        self._door = door
        self._broker = broker
        self._relay = Relay(broker.publisher if broker else door, runtime.clock)

    def run_once(self) -> int:
        """Answers how many events waited. Raises Stuck."""
        waiting = _unpublished()
        _patiently(self._publish, lambda: f"events are not taken: {_last_error()}")
        if self._broker is not None:
            newest = {row["user_id"]: row["version"] for row in waiting}
            _patiently(lambda: self._applied(newest), lambda: "the demo Auth does not apply what the broker has taken")
        return len(waiting)

    def _publish(self) -> bool:
        self._relay.run_once()
        return not _unpublished()

    def _applied(self, newest: dict[str, int]) -> bool:
        if all(self._door.version_of(user_id) >= version for user_id, version in newest.items()):
            return True
        if self._broker is not None:
            self._broker.auth.run_once()
        return False


@contextmanager
def surroundings() -> Iterator[tuple[Job, ...]]:
    """To be run beside the portal's own jobs."""
    door = Door()
    broker = _broker()
    sandbox = current_app.extensions["matinee_sandbox"]
    deliverer = sandbox.deliverer(f"{runtime.settings.origin}/webhooks/sandbox", transport=door.transport)
    outbox = Outbox(door, broker)
    try:
        yield (
            Job("webhooks", SOON, deliverer.run_once, lambda: next_due(sandbox.book)),
            Job("inbox", SOON, inbox.run_once, _inbox_due),
            Job("events", SOON, outbox.run_once, _events_due),
        )
    finally:
        deliverer.close()
        door.close()
        if broker:
            broker.publisher.close()


def _broker() -> Broker | None:
    settings = runtime.settings
    if not settings.amqp_url:
        return None
    publisher = RabbitPublisher(settings.amqp_url, topology_from(settings))
    return Broker(publisher, consumer(settings, runtime.clock.now))


def _inbox_due() -> datetime | None:
    return db.session.scalar(select(func.min(InboxRow.next_attempt_at)).where(InboxRow.state == "received"))


def _events_due() -> datetime | None:
    return db.session.scalar(select(func.min(OutboxRow.created_at)).where(OutboxRow.published_at.is_(None)))


def _unpublished() -> Sequence[RowMapping]:
    """In the order in which they were written, so that a user's last is their newest."""
    columns = OutboxRow.user_id, OutboxRow.version, OutboxRow.last_error
    waiting = select(*columns).where(OutboxRow.published_at.is_(None)).order_by(OutboxRow.seq)
    found = db.session.execute(waiting).mappings().all()
    end_reads()
    return found


def _last_error() -> Any:
    return next((row["last_error"] for row in _unpublished() if row["last_error"]), "another relay is at work")


def _patiently(done: Callable[[], bool], why: Callable[[], str]) -> None:
    """Until it is done. Raises Stuck after PATIENCE."""
    until = time.monotonic() + PATIENCE
    while not done():
        if time.monotonic() > until:
            raise Stuck(why())
        threading.Event().wait(LOOK_AGAIN)
