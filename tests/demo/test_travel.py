"""Travelling through time: every due moment is entered, and nothing is left to do when the traveller has arrived."""

from __future__ import annotations

import importlib
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from portal import clock as clock_module
from portal.clock import real_now
from portal.db.session import db
from portal.demo.travel import LaterRows, NotForward, Stuck, Traveller, Trip, advance, reset, travel
from portal.jobs import Job
from portal.models.history import HistoryRow
from portal.models.subscription import PeriodRow
from portal.presentation.diary import diary
from portal.services.clock import LEASE, SomebodyTravels, somebody_travels, travelling
from portal.services.turns import Turns
from tests.conftest import settings_for
from tests.outbox.names import AMQP_URL, as_settings, names_of_our_own
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


def periods(world: World) -> list[tuple[datetime, datetime]]:
    with world.app.app_context():
        found = db.session.execute(select(PeriodRow.start, PeriodRow.end).order_by(PeriodRow.start)).all()
        db.session.rollback()
    return [(first, second) for first, second in found]


def history(world: World, event: str) -> list[tuple[datetime, datetime]]:
    """When it was due and when it was done."""
    with world.app.app_context():
        wanted = select(HistoryRow.due_at, HistoryRow.at).where(HistoryRow.event == event).order_by(HistoryRow.seq)
        found = db.session.execute(wanted).all()
        db.session.rollback()
    return [(first, second) for first, second in found]


def nothing_waits(world: World) -> bool:
    webhooks = [row for row in world.sandbox.book.webhooks() if row["due_at"] is not None]
    unsent = world.rows("SELECT 1 FROM outbox WHERE published_at IS NULL")
    return not webhooks and not unsent and not world.rows("SELECT 1 FROM inbox WHERE state = 'received'")


def test_a_month_passes_with_one_renewal_at_its_moment_and_periods_that_touch(world: World) -> None:
    world.bought("clara")
    lines = told(world, 32 * DAY)
    assert lines == ["2027-02-28 13:00 MSK  clara  renewed Standard for RUB 299.00, until 31 March 2027"]
    first, second = periods(world)
    assert first[1] == second[0]
    assert len(world.sandbox.book.charges()) == 2
    assert START + 32 * DAY <= world.clock.now() < START + 32 * DAY + timedelta(minutes=5)
    assert nothing_waits(world)
    assert world.rights("clara")["version"] == 2


def test_the_history_carries_each_due_moment_and_nothing_is_done_late(world: World) -> None:
    world.bought("clara")
    go(world, 100 * DAY)
    paid = [end for _, end in periods(world)][:-1]
    intended = [(due, at) for due, at in history(world, "created") if due is not None]
    assert len(paid) == 3
    assert sorted({due for due, _ in intended}) == paid
    assert all(timedelta(0) <= at - due < timedelta(minutes=1) for due, at in intended)


def test_a_year_of_one_customer_takes_a_step_for_each_day_each_renewal_and_each_end_of_a_month(world: World) -> None:
    world.bought("clara")
    began = time.monotonic()
    trip = go(world, 366 * DAY)
    assert trip.happened["subscription.renewed"] == 12
    # What was taken back is looked for each day; renewals, the ends of months in the books, and where it arrives.
    assert trip.steps == 365 + 12 + 13 + 1
    days = [start.astimezone(ZoneInfo("Europe/Moscow")).day for start, _ in periods(world)]
    assert days == [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 31]
    assert time.monotonic() - began < 60  # a few seconds; the bound is for a busy machine


def test_a_declined_renewal_is_tried_again_on_its_days_suspended_and_ended(world: World) -> None:
    started = world.buy(world.sign_in("alice"))
    world.pay(started["redirect_url"], SAVES_THEN_DECLINES)
    world.drain()
    told_lines = [line[:10] + line[20:] for line in told(world, 45 * DAY)]
    assert told_lines == [
        "2027-02-28  alice  renewal of Standard declined",
        "2027-03-01  alice  renewal of Standard declined again",
        "2027-03-03  alice  renewal of Standard declined again",
        "2027-03-06  alice  renewal of Standard declined again",
        "2027-03-07  alice  Standard suspended, access closed",
        "2027-03-10  alice  renewal of Standard declined again",
        "2027-03-13  alice  renewal of Standard declined again",
        "2027-03-14  alice  Standard ended, it was not paid",
    ]
    assert world.rights("alice")["entitlements"] == []


