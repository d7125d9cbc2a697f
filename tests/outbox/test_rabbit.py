"""The relay and the demo Auth's consumer against a real broker."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import textwrap
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from portal import failpoints
from portal.demo.auth.consumer import Consumer
from portal.demo.auth.people import PEOPLE
from portal.demo.auth.store import Store
from portal.outbox.message import Message
from portal.outbox.rabbit import RabbitPublisher, connect
from portal.outbox.relay import Relay
from portal.outbox.topology import DELIVERY_LIMIT, Topology
from tests.demo.auth.places import new_service
from tests.outbox.conftest import AMQP_URL, Outbox, StillClock, Taken, event

PATIENCE = 20.0  # seconds; an upper bound, never waited out when all is well


@pytest.fixture
def publisher(topology: Topology) -> Iterator[RabbitPublisher]:
    publisher = RabbitPublisher(AMQP_URL, topology)
    yield publisher
    publisher.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(f"sqlite:///{tmp_path / 'auth.db'}", PEOPLE)
    yield store
    store.close()


def consumer_of(topology: Topology, apply: Callable[[dict[str, Any]], str]) -> Consumer:
    return Consumer(partial(connect, AMQP_URL, "tests"), topology.declare, topology.queue, apply)


def message(user_id: str, version: int, kind: str = "subscription.changed") -> Message:
    event_id = uuid.uuid4()
    return Message(str(event_id), kind, json.dumps(event(event_id, user_id, version, kind)).encode())


def test_what_the_broker_confirmed_is_marked_and_lies_in_auth_s_queue(
    outbox: Outbox, publisher: RabbitPublisher, topology: Topology, take: Callable[[str], Taken]
) -> None:
    event_id = outbox.write("alice", 1, "subscription.activated")
    assert Relay(publisher, StillClock()).run_once() == 1
    assert outbox.row(event_id)["published_at"] is not None
    ((properties, body),) = take(topology.queue)
    assert properties.content_type == "application/cloudevents+json"
    assert properties.delivery_mode == 2
    assert properties.message_id == str(event_id)
    assert json.loads(body) == outbox.row(event_id)["body"]


@pytest.mark.fault("B4")
def test_what_no_queue_wants_stays_unpublished_and_others_go_on(
    outbox: Outbox, publisher: RabbitPublisher, topology: Topology, take: Callable[[str], Taken]
) -> None:
    lost = outbox.write("alice", 1, "invoice.paid")
    outbox.write("alice", 2)
    outbox.write("boris", 1)
    assert Relay(publisher, StillClock()).run_once() == 1
    assert outbox.row(lost)["published_at"] is None
    assert outbox.row(lost)["last_error"] == "unroutable: no queue is bound for this type"
    assert [json.loads(body)["subject"] for _, body in take(topology.queue)] == ["boris"]


@pytest.mark.fault("B1")
def test_while_the_broker_is_down_rows_wait_and_later_all_go(outbox: Outbox, topology: Topology) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nowhere = f"amqp://guest:guest@127.0.0.1:{closed.getsockname()[1]}/"
    event_ids = [outbox.write("alice", 1), outbox.write("alice", 2)]
    assert Relay(RabbitPublisher(nowhere, topology), StillClock()).run_once() == 0
    assert "AMQPConnectionError" in outbox.row(event_ids[0])["last_error"]
    assert outbox.unpublished() == 2
    publisher = RabbitPublisher(AMQP_URL, topology)
    assert Relay(publisher, StillClock()).run_once() == 2
    publisher.close()


@pytest.mark.fault("B3")
def test_a_connection_that_broke_unnoticed_costs_nothing(
    publisher: RabbitPublisher, topology: Topology, take: Callable[[str], Taken]
) -> None:
    assert [receipt.confirmed for receipt in publisher.publish([message("alice", 1)])] == [True]
    transport = publisher._pipeline._connection._transport._sock  # type: ignore[union-attr]  # it was open a line ago
    transport.shutdown(socket.SHUT_RDWR)
    assert [receipt.confirmed for receipt in publisher.publish([message("alice", 2)])] == [True]
    assert [json.loads(body)["data"]["version"] for _, body in take(topology.queue)] == [1, 2]


@pytest.mark.fault("B6")
def test_a_deleted_exchange_and_a_deleted_queue_are_made_again(
    publisher: RabbitPublisher, topology: Topology, take: Callable[[str], Taken]
) -> None:
    publisher.publish([message("alice", 1)])
    connection = connect(AMQP_URL, "tests")
    connection.channel().exchange_delete(topology.exchange)
    assert publisher.publish([message("alice", 2)])[0].confirmed
    connection.channel().queue_delete(topology.queue)
    connection.close()
    assert not publisher.publish([message("alice", 3)])[0].confirmed
    assert publisher.publish([message("alice", 3)])[0].confirmed
    assert [json.loads(body)["data"]["version"] for _, body in take(topology.queue)] == [3]


def test_a_queue_that_others_declared_otherwise_is_an_error_on_the_row_not_a_crash(topology: Topology) -> None:
    connection = connect(AMQP_URL, "tests")
    connection.channel().queue_declare(topology.queue, durable=True)
    receipt, *_ = RabbitPublisher(AMQP_URL, topology).publish([message("alice", 1), message("boris", 1)])
    assert receipt.away
    assert "PRECONDITION_FAILED" in str(receipt.error)
    channel = connection.channel()
    topology_of_others = replace(topology, queue=f"{topology.queue}.other")
    topology_of_others.declare(channel)
    channel.queue_delete(topology_of_others.queue)
    connection.close()


@pytest.mark.fault("B9")
def test_repeated_and_reordered_events_end_in_the_newest_rights(
    publisher: RabbitPublisher, topology: Topology, store: Store
) -> None:
    service = new_service(store)
    first, second, third = (message("alice", version) for version in (1, 2, 3))
    receipts = publisher.publish([first, first, third, second, third])
    assert all(receipt.confirmed for receipt in receipts)
    assert consumer_of(topology, service.apply_event).run_once() == 5
    account = service.person("alice")
    assert (account.version, account.tokens_from_version) == (3, 3)
    assert account.entitlements[0]["features"] == ["library", "of-version-3"]
    results = [(version, result) for _, version, result in store.deliveries("alice")]
    assert results == [(1, "applied"), (1, "older"), (3, "applied"), (2, "older"), (3, "older")]


@pytest.mark.fault("B10")
@pytest.mark.fault("B12")
def test_what_cannot_be_applied_goes_to_the_dead_letters_and_others_flow(
    publisher: RabbitPublisher, topology: Topology, store: Store, take: Callable[[str], Taken]
) -> None:
    garbage = [b"not json", b"[]", b"{}", b"[" * 100_000, b'{"specversion": "9.0"}', b"\xff\xfe"]
    broken = [Message(str(uuid.uuid4()), "subscription.changed", body) for body in garbage]
    assert all(receipt.confirmed for receipt in publisher.publish([*broken, message("alice", 1)]))
    assert consumer_of(topology, new_service(store).apply_event).run_once() == len(broken) + 1
    assert [version for _, version, _ in store.deliveries("alice")] == [1]
    assert take(topology.queue) == []
    dead = eventually(lambda: take(topology.dead_queue), count=len(broken))
    assert sorted(dead) == sorted(garbage)


def dies_with(message: dict[str, Any]) -> str:
    raise OperationalError("UPDATE", {}, Exception("whoever reads this, dies"))


@pytest.mark.fault("B10")
def test_what_kills_its_consumer_each_time_is_a_dead_letter_in_the_end(
    publisher: RabbitPublisher, topology: Topology, store: Store, take: Callable[[str], Taken]
) -> None:
    publisher.publish([message("alice", 1)])
    for _ in range(DELIVERY_LIMIT + 1):
        with pytest.raises(OperationalError):
            consumer_of(topology, dies_with).run_once()
    publisher.publish([message("boris", 1)])
    assert consumer_of(topology, new_service(store).apply_event).run_once() == 1
    assert len(eventually(lambda: take(topology.dead_queue), count=1)) == 1


def test_a_dead_letter_that_has_lost_its_queue_lies_in_another_one(
    publisher: RabbitPublisher, topology: Topology, store: Store, take: Callable[[str], Taken]
) -> None:
    publisher.publish([Message("x", "subscription.changed", b"not json")])
    connection = connect(AMQP_URL, "tests")
    connection.channel().queue_unbind(topology.dead_queue, topology.dead_exchange, topology.queue)
    channel = connection.channel()
    got, _, _ = channel.basic_get(topology.queue)
    channel.basic_reject(got.delivery_tag, requeue=False)
    assert eventually(lambda: take(topology.unrouted), count=1) == [b"not json"]
    connection.close()


def test_all_are_sent_before_the_first_confirm_is_awaited(
    publisher: RabbitPublisher, topology: Topology, take: Callable[[str], Taken], monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher.publish([message("warm", 1)])
    sent: list[int] = []
    monkeypatch.setattr(failpoints, "reached", lambda _: sent.append(publisher._pipeline._sent))  # type: ignore[union-attr]  # it is open
    receipts = publisher.publish([message(f"user-{number}", 1) for number in range(20)])
    assert all(receipt.confirmed for receipt in receipts)
    assert sent == [21] * 20
    assert len(take(topology.queue)) == 21


def test_what_no_queue_is_bound_for_does_not_hold_back_those_sent_with_it(
    publisher: RabbitPublisher, topology: Topology, take: Callable[[str], Taken]
) -> None:
    mixed = [message("alice", 1), message("boris", 1, "invoice.paid"), message("clara", 1)]
    assert [receipt.confirmed for receipt in publisher.publish(mixed)] == [True, False, True]
    assert [json.loads(body)["subject"] for _, body in take(topology.queue)] == ["alice", "clara"]


@pytest.mark.fault("B5")
def test_what_the_broker_refuses_stays_unpublished_and_goes_when_there_is_room(
    outbox: Outbox, publisher: RabbitPublisher, topology: Topology, take: Callable[[str], Taken]
) -> None:
    connection = connect(AMQP_URL, "tests")
    channel = connection.channel()
    topology.declare(channel)
    full = f"{topology.queue}.full"
    room_for_one = {"x-queue-type": "quorum", "x-max-length": 1, "x-overflow": "reject-publish"}
    channel.queue_declare(full, durable=True, arguments=room_for_one)
    channel.queue_bind(full, topology.exchange, topology.pattern)
    while publisher.publish([message("filler", 1)])[0].confirmed:
        pass  # the queue notices a little late that it is full
    for user_id in ("alice", "boris"):
        outbox.write(user_id, 1)
    relay = Relay(publisher, StillClock(), monotonic=lambda: 0.0)
    assert (relay.run_once(), outbox.unpublished()) == (0, 2)
    channel.queue_delete(full)
    connection.close()
    assert Relay(publisher, StillClock()).run_once() == 2
    assert {json.loads(body)["subject"] for _, body in take(topology.queue)} == {"alice", "boris", "filler"}


@pytest.mark.fault("B13")
def test_who_was_away_for_long_catches_up_to_the_newest_rights_and_never_back(
    publisher: RabbitPublisher, topology: Topology, store: Store
) -> None:
    service, rights = new_service(store), []
    missed = [message(user_id, version) for version in range(1, 31) for user_id in ("alice", "boris")]
    publisher.publish([*missed, *missed[-4:]])

    def apply(body: dict[str, Any]) -> str:
        result = service.apply_event(body)
        rights.append(service.person("alice").version)
        return result

    assert consumer_of(topology, apply).run_once() == len(missed) + 4
    assert rights == sorted(rights)
    assert [service.person(user_id).version for user_id in ("alice", "boris")] == [30, 30]


def eventually(look: Callable[[], Taken], count: int) -> list[bytes]:
    """Dead letters are moved by the broker in its own time; looking again is the only way to hear of it."""
    found: list[bytes] = []
    looks = threading.Event()
    for _ in range(int(PATIENCE / 0.05)):
        found += [body for _, body in look()]
        if len(found) >= count:
            break
        looks.wait(0.05)
    return found


@pytest.mark.fault("B14")
def test_while_the_store_is_away_nothing_is_acknowledged(
    publisher: RabbitPublisher, topology: Topology, store: Store
) -> None:
    def away(_: dict[str, Any]) -> str:
        raise OperationalError("UPDATE", {}, Exception("the database is gone"))

    publisher.publish([message("alice", 1)])
    with pytest.raises(OperationalError):
        consumer_of(topology, away).run_once()
    assert consumer_of(topology, new_service(store).apply_event).run_once() == 1
    assert store.deliveries("alice")[0][2] == "applied"


KILLED_AFTER_COMMIT = """
    import os, signal, sys
    from functools import partial
    from portal.demo.auth.consumer import Consumer
    from portal.demo.auth.store import Store
    from portal.outbox.rabbit import connect
    from portal.outbox.topology import Topology
    from tests.demo.auth.places import new_service
    url, amqp_url, *names = sys.argv[1:]
    topology = Topology(**dict(name.split("=") for name in names))
    service = new_service(Store(url, ()))
    def apply(message):
        {apply}
        os.kill(os.getpid(), signal.SIGKILL)
    Consumer(partial(connect, amqp_url, "victim"), topology.declare, topology.queue, apply).run_once()
