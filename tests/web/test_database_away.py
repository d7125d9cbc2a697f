"""The database goes away, only reads, holds a lock or has no connection left: 503, soon, and nothing half done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from threading import Event
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import InternalError
from werkzeug.test import TestResponse

from portal.db import engines
from portal.db.session import db
from portal.services import inbox, journal
from tests.conftest import run_sql
from tests.journeys.waiting import until
from tests.services.promise import assert_kept
from tests.services.stubborn import order, pay_page
from tests.services.together import PATIENCE
from tests.web.api.refusals import Untouched, wrong_in
from tests.world import Caller, World


@pytest.fixture
def engine() -> str:
    return "postgresql"


def refused(who: Caller) -> None:
    answer = order(who)
    assert wrong_in(answer, 503, "unavailable") is None
    assert int(answer.headers["Retry-After"]) > 0


def buys(world: World) -> None:
    """All is well again: an order is paid and told."""
    assert world.bought("alice")["state"] == "paid"
    assert_kept(world)


@pytest.mark.fault("D1")
def test_a_connection_that_dies_in_the_middle_of_a_request_leaves_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, real = world.sign_in("alice"), journal.record

    def dying(changes: Any) -> None:
        real(changes)
        me = db.session.scalar(text("SELECT pg_backend_pid()"))
        run_sql(f"SELECT pg_terminate_backend({me})")

    with Untouched(world), monkeypatch.context() as restarting:
        restarting.setattr(journal, "record", dying)
        refused(alice)
    buys(world)


@pytest.mark.fault("D1")
def test_connections_that_died_between_two_requests_are_not_noticed(world: World) -> None:
    alice = world.sign_in("alice")
    assert alice.get("/purchases").json == []
    name = world.settings.database.rpartition("/")[2]
    run_sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")  # noqa: S608 - ours
    assert order(alice).status_code == 200


@pytest.fixture
def reading_only(world: World) -> Iterator[World]:
    """As on a standby, and on a disk that is full for writes."""
    name = world.settings.database.rpartition("/")[2]
    run_sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    reconnect(world)
    yield world
    run_sql(f"ALTER DATABASE {name} RESET default_transaction_read_only")


def reconnect(world: World) -> None:
    with world.app.app_context():
        db.engine.dispose()


@pytest.mark.fault("D7")
def test_on_a_database_that_only_reads_nothing_is_started_and_pages_open(reading_only: World) -> None:
    world = reading_only
    alice = world.sign_in("alice")
    with Untouched(world):
        refused(alice)
    assert world.sandbox.book.payments() == []
    assert world.browser("alice").get("/").status_code == 200
    assert alice.get("/plans").status_code == 200


@pytest.mark.fault("D7")
def test_nobody_is_parked_because_the_database_only_reads(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does so for a moment, in the middle of a run: that is no fault of the rows."""
    world.bought("alice")
    world.clock.at += timedelta(days=31)

    real, writes = journal.record, []

    def record(changes: Any) -> None:
        writes.append(changes)
        if len(writes) < 3:
            db.session.execute(text("SET TRANSACTION READ ONLY"))
        real(changes)

    with monkeypatch.context() as standby:
        standby.setattr(journal, "record", record)
        with pytest.raises(InternalError):
            world.run_jobs()
    assert world.one("SELECT parked_at FROM subscriptions")["parked_at"] is None
    assert len(world.sandbox.book.charges()) == 1
    world.settle(hours=1)
    assert len(world.sandbox.book.charges()) == 2
    assert_kept(world)


@pytest.mark.fault("D5")
def test_a_lock_that_is_held_for_too_long_ends_in_503(world: World) -> None:
    assert world.one("SHOW lock_timeout")["lock_timeout"] == "10s"
    world.bought("alice")
    alice = world.sign_in("alice")
    with world.app.app_context():
        event.listen(db.engine, "checkout", impatient)
    with held(world, "SELECT id FROM users FOR UPDATE"), Untouched(world):
        refused(alice)
    assert order(alice).status_code == 200


