"""Real processes, each test file with its own; whatever is started here is gone when its fixture ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from tests.conftest import database_named, run_sql
from tests.journeys.demo import Demo
from tests.journeys.shopper import Shopper

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