"""


def kill_a_consumer(store_url: str, topology: Topology, apply: str) -> int:
    names = [f"{name}={getattr(topology, name)}" for name in ("exchange", "queue", "dead_exchange", "unrouted")]
    program = textwrap.dedent(KILLED_AFTER_COMMIT).format(apply=apply)
    argv = [sys.executable, "-c", program, store_url, AMQP_URL, *names]
    return subprocess.run(argv, cwd=Path(__file__).parents[2], timeout=PATIENCE, check=False).returncode


@pytest.mark.parametrize(
    ("apply", "results"),
    [
        pytest.param("service.apply_event(message)", ["applied", "older"], marks=pytest.mark.fault("K23")),
        pytest.param("pass", ["applied"], marks=pytest.mark.fault("K22")),
    ],
)
def test_a_killed_consumer_s_message_comes_again_and_is_applied_once(
    publisher: RabbitPublisher, topology: Topology, store: Store, tmp_path: Path, apply: str, results: list[str]
) -> None:
    publisher.publish([message("alice", 1)])
    assert kill_a_consumer(f"sqlite:///{tmp_path / 'auth.db'}", topology, apply) == -9
    assert consumer_of(topology, new_service(store).apply_event).run_once() == 1
    assert [result for _, _, result in store.deliveries("alice")] == results
    assert store.find("alice").version == 1  # type: ignore[union-attr]  # she is there from the start


def test_the_loop_consumes_what_comes_and_stops_when_asked(
    publisher: RabbitPublisher, topology: Topology, store: Store
) -> None:
    service, stop, failed = new_service(store), threading.Event(), threading.Event()

    def apply(message: dict[str, Any]) -> str:
        if not failed.is_set():
            failed.set()
            raise OperationalError("UPDATE", {}, Exception("the database is gone for a moment"))
        result = service.apply_event(message)
        stop.set()
        return result

    publisher.publish([message("alice", 1)])
    loop = threading.Thread(target=consumer_of(topology, apply).run_forever, args=(stop,))
    loop.start()
    loop.join(PATIENCE)
    assert not loop.is_alive()
    assert [result for _, _, result in store.deliveries("alice")] == ["applied"]
