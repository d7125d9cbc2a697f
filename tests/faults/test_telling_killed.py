"""SIGKILL anywhere between the outbox and Auth's rights, over RabbitMQ: told again, in order, applied once."""

from __future__ import annotations

import re

import pytest

from tests.faults import work
from tests.faults.bench import Bench
from tests.faults.nursery import KILLED
from tests.faults.proxy import Trap, proxy_to
from tests.faults.queue import Queue
from tests.faults.rounds import CUSTOMERS, Round
from tests.journeys.broker import Broker
from tests.journeys.waiting import until

pytestmark = pytest.mark.xdist_group("kills")

A_PUBLISH = re.compile(rb"subscription\.activated")


@pytest.mark.fault("K18")
def test_a_relay_killed_with_the_row_in_hand_has_sent_nothing_and_the_next_sends_it(
    bench: Bench, round: Round, queue: Queue
) -> None:
    untold(bench, round.who)
    bench.die_at("relay.read", work.command, "relay", "--once")
    assert queue.waiting() == 0
    told_in_order(bench, queue, {round.who: 1}, again=0)


@pytest.mark.fault("K19")
def test_a_relay_killed_while_it_waits_for_the_confirm_sends_again_and_auth_applies_once(
    bench: Bench, round: Round, queue: Queue, broker: Broker
) -> None:
    untold(bench, round.who)
    with proxy_to(broker.port) as wire:
        wire.trap = Trap(A_PUBLISH, "deafen")
        through = f"amqp://guest:guest@127.0.0.1:{wire.port}/"
        pid = bench.start(work.command, "relay", "--once", amqp_url=through)
        until(lambda: queue.waiting() == 1, 60, "the broker has the message")
        work.kill(pid)
        assert bench.ended(pid) == KILLED
        assert "deafen" in wire.log
    told_in_order(bench, queue, {round.who: 1}, again=1)


@pytest.mark.fault("K20")
def test_a_relay_killed_between_the_confirm_and_the_mark_sends_again_and_auth_applies_once(
    bench: Bench, round: Round, queue: Queue
) -> None:
    untold(bench, round.who)
    bench.die_at("relay.confirmed", work.command, "relay", "--once")
    assert queue.waiting() == 1
    told_in_order(bench, queue, {round.who: 1}, again=1)


@pytest.mark.fault("K21")
@pytest.mark.parametrize(("place", "nth"), [("relay.between", 1), ("relay.between", 3), ("relay.marked", 1)])
def test_a_relay_killed_in_the_middle_of_many_keeps_each_customers_order(
    bench: Bench, round: Round, queue: Queue, place: str, nth: int
) -> None:
    for login in CUSTOMERS:
        untold(bench, login)
        untold(bench, login, "sport")
    bench.die_at(place, work.command, "relay", "--once", nth=nth)
    sent, marked = queue.waiting(), 2 * len(CUSTOMERS) - bench.unpublished()
    if place == "relay.between":  # the other customers' were under way
        assert nth <= sent <= len(CUSTOMERS)
        assert marked == 0
    else:
        assert (sent, marked) == (len(CUSTOMERS), len(CUSTOMERS))
    told_in_order(bench, queue, dict.fromkeys(CUSTOMERS, 2), again=None if marked == 0 else 0)


@pytest.mark.fault("K22")
@pytest.mark.parametrize("place", ["consumer.received", "consumer.written"])
def test_auth_killed_before_its_commit_is_told_again(bench: Bench, round: Round, queue: Queue, place: str) -> None:
    published(bench, round)
    bench.die_at(place, work.consume)
    assert queue.applied(bench) == []
    told_in_order(bench, queue, {round.who: 1}, again=0)


@pytest.mark.fault("K23")
def test_auth_killed_between_its_commit_and_the_ack_drops_the_repetition(
    bench: Bench, round: Round, queue: Queue
) -> None:
    published(bench, round)
    bench.die_at("consumer.committed", work.consume)
    assert queue.applied(bench) == [(round.who, 1, "applied")]
    told_in_order(bench, queue, {round.who: 1}, again=1)


@pytest.mark.fault("K24")
@pytest.mark.parametrize(("place", "current"), [("consumer.written", True), ("consumer.acked", False)])
def test_rights_are_saved_and_tokens_withdrawn_in_one_commit(
    bench: Bench, round: Round, queue: Queue, place: str, current: bool
) -> None:
    token = bench.world.sign_in(round.who).token
    published(bench, round)
    bench.die_at(place, work.consume)
    watches = bench.world.rights(round.who)["entitlements"] != []
    assert (watches, is_current(bench, token)) == (not current, current)
    told_in_order(bench, queue, {round.who: 1}, again=0)
    assert not is_current(bench, token)


def untold(bench: Bench, login: str, plan: str = "standard") -> None:
    """Paid, and the event waits."""
    bench.world.pay(bench.world.buy(bench.world.sign_in(login), plan)["redirect_url"])
    bench.run(work.hear)


def published(bench: Bench, round: Round) -> None:
    untold(bench, round.who)
    bench.run(work.command, "relay", "--once")
    assert bench.unpublished() == 0


def is_current(bench: Bench, token: str) -> bool:
    """What Auth says of a token that was given before."""
    client = bench.world.app.test_client()
    return client.get("/auth/check", headers={"Authorization": f"Bearer {token}"}).status_code == 200


def told_in_order(bench: Bench, queue: Queue, versions: dict[str, int], again: int | None) -> None:
    """Every event is applied once, each customer's in its order; `again` of them came once more and changed nothing.

    None: any number of them, and what a queue gives out again may come after what was behind it: never backwards, and
    to the newest in the end.
    """
    bench.settle()
    said = queue.applied(bench)
    for login, last in versions.items():
        applied = [version for who, version, made in said if who == login and made == "applied"]
        assert applied == sorted(set(applied))
        assert applied[-1] == last
        assert again is None or applied == list(range(1, last + 1))
    assert again in (None, len([one for one in said if one[2] == "older"]))
    assert queue.waiting() == 0
    bench.assert_kept()