def test_an_order_nobody_pays_runs_out_on_both_sides(world: World) -> None:
    world.buy(world.sign_in("boris"))
    assert told(world, 2 * DAY) == ["2027-02-01 13:00 MSK  boris  order of Standard closed, it was not paid in time"]
    assert [payment["state"] for payment in world.sandbox.book.payments()] == ["failed"]


def test_what_the_payment_system_answers_later_is_waited_for(world: World) -> None:
    world.bought("clara")
    plan_fault(world, "pending_then_late", "charge", after=3 * 3600)
    trip = go(world, 30 * DAY)
    assert trip.happened["subscription.renewed"] == 1
    ((_, renewed),) = history(world, "renewed")
    assert renewed - START.replace(month=2, day=28) >= timedelta(hours=3)


def test_a_lost_answer_is_asked_for_at_the_minute_it_is_due(world: World) -> None:
    world.bought("clara")
    plan_fault(world, "timeout_after", "charge", hold_seconds=0)
    plan_fault(world, "drop", "webhook")
    go(world, 30 * DAY)
    ((_, renewed),) = history(world, "renewed")
    due = periods(world)[0][1]
    assert timedelta(minutes=1) <= renewed - due < timedelta(minutes=2)
    assert len(world.sandbox.book.charges()) == 2


def test_time_does_not_go_back(world: World) -> None:
    with pytest.raises(NotForward, match="only goes forward"):
        go(world, START)
    with pytest.raises(NotForward):
        go(world, timedelta(0))


def test_two_do_not_travel_at_once(world: World) -> None:
    with world.app.app_context(), travelling():
        with pytest.raises(SomebodyTravels):
            advance(DAY)
        with pytest.raises(SomebodyTravels):
            reset()
    go(world, DAY)


def test_loops_stand_still_as_long_as_somebody_travels(world: World) -> None:
    with world.app.app_context():
        assert not somebody_travels()
        with travelling():
            assert somebody_travels()
        assert not somebody_travels()


def test_a_traveller_who_was_killed_is_forgotten_when_the_lease_runs_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.write("UPDATE clock SET travelling_until = :until", until=database_time(world, real_now() + LEASE))
    with world.app.app_context():
        assert somebody_travels()
        later = real_now() + LEASE
        monkeypatch.setattr(clock_module, "real_now", lambda: later)
        assert not somebody_travels()


def test_whoever_comes_after_a_traveller_who_was_killed_need_not_wait(world: World) -> None:
    world.bought("clara")
    world.write("UPDATE clock SET travelling_until = :until", until=database_time(world, real_now() + LEASE))
    assert go(world, 32 * DAY).happened["subscription.renewed"] == 1


def database_time(world: World, moment: datetime) -> object:
    """As a hand in the database writes it."""
    sqlite = world.settings.database.startswith("sqlite")
    return moment.replace(tzinfo=None).isoformat(" ") if sqlite else moment


