"""Portal time: real time plus one row's offset, which production has no use for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from portal import clock as clock_module
from portal import runtime
from portal.app import create_app
from portal.clock import Clock, real_now
from portal.config import load_settings
from portal.db.session import atomic, db
from portal.models.installation import ClockRow
from tests.test_config import PRODUCTION
from tests.world import World

REAL = datetime(2027, 1, 10, 9, 0, tzinfo=UTC)


@pytest.fixture
def real_time(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """Real time stands still."""
    monkeypatch.setattr(clock_module, "real_now", lambda: REAL)
    return REAL


def test_real_time_is_aware_and_utc() -> None:
    assert real_now().tzinfo is UTC


def test_without_an_offset_portal_time_is_real_time(real_time: datetime) -> None:
    assert Clock().now() == real_time


@pytest.mark.parametrize("offset", [timedelta(0), timedelta(days=31), timedelta(days=-180), timedelta(microseconds=1)])
def test_portal_time_is_real_time_plus_the_offset(real_time: datetime, offset: timedelta) -> None:
    assert Clock(lambda: offset).now() == real_time + offset


def test_an_offset_that_moves_is_seen_by_a_clock_that_runs(real_time: datetime) -> None:
    offsets = iter([timedelta(0), timedelta(days=1), timedelta(days=2)])
    clock = Clock(lambda: next(offsets), fresh_for=-1)
    assert [clock.now() - real_time for _ in range(3)] == [timedelta(days=days) for days in range(3)]


def test_the_row_is_not_read_again_while_it_is_fresh(real_time: datetime) -> None:
    reads = []
    clock = Clock(lambda: reads.append(1) or timedelta(days=1), fresh_for=3600)  # type: ignore[func-returns-value]  # append answers None
    assert {clock.now() for _ in range(5)} == {real_time + timedelta(days=1)}
    assert len(reads) == 1


def write_offset(app: Flask, offset: timedelta) -> None:
    with app.app_context(), atomic():
        db.session.add(ClockRow(id=1, offset_microseconds=offset // timedelta(microseconds=1)))


def test_a_demo_portal_travels_by_the_row(real_time: datetime, make_world: Callable[..., World]) -> None:
    world = make_world()
    offset = timedelta(days=31, microseconds=5)
    assert time_of_a_new_process(world) == real_time
    write_offset(world.app, offset)
    assert time_of_a_new_process(world) == real_time + offset


def time_of_a_new_process(world: World) -> datetime:
    """By the clock that the portal makes for itself where a test gives it none."""
    with create_app(world.settings).app_context():
        now: datetime = runtime.clock.now()
        db.engine.dispose()
    return now


def test_production_reads_no_row(real_time: datetime, tmp_path: Path) -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    settings = load_settings(**PRODUCTION | {"database_url": nowhere, "data_dir": tmp_path}, _env_file=None)
    with create_app(settings, providers={}).app_context():
        assert runtime.clock.now() == real_time
