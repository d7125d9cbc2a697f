"""Travelling through time: every due moment is entered, and nothing is left to do when the traveller has arrived."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from portal import clock as clock_module
from portal.clock import FRESH_FOR
from portal.db.session import atomic, db
from portal.demo.travel import LaterRows, NotForward, Stuck, Traveller, Trip, advance, reset, travel
from portal.jobs import Job
from portal.models.installation import ClockRow
from portal.presentation.diary import diary
from portal.services.clock import LEASE, SomebodyTravels, somebody_travels, travelling
from tests.conftest import settings_for
from tests.services.stubborn import plan_fault
from tests.world import World

DAY = timedelta(days=1)
START = datetime(2027, 1, 31, 10, tzinfo=UTC)
SAVES_THEN_DECLINES = "4000 0000 0000 0341"


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """A cinema whose clock can be travelled, on 31 January 2027 at 10:00 UTC."""
    world = World(settings_for(tmp_path, database_url), travels=True)
    world.seed()
    go(world, START)
    yield world
    world.close()


def go(world: World, where: datetime | timedelta) -> Trip:
    with world.app.app_context():
        return travel(where) if isinstance(where, datetime) else advance(where)


def told(world: World, span: timedelta) -> list[str]:
    lines: list[str] = []
    with world.app.app_context():
        advance(span, lambda happened: lines.extend(diary(happened, "Europe/Moscow")))
    return lines