def impatient(connection: Any, *_: object) -> None:
    """A tenth of a second instead of ten."""
    connection.execute("SET lock_timeout = '100ms'")
    connection.commit()


@pytest.mark.fault("D4")
def test_a_request_that_ends_in_a_deadlock_has_done_nothing_and_may_be_sent_again(world: World) -> None:
    world.bought("alice")
    alice = world.sign_in("alice")
    (mine,) = alice.get("/subscriptions").json

    def cancel() -> TestResponse:
        return alice.post(f"/subscriptions/{mine['subscription_id']}/cancel", {"when": "now"})

    with deadlock(world), Untouched(world):
        assert wrong_in(cancel(), 503, "unavailable") is None
    assert cancel().json["status"] == "ended"
    world.drain()
    assert_kept(world)


@pytest.mark.fault("D4")
def test_a_webhook_that_ends_in_a_deadlock_is_applied_later(world: World) -> None:
    alice = world.sign_in("alice")
    pay_page(world, order(alice).json["redirect_url"])
    with world.app.app_context():
        assert world.deliverer.run_once()
        with deadlock(world):
            inbox.run_once()
        db.session.remove()
    assert world.one("SELECT state FROM payments")["state"] == "requires_action"
    world.settle(hours=1)
    assert world.one("SELECT state FROM payments")["state"] == "succeeded"
    assert_kept(world)


@contextmanager
def deadlock(world: World) -> Iterator[None]:
    """Somebody else takes the same locks the other way round, and has more patience than we have."""
    theirs_is_locked, ours_is_locked, ended, rivals = Event(), Event(), [], []

    def rival() -> None:
        with psycopg.connect(world.settings.database) as connection:
            connection.execute("SET deadlock_timeout = '5min'")
            connection.execute("SELECT id FROM subscriptions FOR UPDATE")
            rivals.append(connection.info.backend_pid)
            theirs_is_locked.set()
            assert ours_is_locked.wait(PATIENCE)
            connection.execute("SELECT id FROM users FOR UPDATE")

    def locked(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "FROM users" in statement and "FOR UPDATE" in statement:
            ours_is_locked.set()
            until(rival_waits, PATIENCE, "the other one waits for us")

    def rival_waits() -> bool:
        """PostgreSQL looks for a deadlock once, a second after we began to wait."""
        with psycopg.connect(world.settings.database) as connection:
            waits = "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = %s"
            return bool(connection.execute(waits, rivals).fetchone()[0])

    def failed(context: ExceptionContext) -> None:
        ended.append(type(context.original_exception))

    with world.app.app_context():
        engine = db.engine
    after, wrong = listening(engine, "after_cursor_execute", locked), listening(engine, "handle_error", failed)
    with ThreadPoolExecutor(1) as pool, after, wrong:
        running = pool.submit(rival)
        assert theirs_is_locked.wait(PATIENCE)
        yield
        running.result(PATIENCE)
    assert ended == [psycopg.errors.DeadlockDetected]


@contextmanager
def listening(engine: Engine, what: str, listener: Callable[..., None]) -> Iterator[None]:
    event.listen(engine, what, listener)
    yield
    event.remove(engine, what, listener)


@contextmanager
def held(world: World, statement: str) -> Iterator[Connection]:
    with world.app.app_context(), db.engine.connect() as connection:
        connection.execute(text(statement))
        yield connection
        connection.rollback()


@pytest.mark.fault("D6")
def test_where_every_connection_is_in_use_nobody_waits_for_long(
    make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = engines.options
    assert real("postgresql://")["pool_timeout"] <= 5
    few = {"pool_size": 1, "max_overflow": 0, "pool_timeout": 0.1}
    monkeypatch.setattr(engines, "options", lambda url: real(url) | few)
    world = make_world()
    world.seed()
    alice = world.sign_in("alice")
    with held(world, "SELECT 1"):
        refused(alice)
    assert order(alice).status_code == 200