def test_a_charge_written_down_by_somebody_who_was_killed_is_sent(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.bought("clara")
    with monkeypatch.context() as broken:
        broken.setattr("portal.services.collect.charge", killed)
        with pytest.raises(KeyboardInterrupt):
            go(world, 32 * DAY)
    assert world.one("SELECT count(*) AS n FROM payments WHERE state = 'created'")["n"] == 1
    go(world, DAY)
    assert len(world.sandbox.book.charges()) == 2
    assert len(periods(world)) == 2


def killed(_: object) -> None:
    raise KeyboardInterrupt


def test_a_loop_stands_at_its_turn_and_shows_that_it_lives(world: World) -> None:
    beats: list[int] = []
    with world.app.app_context():
        turns = Turns(lambda: (beats.append(1), turns.set() if len(beats) == 3 else None))  # type: ignore[func-returns-value]  # a list of calls
        with travelling():
            assert turns.is_set()
        assert len(beats) == 3
        turns = Turns()
        assert not turns.is_set()


def test_a_job_that_gets_nowhere_is_named_in_the_end(world: World) -> None:
    runs = []
    lame = Job("lame", timedelta(minutes=1), lambda: runs.append(1) or 0, lambda: START)  # type: ignore[func-returns-value]  # append answers None
    with (
        world.app.app_context(),
        pytest.raises(Stuck, match="lame was tried 20 times for what is due since 2027-01-31"),
    ):
        Traveller([lame], lambda: None, lambda _: None, lambda *_: None).go(START + DAY)
    assert len(runs) == 20
    assert world.clock.now() - START < timedelta(hours=1)


def test_a_job_that_fails_is_tried_again_and_then_named(world: World, caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> int:
        raise RuntimeError("no paper")

    broken = Job("broken", timedelta(minutes=1), fail, lambda: START)
    with world.app.app_context(), pytest.raises(Stuck, match="broken was tried"):
        Traveller([broken], lambda: None, lambda _: None, lambda *_: None).go(START + DAY)
    assert "no paper" in caplog.text


def test_work_that_never_ends_at_one_moment_is_named(world: World) -> None:
    moments = count(start=1)
    busy = Job("busy", DAY, lambda: 1, lambda: START - timedelta(microseconds=next(moments)))
    with world.app.app_context(), pytest.raises(Stuck, match="always more to do: busy"):
        Traveller([busy], lambda: None, lambda _: None, lambda *_: None).go(START + DAY)


def test_events_that_nobody_takes_end_the_journey(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    started = world.buy(world.sign_in("clara"))
    world.pay(started["redirect_url"])
    monkeypatch.setattr("portal.demo.surroundings.PATIENCE", 0.1)
    monkeypatch.setattr("portal.demo.surroundings.EVENTS_SECRET", "another_secret")
    with pytest.raises(Stuck, match="events are not taken: HTTP 401"):
        go(world, DAY)
    with world.app.app_context():
        assert not somebody_travels()


def test_with_a_broker_auth_has_applied_everything_on_arrival(
    world: World, make_broker_world: Callable[[], World]
) -> None:
    world.close()
    world = make_broker_world()
    started = world.buy(world.sign_in("clara"))
    world.pay(started["redirect_url"])
    with world.app.app_context():
        trip = advance(32 * DAY)
    assert trip.done["events"] == 2
    assert world.rights("clara")["version"] == 2


@pytest.fixture
def make_broker_world(database_url: str, tmp_path: Path) -> Iterator[Callable[[], World]]:
    made: list[World] = []

    with names_of_our_own() as topology:
        settings = settings_for(tmp_path, database_url, amqp_url=AMQP_URL, **as_settings(topology))

        def make() -> World:
            made.append(World(settings, travels=True))
            return made[-1]

        yield make
        for world in made:
            world.close()


def test_reset_is_refused_while_something_is_dated_later(world: World) -> None:
    world.bought("clara")
    with world.app.app_context(), pytest.raises(LaterRows, match="still to come"):
        reset()


def test_reset_brings_real_time_back_where_nothing_has_happened(
    make_world: Callable[..., World], tmp_path: Path
) -> None:
    plain = make_world()
    travels = World(plain.settings, travels=True)
    travels.seed()
    go(travels, 40 * DAY)
    with travels.app.app_context():
        reset()
    assert abs(travels.clock.now() - real_now()) < timedelta(minutes=1)
    travels.close()


def test_the_worker_does_nothing_while_somebody_travels(
    tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker is the module `tasks`, which makes its portal from the environment when it is loaded."""
    shutil.copy(sqlite_template, tmp_path / "portal.db")
    for name, value in {"APP_ENV": "test", "DATA_DIR": str(tmp_path), "DATABASE_URL": "", "QUEUE_URL": ""}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delitem(sys.modules, "tasks", raising=False)
    worker = importlib.import_module("tasks")
    run = worker._wake(Job("seven", timedelta(minutes=1), lambda: 7, lambda: None))
    with worker.app.app_context():
        with travelling():
            assert run() == 0
        assert run() == 7
        db.engine.dispose()
    monkeypatch.delitem(sys.modules, "tasks")
