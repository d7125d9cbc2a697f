"""The wire to the database, the payment system or the broker is torn, thin or half open: nothing is lost or doubled."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest

from portal.domain.outcome import Outcome
from portal.outbox import rabbit
from portal.outbox.message import Message
from portal.outbox.rabbit import RabbitPublisher
from portal.outbox.relay import Relay
from portal.outbox.topology import Topology
from portal.providers.sandbox import SandboxProvider
from tests.faults import work
from tests.faults.bench import Bench
from tests.faults.proxy import COMMIT, Proxy, Trap, proxy_to
from tests.faults.queue import Queue
from tests.faults.rounds import Round
from tests.faults.test_buying_killed import asked_again_and_paid, buy
from tests.journeys.broker import Broker

pytestmark = pytest.mark.xdist_group("kills")


@pytest.mark.fault("K5")
@pytest.mark.fault("D3")
@pytest.mark.parametrize("forward", [True, False], ids=["committed", "not committed"])
@pytest.mark.parametrize("nth", [1, 2, 3, 4, 5])  # the key, the order, the payment, its answer, the reply
def test_a_commit_whose_answer_never_comes_is_there_or_not_and_asking_again_converges(
    bench_on_postgresql: Bench, round: Round, nth: int, forward: bool
) -> None:
    bench = bench_on_postgresql
    with proxy_to(postgresql(bench)) as proxy, bench.web(database_at=proxy.port) as web:
        assert httpx.get(f"{web.base}/readyz", timeout=60, trust_env=False).json()["missing"].get("database") is None
        proxy.trap = Trap(COMMIT, "cut", nth, forward)
        answer = buy(web, round)
        assert "cut" in proxy.log
        assert answer.status_code == 503, answer.text
    orders = 0 if nth < 2 or (nth == 2 and not forward) else 1
    assert len(bench.states("invoices")) == orders
    asked_again_and_paid(bench, round)


@pytest.mark.fault("D2")
@pytest.mark.parametrize("forward", [True, False], ids=["committed", "not committed"])
def test_the_database_lost_between_the_charge_and_its_commit_is_as_if_we_had_died_there(
    bench_on_postgresql: Bench, round: Round, forward: bool
) -> None:
    bench = bench_on_postgresql
    bench.world.bought(round.who, round.plan, round.count)
    bench.world.clock.at += 32 * 24 * work.HOUR * round.count
    with proxy_to(postgresql(bench)) as proxy:
        proxy.trap = Trap(COMMIT, "cut", nth=4, forward=forward)  # after the connection's own, the claim and the stamp
        bench.run(work.through, proxy.port, work.job_or_fail, "renew")
        assert "cut" in proxy.log
    assert bench.charges() == ["succeeded", "succeeded"]
    bench.settle(hours=1)
    assert bench.charges() == ["succeeded", "succeeded"]
    assert bench.told(round.who) == [1, 2]
    bench.assert_kept()


@pytest.mark.fault("P18")
def test_a_payment_system_that_trickles_is_left_at_the_deadline_and_counts_as_unknown(
    bench: Bench, round: Round
) -> None:
    with proxy_to(bench.port) as proxy:
        proxy.trickle = 0.25
        provider = SandboxProvider(f"http://127.0.0.1:{proxy.port}/sandbox", "key", "secret", deadline=0.5)
        begun = time.monotonic()
        answer = provider.find("payment:nobody")
        assert time.monotonic() - begun < 10  # a whole answer would take a minute
        assert (answer.outcome, answer.absent) == (Outcome.unknown, False)
        assert "trickle" in proxy.log


@pytest.fixture
def wire(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """To the broker. Patience is short, so that a test need not have any."""
    monkeypatch.setattr(rabbit, "HEARTBEAT", 2)
    with proxy_to(broker.port) as proxy:
        yield proxy


@pytest.mark.fault("B1")
def test_a_purchase_goes_on_without_a_broker_and_is_told_when_it_is_back(
    bench: Bench, round: Round, queue: Queue, wire: Proxy
) -> None:
    wire.away = True
    through = f"amqp://guest:guest@127.0.0.1:{wire.port}/"
    untold(bench, round.who)
    bench.run(work.command, "relay", "--once", amqp_url=through)
    assert "away" in wire.log
    assert bench.unpublished() == 1
    assert bench.world.one("SELECT last_error FROM outbox")["last_error"]

    wire.away = False
    bench.run(work.command, "relay", "--once", amqp_url=through)
    assert bench.unpublished() == 0
    bench.settle()
    assert queue.applied(bench) == [(round.who, 1, "applied")]
    bench.assert_kept()


@pytest.mark.fault("B5")
def test_a_broker_in_alarm_is_waited_for_and_takes_the_event_when_it_is_over(
    bench: Bench, round: Round, queue: Queue, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rabbit, "BLOCKED_FOR", 1)
    untold(bench, round.who)
    with bench.world.app.app_context():
        relay = Relay(RabbitPublisher(broker.url, Topology()), bench.world.clock)  # type: ignore[arg-type]  # it tells the time
        broker.alarm(on=True)
        try:
            assert relay.run_once() == 0
        finally:
            broker.alarm(on=False)
        assert "ConnectionBlockedTimeout" in bench.world.one("SELECT last_error FROM outbox")["last_error"]
        assert Relay(RabbitPublisher(broker.url, Topology()), bench.world.clock).run_once() == 1  # type: ignore[arg-type]  # as above
    bench.settle()
    first, *others = queue.applied(bench)  # what lay in the wire while the broker was blocked may arrive as well
    assert first == (round.who, 1, "applied")
    assert {result for _, _, result in others} <= {"older"}


@pytest.mark.fault("B3")
def test_a_half_open_connection_is_given_up_and_what_it_swallowed_is_published_again(
    bench: Bench, round: Round, queue: Queue, wire: Proxy
) -> None:
    publisher = RabbitPublisher(f"amqp://guest:guest@127.0.0.1:{wire.port}/", Topology())
    assert publisher.publish([Message("warm", "subscription.test", b"{}")])[0].confirmed
    queue.empty()
    untold(bench, round.who)
    wire.deaf = True
    with bench.world.app.app_context():
        relay = Relay(publisher, bench.world.clock)  # type: ignore[arg-type]  # it tells the time
        assert relay.run_once() == 0
        assert "deaf" in wire.log
        assert bench.unpublished() == 1
        assert bench.world.one("SELECT last_error FROM outbox")["last_error"]
        wire.deaf = False
        wire.cut()
        assert Relay(publisher, bench.world.clock).run_once() == 1  # type: ignore[arg-type]  # as above
    publisher.close()
    bench.settle()
    said = queue.applied(bench)
    assert said[0] == (round.who, 1, "applied")
    assert {one[2] for one in said[1:]} <= {"older"}
    bench.assert_kept()


def postgresql(bench: Bench) -> int:
    """Its port. There is no wire to a file."""
    assert bench.cluster
    return bench.cluster.port


def untold(bench: Bench, login: str) -> None:
    """Paid, and the event waits."""
    bench.world.pay(bench.world.buy(bench.world.sign_in(login))["redirect_url"])
    bench.run(work.hear)
    assert bench.unpublished() == 1
