"""One private PostgreSQL, one private RabbitMQ and one portal for each engine, shared by all the kills of a session."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conftest import migrate, settings_for
from tests.faults.bench import Bench
from tests.faults.cluster import Cluster
from tests.faults.queue import Queue
from tests.faults.rounds import FIRST_ON_SQLITE, ROUNDS, Round
from tests.journeys.broker import Broker
from tests.journeys.serving import served
from tests.journeys.waiting import free_port
from tests.world import World

ON_BOTH_ENGINES = {"K11", "K16", "K27"}  # also in `make test`


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every kill once, and in `make chaos` with other customers, passages and engines."""
    if "round" not in metafunc.fixturenames:
        return
    both = any(mark.args[0] in ON_BOTH_ENGINES for mark in metafunc.definition.iter_markers("fault"))
    shown = {0, FIRST_ON_SQLITE} if both else {0}
    metafunc.parametrize(
        "round",
        [
            pytest.param(Round(n), id=f"round{n}", marks=() if n in shown else pytest.mark.chaos)
            for n in sorted({*range(ROUNDS), *shown})
        ],
    )


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    cluster = Cluster()
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.forget()


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    broker = Broker(tmp_path_factory.mktemp("faults") / "node")
    try:
        broker.start()
        yield broker
    finally:
        broker.forget()


@pytest.fixture(scope="session")
def bench_on(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, secrets_template: Path
) -> Iterator[Callable[[str], Bench]]:
    """The bench of an engine, made when it is first asked for."""
    made: dict[str, Bench] = {}
    with ExitStack() as stack:

        def get(engine: str) -> Bench:
            if engine not in made:
                cluster = request.getfixturevalue("cluster") if engine == "postgresql" else None
                made[engine] = _bench(tmp_path_factory.mktemp(engine), secrets_template, cluster, stack)
            return made[engine]

        yield get


def _bench(folder: Path, secrets: Path, cluster: Cluster | None, stack: ExitStack) -> Bench:
    shutil.copytree(secrets, folder / "secrets")
    port = free_port()
    if cluster:
        cluster.sql("CREATE DATABASE portal")
    url = cluster.url("portal") if cluster else f"sqlite:///{folder / 'portal.db'}"
    settings = settings_for(folder, url, public_url=f"http://127.0.0.1:{port}")
    migrate(settings)
    world = World(settings)
    world.seed()
    bench = Bench(world, port, cluster)
    stack.callback(bench.close)
    stack.enter_context(served(bench, port))
    bench.warm()
    return bench


@pytest.fixture
def bench(bench_on: Callable[[str], Bench], round: Round) -> Bench:
    """As seeded, on the engine of this round."""
    found = bench_on("sqlite" if round.on_sqlite else "postgresql")
    found.reset()
    return found


@pytest.fixture
def bench_on_postgresql(bench_on: Callable[[str], Bench]) -> Bench:
    """For what a file has no part of: a wire, a server."""
    found = bench_on("postgresql")
    found.reset()
    return found


@pytest.fixture
def queue(broker: Broker, bench: Bench) -> Queue:
    """Auth's queue, empty; the bench's processes publish and consume there."""
    broker.revive()
    bench.amqp_url = broker.url
    return Queue(broker.url)
