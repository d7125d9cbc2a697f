"""PostgreSQL and RabbitMQ themselves are killed in the middle of the work: it goes on when they are back."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from tests.faults import work
from tests.faults.bench import Bench
from tests.faults.cluster import runs
from tests.faults.queue import Queue
from tests.faults.rounds import CUSTOMERS, Round
from tests.faults.test_buying_killed import asked_again_and_paid, buy
from tests.faults.test_renewing_killed import charged
from tests.faults.test_telling_killed import told_in_order, untold
from tests.journeys.broker import QUEUE, Broker, QueuesGone
from tests.journeys.waiting import until

pytestmark = pytest.mark.xdist_group("kills")

MONTH = timedelta(days=32)
BACK_WITHIN = 60.0  # seconds


@pytest.mark.fault("D1")
@pytest.mark.parametrize("place", ["charge.stamped", "charge.answered", "renew.claimed"])
@pytest.mark.parametrize("whom", ["a backend", "the postmaster"])
def test_postgresql_killed_in_the_middle_of_renewals_nobody_is_charged_twice(
    bench_on_postgresql: Bench, round: Round, place: str, whom: str
) -> None:
    bench = bench_on_postgresql
    for login in CUSTOMERS:
        bench.world.bought(login, round.plan)
    bench.world.clock.at += MONTH
    nth = 1 if place == "renew.claimed" else 1 + round.number % len(CUSTOMERS)
    killed = victim(bench, whom)
    bench.run(work.with_a_hand, {place: (nth, killed)}, work.job_or_fail, "renew")
    until(lambda: not runs(killed), BACK_WITHIN, "it is dead")
    is_back(bench)
    bench.settle(hours=1)
    assert charged(bench) == dict.fromkeys(CUSTOMERS, 2)
    bench.assert_kept()


@pytest.mark.fault("D1")
@pytest.mark.parametrize("place", ["buy.ordered", "checkout.answered", "reply.made"])
@pytest.mark.parametrize("whom", ["a backend", "the postmaster"])
def test_postgresql_killed_in_the_middle_of_a_purchase_is_answered_and_the_same_key_goes_on(
    bench_on_postgresql: Bench, round: Round, place: str, whom: str
) -> None:
    bench = bench_on_postgresql
    killed = victim(bench, whom)
    with bench.web(hand=(place, killed)) as web:
        # It may be back before it is missed: a recovery takes half a second.
        assert buy(web, round).status_code in (httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.OK)
        until(lambda: not runs(killed), BACK_WITHIN, "it is dead")  # the answer may be faster than its death
        is_back(bench)
        assert httpx.get(f"{web.base}/", timeout=60, trust_env=False).status_code == httpx.codes.OK
    asked_again_and_paid(bench, round)


@pytest.mark.fault("B2")
@pytest.mark.parametrize("nth", [1, 4])
def test_rabbitmq_killed_in_the_middle_of_publishing_loses_nothing(
    bench: Bench, round: Round, queue: Queue, broker: Broker, nth: int
) -> None:
    """Once more where the broker itself has lost its queue by its death."""
    try:
        _kill_it_while_publishing(bench, queue, broker, nth)
    except QueuesGone:
        broker.begin_anew()
        bench.reset()
        bench.amqp_url = broker.url
        _kill_it_while_publishing(bench, Queue(broker.url), broker, nth)


def _kill_it_while_publishing(bench: Bench, queue: Queue, broker: Broker, nth: int) -> None:
    for login in CUSTOMERS:
        untold(bench, login)
        untold(bench, login, "sport")
    broker.keep(QUEUE)
    group = -broker.pid
    bench.run(work.with_a_hand, {"relay.between": (nth, group)}, work.command, "relay", "--once")
    marked = 2 * len(CUSTOMERS) - bench.unpublished()
    broker.kill()
    broker.revive()
    # What was confirmed is still there: counted once the queue has read its log again.
    until(lambda: queue.waiting() >= max(nth, marked), BACK_WITHIN, "the queue has what it confirmed")
    told_in_order(bench, queue, dict.fromkeys(CUSTOMERS, 2), again=None)


def victim(bench: Bench, whom: str) -> int:
    """The postmaster; or a backend, whose death makes PostgreSQL throw out everybody and recover."""
    assert bench.cluster
    return bench.cluster.postmaster() if whom == "the postmaster" else bench.cluster.a_backend()


def is_back(bench: Bench) -> None:
    """Started again where it is down, recovered where it is not."""
    assert bench.cluster
    bench.cluster.revive()
    until(bench.cluster.answers, BACK_WITHIN, "PostgreSQL answers")
    bench.forget_connections()
