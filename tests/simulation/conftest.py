"""Grounds on which simulated cinemas stand: one of each engine for a whole run of tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from portal.demo.simulation.ground import Ground
from portal.demo.simulation.life import Plot, Result, simulate
from tests.conftest import POSTGRESQL

Live = Callable[..., Result]


@pytest.fixture(scope="session")
def grounds() -> Iterator[dict[str, Ground]]:
    made = {"sqlite": Ground(), "postgresql": Ground(POSTGRESQL)}
    yield made
    for ground in made.values():
        ground.close()


@pytest.fixture
def live(grounds: dict[str, Ground]) -> Live:
    """Lives a plot; of eight customers and two months where nothing else is said."""

    def life(seed: int, engine: str = "sqlite", users: int = 8, months: int = 2, **more: object) -> Result:
        return simulate(Plot(users, months, seed, **more), grounds[engine])  # type: ignore[arg-type]  # its fields

    return life
