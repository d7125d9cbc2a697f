"""Real processes, each test file with its own; whatever is started here is gone when its fixture ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from portal.config import Settings
from tests.conftest import database_named, run_sql
from tests.journeys import mortal
from tests.journeys.demo import Demo, environment
from tests.journeys.shopper import Shopper
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
    """A world whose work other processes may do: they share its database, its book and its moment."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.started: list[BaseProcess] = []

    def start(self, work: Callable[..., Any], *given: Any, **settings: str) -> BaseProcess:
        environ = environment(self.world.settings.data, **(settings_of(self.world.settings) | settings))
        self.started.append(mortal.start(environ, self.world.clock.at, work, *given))
        return self.started[-1]


def settings_of(settings: Settings) -> dict[str, str]:
    given = settings.model_dump(exclude_defaults=True)
    return {name.upper(): str(value) for name, value in given.items()}
