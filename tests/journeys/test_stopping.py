"""In the middle of work, each process as it is run: it holds up nothing else, and SIGTERM lets it finish its turn."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Event
from wsgiref.types import StartResponse, WSGIEnvironment

import httpx
import pytest

from portal.db.session import db
from portal.services import inbox
from portal.services.clock import move_by
from tests.conftest import settings_for
from tests.journeys.demo import ROOT, environment
from tests.journeys.serving import served
from tests.journeys.waiting import free_port, until
from tests.world import World

PATIENCE = 60.0  # seconds on a busy machine
STOPS_WITHIN = 30.0
ROW = re.compile(r"^\| (\w+) \| `([^`]+)` \|", re.MULTILINE)
COMMANDS = dict(ROW.findall((ROOT / "docs" / "operating.md").read_text()))


class Held:
    """What others call over a socket, which answers nobody until it is let go."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.called, self.let_go = Event(), Event()
        ours = {name.upper(): str(value) for name, value in world.settings.model_dump(exclude_defaults=True).items()}
        sandbox = f"{world.settings.origin}/sandbox"
        self.environ = environment(world.settings.data, **ours, SANDBOX_URL=sandbox)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        self.called.set()
        assert self.let_go.wait(PATIENCE)
        return self.world.app(environ, start_response)


@pytest.fixture
def engine() -> str:
    return "sqlite"


@pytest.fixture
def outside(database_url: str, tmp_path: Path, secrets_template: Path) -> Iterator[Held]:
    (tmp_path / "secrets").symlink_to(secrets_template)
    port = free_port()
    settings = settings_for(tmp_path, database_url, public_url=f"http://127.0.0.1:{port}")
    held = Held(World(settings, travels=True))
    held.world.seed()
    with served(held, port):
        yield held
        held.let_go.set()
    held.world.close()


@contextmanager
def stopped_at_work(outside: Held, process: str, *more: str, says: str = "") -> Iterator[None]:
    """Starts it, waits until it asks somebody, tells it to stop and only then lets it have the answer.

    `says`: what it logs when it has heard that.
    """
    name, *arguments = COMMANDS[process].split()
    command = [str(Path(sys.executable).with_name(name)), *arguments, *more]
    log = outside.world.settings.data / "stderr.log"
    with log.open("w") as stderr:
        running = subprocess.Popen(command, cwd=ROOT, env=outside.environ, stderr=stderr)
    try:
        yield
        assert outside.called.wait(PATIENCE), log.read_text()
        running.terminate()
        until(lambda: says in log.read_text(), PATIENCE, f"{process} has heard that it shall stop")
        outside.let_go.set()
        assert running.wait(STOPS_WITHIN) == 0
    finally:
        running.kill()
        running.wait()


@pytest.mark.fault("O1")
def test_an_order_that_came_before_is_answered(outside: Held) -> None:
    port = free_port()
    alice = outside.world.sign_in("alice")

    def order() -> httpx.Response:
        return httpx.post(
            f"http://127.0.0.1:{port}/api/v1/purchases",
            json={"product_id": "standard", "product_count": 1},
            headers={"Authorization": f"Bearer {alice.token}"},
            timeout=PATIENCE,
            trust_env=False,
        )

    def answers() -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).is_success
        except httpx.TransportError:
            return False

    at_work = stopped_at_work(outside, "web", "--bind", f"127.0.0.1:{port}", says="Handling signal: term")
    with ThreadPoolExecutor(1) as pool, at_work:
        until(answers, PATIENCE, "the web process answers")
        ordered = pool.submit(order)
    answer = ordered.result(PATIENCE)
    assert answer.status_code == 200, answer.text
    assert answer.json()["redirect_url"]
    assert outside.world.one("SELECT state FROM payments")["state"] == "requires_action"


@pytest.mark.fault("O1")
def test_a_charge_that_was_sent_is_written_down(outside: Held) -> None:
    world = outside.world
    world.bought("alice")
    with world.app.app_context():
        move_by(timedelta(days=31))
    with stopped_at_work(outside, "worker", says="Received SIGTERM"):
        pass
    assert states(world, "payments") == ["succeeded"] * 2


def test_while_a_charge_is_waited_for_the_other_jobs_run(outside: Held) -> None:
    world = outside.world
    world.bought("alice")
    with world.app.app_context():
        move_by(timedelta(days=31))
    with stopped_at_work(outside, "worker", says="Received SIGTERM"):
        until(lambda: {"janitor", "expire"} <= set(through(world)), PATIENCE, "the other jobs have run")
        assert "renew" not in through(world)
    assert "renew" in through(world)


def through(world: World) -> list[str]:
    return [row["job"] for row in world.rows("SELECT job FROM job_runs WHERE finished_at IS NOT NULL")]


@pytest.mark.fault("O1")
def test_a_webhook_that_was_taken_is_applied(outside: Held) -> None:
    world = outside.world
    paid_and_told(world)
    with stopped_at_work(outside, "inbox"):
        pass
    assert states(world, "payments") == ["succeeded"]
    assert states(world, "inbox") == ["processed"]


@pytest.mark.fault("O1")
def test_an_event_that_was_sent_is_marked(outside: Held) -> None:
    world = outside.world
    paid_and_told(world)
    with world.app.app_context():
        assert inbox.run_once()
        db.session.remove()
    with stopped_at_work(outside, "relay"):
        pass
    assert world.one("SELECT published_at FROM outbox")["published_at"]
    assert world.rights("alice")["version"] == 1


def paid_and_told(world: World) -> None:
    """The payment system has said so, and nobody has looked at it yet."""
    order = world.buy(world.sign_in("alice"))
    world.pay(order["redirect_url"])
    with world.app.app_context():
        assert world.deliverer.run_once()


def states(world: World, table: str) -> list[str]:
    return [row["state"] for row in world.rows(f"SELECT state FROM {table}")]  # noqa: S608 - a test's own words
