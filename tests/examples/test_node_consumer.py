"""A consumer in another language, as the page for Auth's team shows it, at a real broker under names of its own."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from portal.outbox.message import Message
from portal.outbox.rabbit import RabbitPublisher, Topology, connect
from tests.faults.proxy import proxy_to
from tests.journeys.waiting import until
from tests.outbox.conftest import AMQP_URL, Taken, event

FOLDER = Path(__file__).parents[2] / "docs" / "examples" / "auth-consumer"
NODE = os.environ.get("TEST_NODE") or "node"
PATIENCE = 30.0  # seconds; an upper bound, never waited out when all is well


class Consumer:
    def __init__(self, queue: str, folder: Path, amqp_url: str = AMQP_URL) -> None:
        self.store = folder / "rights.json"
        self.log = folder.parent / f"{folder.name}.log"
        self._environ = {**os.environ, "AMQP_URL": amqp_url, "QUEUE": queue, "STORE": str(self.store)}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        assert shutil.which(NODE), "Node.js is needed: `deploy/services --with-browser` finds or installs it"
        assert (FOLDER / "node_modules").exists(), "`deploy/services --with-browser` installs what the example needs"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen([NODE, FOLDER / "consumer.js"], env=self._environ, stdout=log, stderr=log)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(PATIENCE)
            self._process = None

    def knows(self) -> dict[str, Any]:
        """What it has written, by user."""
        found: dict[str, Any] = json.loads(self.store.read_text()) if self.store.exists() else {}
        return found

    def is_at(self, **versions: int) -> bool:
        """Of these users, and of no other."""
        return {user: known["version"] for user, known in self.knows().items()} == versions

    def has_handled(self, some: int) -> bool:
        return len(re.findall(r"^(?:applied|older) ", self.said(), re.MULTILINE)) >= some

    def said(self) -> str:
        return self.log.read_text() if self.log.exists() else ""


@contextmanager
def consumer_of(topology: Topology, folder: Path, amqp_url: str = AMQP_URL) -> Iterator[Consumer]:
    consumer = Consumer(topology.queue, folder, amqp_url)
    consumer.start()
    try:
        yield consumer
    finally:
        consumer.kill()


@pytest.fixture
def publisher(topology: Topology) -> Iterator[RabbitPublisher]:
    publisher = RabbitPublisher(AMQP_URL, topology)
    yield publisher
    publisher.close()


def told(user_id: str, version: int, **data: Any) -> Message:
    event_id = uuid.uuid4()
    body = event(event_id, user_id, version)
    body["data"] |= data
    return Message(str(event_id), body["type"], json.dumps(body).encode())


def malformed() -> dict[str, bytes]:
    body = json.loads(told("alice", 9).body)
    wrong = {
        "another version of CloudEvents": {**body, "specversion": "2.0"},
        "no type": {**body, "type": None},
        "another type": {**body, "type": "invoice.paid"},
        "no data": {**body, "data": None},
        "two people": {**body, "subject": "boris"},
        "a list": [body],
        "a number": 9,
        "null": None,
    }
    for name, value in (
        ("user_id", 7),
        ("version", 0),
        ("version", "9"),
        ("version", 2**60),
        ("tokens_from_version", 10),
        ("subscriptions", {}),
        ("subscriptions", [None]),
        ("subscriptions", [{"plan": "premium", "features": "uhd", "until": "2026-12-29T10:00:00Z"}]),
        ("subscriptions", [{"plan": "premium", "features": ["uhd"], "until": "soon"}]),
    ):
        wrong[f"{name} {value!r:.20}"] = {**body, "data": {**body["data"], name: value}}
    return {"not JSON": b"{", "nothing": b"", "not UTF-8": b'"\xff"'} | {
        name: json.dumps(one).encode() for name, one in wrong.items()
    }


def test_rights_go_by_their_versions_and_withdrawals_never_fall(
    topology: Topology, publisher: RabbitPublisher, tmp_path: Path
) -> None:
    newest = told("alice", 3, tokens_from_version=2)
    messages = [told("alice", 1), newest, told("alice", 2), newest, told("boris", 1), told("alice", 4)]
    lower = told("clara", 2, tokens_from_version=1)
    with consumer_of(topology, tmp_path) as consumer:
        assert all(receipt.confirmed for receipt in publisher.publish([*messages, told("clara", 1), lower]))
        until(partial(consumer.is_at, alice=4, boris=1, clara=2), PATIENCE, "all is applied")
        assert consumer.knows()["clara"]["tokens_from_version"] == 1
        assert consumer.knows()["alice"] == {
            "version": 4,
            "tokens_from_version": 4,
            "rights": [{"plan": "standard", "features": ["library", "of-version-4"], "until": "2026-12-29T10:00:00Z"}],
        }
        assert consumer.said().count("older alice") == 2


@pytest.mark.fault("B10", "B12")
def test_what_cannot_be_understood_goes_to_the_dead_letters_and_the_others_flow(
    topology: Topology, publisher: RabbitPublisher, tmp_path: Path, take: Callable[[str], Taken]
) -> None:
    bad = malformed()
    with consumer_of(topology, tmp_path) as consumer:
        for body in bad.values():
            publisher.publish([Message(str(uuid.uuid4()), "subscription.changed", body)])
        publisher.publish([told("alice", 1)])
        until(partial(consumer.is_at, alice=1), PATIENCE, "the good one is applied")
        buried: list[bytes] = []
        until(
            lambda: buried.extend(body for _, body in take(topology.dead_queue)) or len(buried) >= len(bad),
            PATIENCE,
            "all bad ones are dead letters",
        )
    assert sorted(buried) == sorted(bad.values())


@pytest.mark.fault("K23", "B9")
def test_killed_again_and_again_it_ends_with_the_newest_of_every_user(
    topology: Topology, publisher: RabbitPublisher, tmp_path: Path, take: Callable[[str], Taken]
) -> None:
    users = [f"user{n}" for n in range(10)]
    messages = [told(user, version) for user in users for version in range(1, 31)]
    random.Random(7).shuffle(messages)
    consumer = Consumer(topology.queue, tmp_path)
    publisher.publish(messages)
    try:
        for some in (1, 60, 120):
            consumer.start()
            until(partial(consumer.has_handled, some), PATIENCE, "some are handled")
            consumer.kill()
        consumer.start()
        until(partial(consumer.is_at, **dict.fromkeys(users, 30)), PATIENCE, "the newest of each")
    finally:
        consumer.kill()
    assert take(topology.dead_queue) == []


@pytest.mark.fault("B3")
def test_it_waits_for_its_queue_and_comes_back_after_a_torn_connection(
    topology: Topology, publisher: RabbitPublisher, tmp_path: Path
) -> None:
    parts = urlsplit(AMQP_URL)
    with proxy_to(parts.port or 5672) as proxy:
        netloc = f"{parts.username or 'guest'}:{parts.password or 'guest'}@127.0.0.1:{proxy.port}"
        with consumer_of(topology, tmp_path, parts._replace(netloc=netloc).geturl()) as consumer:
            until(lambda: "NOT_FOUND" in consumer.said(), PATIENCE, "it sees that there is no queue yet")
            publisher.publish([told("alice", 1)])  # declares it
            until(partial(consumer.is_at, alice=1), PATIENCE, "the first is applied")
            for version, tear in ((2, proxy.reset), (3, proxy.cut)):
                tear()
                publisher.publish([told("alice", version)])
                until(partial(consumer.is_at, alice=version), PATIENCE, "the next is applied")


@pytest.mark.fault("B14")
def test_nothing_is_acknowledged_while_the_store_is_away_whatever_happens_meanwhile(
    topology: Topology, publisher: RabbitPublisher, tmp_path: Path, take: Callable[[str], Taken]
) -> None:
    folder = tmp_path / "not mounted yet"
    with consumer_of(topology, folder) as consumer:
        publisher.publish([told("alice", 1), told("alice", 2)])
        until(lambda: consumer.said().count("the store is away") >= 2, PATIENCE, "it has tried twice")
        consumer.kill()
        consumer.start()
        until(lambda: consumer.said().count("the store is away") >= 3, PATIENCE, "it has them again")
        folder.mkdir()
        until(partial(consumer.is_at, alice=2), PATIENCE, "both are applied")
    assert take(topology.dead_queue) == []
    assert "older" not in consumer.said()


def test_what_is_acknowledged_does_not_come_again(
    topology: Topology, publisher: RabbitPublisher, tmp_path: Path, take: Callable[[str], Taken]
) -> None:
    with consumer_of(topology, tmp_path) as consumer:
        publisher.publish([told("alice", version) for version in (1, 2, 3)])
        until(partial(consumer.is_at, alice=3), PATIENCE, "all are applied")
        publisher.publish([told("boris", 1)])
        until(partial(consumer.is_at, alice=3, boris=1), PATIENCE, "so that the others are acknowledged")
    assert [body for _, body in take(topology.queue) if b"alice" in body] == []


def test_a_queue_of_one_s_own_gets_its_own_copy_and_buries_its_own_dead(
    topology: Topology, publisher: RabbitPublisher, tmp_path: Path, take: Callable[[str], Taken]
) -> None:
    publisher.publish([told("alice", 1)])  # declares the exchanges
    with own_queue(topology) as own, consumer_of(replace(topology, queue=own), tmp_path) as consumer:
        bad = Message(str(uuid.uuid4()), "subscription.changed", b"{")
        publisher.publish([bad, told("boris", 1)])
        until(partial(consumer.is_at, boris=1), PATIENCE, "what came after the queue was made")
        assert until(lambda: [body for _, body in take(f"{own}.dead")], PATIENCE, "its dead letter") == [b"{"]
    assert len(take(topology.queue)) == 3
    assert take(topology.dead_queue) == []


@contextmanager
def own_queue(topology: Topology) -> Iterator[str]:
    own = f"{topology.queue}.own"
    names = {"QUEUE": own, "EXCHANGE": topology.exchange, "DEAD_EXCHANGE": topology.dead_exchange}
    environ = {**os.environ, "AMQP_URL": AMQP_URL, **names}
    try:
        for _ in range(2):
            subprocess.run([NODE, FOLDER / "declare.js"], env=environ, check=True, timeout=PATIENCE)
        yield own
    finally:
        channel = connect(AMQP_URL, "tests").channel()
        for queue in (own, f"{own}.dead"):
            channel.queue_delete(queue)
        channel.connection.close()
