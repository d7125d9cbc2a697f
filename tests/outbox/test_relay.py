"""The relay's own rules, with a publisher that fails as it is told; on both engines."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Sequence

import pytest
from flask import Flask

from portal.db.lock import exclusive
from portal.db.session import db, end_reads
from portal.outbox.message import Message, Receipt
from portal.outbox.relay import FIRST_REST, LONGEST_REST, Relay, Rest
from tests.outbox.conftest import AT, Outbox, StillClock


class Publisher:
    def __init__(self) -> None:
        self.sent: list[tuple[str, int]] = []
        self.refused: set[tuple[str, int]] = set()
        self.away = False
        self.on_publish: Callable[[], None] = lambda: None

    def publish(self, messages: Sequence[Message]) -> list[Receipt]:
        self.on_publish()
        if self.away:
            return [Receipt("nobody there", away=True)]
        return [self._take(json.loads(message.body)["data"]) for message in messages]

    def _take(self, data: dict[str, object]) -> Receipt:
        who = (str(data["user_id"]), int(str(data["version"])))
        if who in self.refused:
            return Receipt("not this one")
        self.sent.append(who)
        return Receipt()

    def close(self) -> None:
        self.sent.clear()


@pytest.fixture
def publisher() -> Publisher:
    return Publisher()


@pytest.fixture
def relay(publisher: Publisher) -> Relay:
    return Relay(publisher, StillClock())


def test_a_row_is_marked_after_the_confirm(outbox: Outbox, relay: Relay, publisher: Publisher) -> None:
    first = outbox.write("alice", 1)
    assert relay.run_once() == 1
    row = outbox.row(first)
    assert (row["published_at"], row["attempts"], row["last_error"]) == (AT, 1, None)
    assert relay.run_once() == 0
    assert publisher.sent == [("alice", 1)]


def test_rows_leave_in_the_order_each_user_s_were_written(outbox: Outbox, relay: Relay, publisher: Publisher) -> None:
    for version in (1, 2, 3):
        outbox.write("alice", version)
        outbox.write("boris", version)
    assert relay.run_once() == 6
    for user in ("alice", "boris"):
        assert [version for name, version in publisher.sent if name == user] == [1, 2, 3]


def test_a_refused_row_holds_back_its_own_user_only(outbox: Outbox, relay: Relay, publisher: Publisher) -> None:
    publisher.refused = {("alice", 1)}
    stuck, behind = outbox.write("alice", 1), outbox.write("alice", 2)
    outbox.write("boris", 1)
    assert relay.run_once() == 1
    assert publisher.sent == [("boris", 1)]
    row = outbox.row(stuck)
    assert (row["published_at"], row["attempts"], row["last_error"]) == (None, 1, "not this one")
    assert outbox.row(behind)["attempts"] == 0


def test_a_refused_row_goes_first_once_it_is_taken(outbox: Outbox, publisher: Publisher) -> None:
    seconds = 0.0
    relay = Relay(publisher, StillClock(), monotonic=lambda: seconds)
    publisher.refused = {("alice", 1)}
    outbox.write("alice", 1)
    outbox.write("alice", 2)
    assert relay.run_once() == 0
    publisher.refused.clear()
    assert relay.run_once() == 0, "it is left alone for a moment"
    seconds = LONGEST_REST
    assert relay.run_once() == 2
    assert publisher.sent == [("alice", 1), ("alice", 2)]


def test_stuck_rows_at_the_head_do_not_hold_back_what_lies_behind_them(
    outbox: Outbox, relay: Relay, publisher: Publisher
) -> None:
    publisher.refused = {(f"stuck{n}", 1) for n in range(5)}
    for n in range(5):
        outbox.write(f"stuck{n}", 1)
    outbox.write("boris", 1)
    assert relay.run_once(limit=2) == 1
    outbox.write("clara", 1)
    assert relay.run_once(limit=2) == 1
    assert publisher.sent == [("boris", 1), ("clara", 1)]


def test_while_nobody_is_there_only_one_row_is_tried(outbox: Outbox, relay: Relay, publisher: Publisher) -> None:
    publisher.away = True
    first, second = outbox.write("alice", 1), outbox.write("boris", 1)
    assert relay.run_once() == 0
    assert (outbox.row(first)["attempts"], outbox.row(first)["last_error"]) == (1, "nobody there")
    assert outbox.row(second)["attempts"] == 0
    publisher.away = False
    assert relay.run_once() == 2


@pytest.mark.fault("B8")
def test_a_row_that_appears_below_published_ones_is_not_passed_over(
    outbox: Outbox, relay: Relay, publisher: Publisher
) -> None:
    outbox.write("alice", 1, seq=100)
    assert relay.run_once() == 1
    outbox.write("boris", 1, seq=50)
    assert relay.run_once() == 1


def test_no_transaction_is_open_while_a_message_is_on_its_way(
    outbox: Outbox, relay: Relay, publisher: Publisher
) -> None:
    seen: list[bool] = []
    publisher.on_publish = lambda: seen.append(db.session().in_transaction())
    outbox.write("alice", 1)
    outbox.write("alice", 2)
    relay.run_once()
    assert seen == [False, False]


@pytest.mark.fault("B7")
def test_only_one_relay_is_at_work(outbox: Outbox, outbox_app: Flask, publisher: Publisher) -> None:
    def another() -> None:
        with outbox_app.app_context():
            others.append(Relay(publisher, StillClock()).run_once())

    def meanwhile() -> None:
        thread = threading.Thread(target=another)
        thread.start()
        thread.join()

    others: list[int] = []
    publisher.on_publish = meanwhile
    outbox.write("alice", 1)
    assert Relay(publisher, StillClock()).run_once() == 1
    assert others == [0]
    assert publisher.sent == [("alice", 1)]


def test_a_name_is_free_again_after_its_holder_failed(outbox_app: Flask) -> None:
    def fail() -> None:
        with exclusive("relay"):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with exclusive("relay") as held, exclusive("another") as other:
        assert held is not None
        assert other is not None
        held()
        with exclusive("relay") as again:
            assert again is None


@pytest.mark.fault("K20")
def test_a_crash_after_the_confirm_sends_the_same_message_again(
    outbox: Outbox, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    outbox.write("alice", 1)
    with monkeypatch.context() as patch:
        patch.setattr(Relay, "_mark", killed)
        with pytest.raises(Killed):
            Relay(publisher, StillClock()).run_once()
    assert Relay(publisher, StillClock()).run_once() == 1
    assert publisher.sent == [("alice", 1), ("alice", 1)]


def test_the_loop_outlives_every_failure(outbox: Outbox, publisher: Publisher) -> None:
    calls = 0
    stop = threading.Event()

    def stumble() -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise RuntimeError("a bug")
        stop.set()

    publisher.on_publish = stumble
    event_id = outbox.write("alice", 1)
    Relay(publisher, StillClock()).run_forever(stop, poll=0.01)
    assert calls == 2
    assert outbox.row(event_id)["published_at"] == AT


def test_rests_grow_and_stay_below_their_bound() -> None:
    rest = Rest()
    pauses = [rest.longer(0.0) for _ in range(12)]
    assert FIRST_REST * 0.75 <= pauses[0] <= FIRST_REST
    assert LONGEST_REST * 0.75 <= pauses[-1] <= LONGEST_REST
    assert rest.until == pauses[-1]


def test_an_event_travels_as_it_was_written(outbox: Outbox, relay: Relay, publisher: Publisher) -> None:
    bodies: list[Message] = []
    publisher.publish = lambda messages: bodies.extend(messages) or [Receipt()]  # type: ignore[assignment,func-returns-value]  # a spy
    event_id = outbox.write("Ольга", 1, "subscription.activated")
    relay.run_once()
    assert bodies[0].id == str(event_id) == json.loads(bodies[0].body)["id"]
    assert bodies[0].type == "subscription.activated"
    assert uuid.UUID(bodies[0].id)
    assert "Ольга".encode() in bodies[0].body
    end_reads()
