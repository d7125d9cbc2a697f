"""Real processes, each test file with its own; whatever is started here is gone when its fixture ends."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any
from uuid import uuid4
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from portal.config import Settings
from tests.conftest import database_named, run_sql
from tests.journeys import mortal
from tests.journeys.demo import Demo, environment
from tests.journeys.serving import served
from tests.journeys.shopper import Shopper
from tests.journeys.waiting import free_port
from tests.world import World

Visit = Callable[[Demo, str], Shopper]


@pytest.fixture
def visit() -> Iterator[Visit]:
    """People at a demo."""
    with ExitStack() as stack:

        def come(demo: Demo, login: str) -> Shopper:
            shopper = Shopper(demo.origin, login)
            stack.callback(shopper.close)
            return shopper

        yield come


@contextmanager
def running(folder: Path, **environ: str) -> Iterator[Demo]:
    demo = Demo(folder, **environ)
    try:
        demo.start()
        yield demo
    finally:
        demo.stop()


@contextmanager
def empty_database() -> Iterator[str]:
    name = f"matinee_{uuid4().hex[:12]}"
    run_sql(f"CREATE DATABASE {name}")
    try:
        yield database_named(name)
    finally:
        run_sql(f"DROP DATABASE {name} WITH (FORCE)")


class Town:
    """A world with an address, whose work other processes may do: they share its database, its book and its moment."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.started: list[BaseProcess] = []
        self.victim: BaseProcess | None = None  # dies when Auth has taken an event and before it hears so

    def start(self, work: Callable[..., Any], *given: Any, **settings: str) -> BaseProcess:
        environ = environment(self.world.settings.data, **(settings_of(self.world.settings) | settings))
        self.started.append(mortal.start(environ, self.world.clock.at, work, *given))
        return self.started[-1]

    def run(self, work: Callable[..., Any], *given: Any, **settings: str) -> int:
        return mortal.ended(self.start(work, *given, **settings))

    def die_at(self, place: str, work: Callable[..., Any], *given: Any) -> None:
        assert self.run(work, *given, FAILPOINTS=f"{place}:kill") == mortal.KILLED

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]  # as it came: the application moves the mount out of it
        answer = list(self.world.app(environ, start_response))
        if path == "/auth/events" and self.victim is not None:
            os.kill(self.victim.pid or 0, signal.SIGKILL)
            self.victim.join(mortal.ENDS_WITHIN)
        return answer


@pytest.fixture
def town(make_world: Callable[..., World]) -> Iterator[Town]:
    port = free_port()
    world = make_world(public_url=f"http://127.0.0.1:{port}")
    world.seed()
    town = Town(world)
    with served(town, port):
        yield town
    for process in town.started:
        process.kill()
        process.join()


def settings_of(settings: Settings) -> dict[str, str]:
    given = settings.model_dump(exclude_defaults=True)
    return {name.upper(): str(value) for name, value in given.items()}
