"""A monitoring system with a service's token reads what waits, who lives and what ran."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from hashlib import sha256

import pytest
from prometheus_client.parser import text_string_to_metric_families
from werkzeug.test import TestResponse

from portal.clock import real_now
from portal.db.session import db
from portal.services import audit, heartbeat, job_runs, replay
from tests.world import World

TOKEN = "prometheus-test-token"


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    world = make_world(service_tokens=f"prometheus:{sha256(TOKEN.encode()).hexdigest()}")
    world.seed()
    return world


def scrape(world: World, token: str = TOKEN, **headers: str) -> TestResponse:
    return world.app.test_client().get("/metrics", headers={"Authorization": f"Bearer {token}", **headers})


def told(world: World) -> Mapping[str, float]:
    """By name and label, read as Prometheus reads it."""
    answer = scrape(world)
    assert answer.status_code == 200, answer.text
    families = text_string_to_metric_families(answer.text)
    return {" ".join((one.name, *one.labels.values())): one.value for family in families for one in family.samples}


def test_what_waits_is_counted_and_dated_until_it_is_done(world: World) -> None:
    alice = world.sign_in("alice")
    world.pay(world.buy(alice)["redirect_url"])
    world.deliverer.run_once()
    began = world.clock.now().timestamp()
    world.clock.at += timedelta(minutes=5)

    waiting = told(world)
    assert waiting["matinee_waiting webhooks_waiting"] >= 1
    assert waiting["matinee_waiting_since_timestamp_seconds webhooks_waiting"] == began

    world.drain()
    done = told(world)
    assert (done["matinee_waiting webhooks_waiting"], done["matinee_waiting events_unsent"]) == (0, 0)
    assert not [name for name in done if name.startswith("matinee_waiting_since")]


def test_what_is_not_told_to_auth_is_dated(world: World) -> None:
    world.bought("alice")
    bought = world.clock.now().timestamp()
    world.write("UPDATE outbox SET published_at = NULL")
    world.clock.at += timedelta(minutes=5)

    waiting = told(world)
    assert waiting["matinee_waiting events_unsent"] == world.count("outbox") > 0
    assert waiting["matinee_waiting_since_timestamp_seconds events_unsent"] == bought


def test_processes_jobs_and_the_audit_tell_when_they_were_last_there(world: World) -> None:
    assert not [name for name in told(world) if "audit" in name or "job" in name]

    def fails() -> int:
        raise ValueError("no such thing")

    before = real_now().timestamp()
    with world.app.app_context():
        heartbeat.beat("relay of this test")
        job_runs.record("renew", lambda: 3)
        with pytest.raises(ValueError, match="no such thing"):
            job_runs.record("janitor", fails)
        world.clock.at += timedelta(days=1)
        audit.run_once()

    then, now = (world.clock.now() - timedelta(days=1)).timestamp(), world.clock.now().timestamp()
    found = told(world)
    assert before <= found["matinee_process_alive_timestamp_seconds relay of this test"] <= real_now().timestamp()
    assert found["matinee_job_started_timestamp_seconds renew"] == then
    assert (found["matinee_job_failed renew"], found["matinee_job_failed janitor"]) == (0, 1)
    assert (found["matinee_audit_violations"], found["matinee_audit_finished_timestamp_seconds"]) == (0, now)


@pytest.mark.parametrize(
    ("process", "run"),
    [("worker", lambda world: world.pass_time(timedelta(days=31))), ("inbox", lambda world: world.drain())],
)
def test_a_process_shows_that_it_lives_in_the_middle_of_a_long_run(
    world: World, monkeypatch: pytest.MonkeyPatch, process: str, run: Callable[[World], None]
) -> None:
    world.pay(world.buy(world.sign_in("alice"))["redirect_url"])
    monkeypatch.setattr(heartbeat, "_last", {})
    monkeypatch.setattr(heartbeat, "_mine", "")
    heartbeat.of_this_process(process)
    alive = f"matinee_process_alive_timestamp_seconds {process}"
    assert alive not in told(world)
    run(world)
    assert real_now().timestamp() - told(world)[alive] < 60


def test_a_replay_is_as_old_as_the_wish_for_it(world: World) -> None:
    world.bought("alice")
    world.clock.at += timedelta(days=90)
    with world.app.app_context():
        replay.replay()
        db.session.remove()
    assert told(world)["matinee_waiting_since_timestamp_seconds events_unsent"] == world.clock.now().timestamp()


def test_a_job_has_failed_until_it_succeeds(world: World) -> None:
    with world.app.app_context():
        with pytest.raises(ZeroDivisionError):
            job_runs.record("renew", lambda: 1 // 0)
        meanwhile = []
        job_runs.record("renew", lambda: meanwhile.append(told(world)["matinee_job_failed renew"]) or 1)
    assert meanwhile == [1]
    assert told(world)["matinee_job_failed renew"] == 0


@pytest.mark.fault("O8")
def test_only_a_service_reads_them(world: World) -> None:
    for token in ("", "guessed", world.sign_in("alice").token, world.sign_in("admin").token):
        answer = scrape(world, token)
        assert (answer.status_code, answer.json["error_id"]) == (401, "unauthorized"), token
    assert world.browser("admin").get("/metrics").status_code == 401


def test_they_come_in_the_form_that_is_asked_for(world: World) -> None:
    assert scrape(world).content_type.startswith("text/plain; version=0.0.4")
    newer = scrape(world, Accept="application/openmetrics-text; version=1.0.0")
    assert newer.content_type.startswith("application/openmetrics-text; version=1.0.0")
    assert newer.text.endswith("# EOF\n")
    for strange in ("text/plain; version=abc", "application/openmetrics-text; version=x.y.z", ";;,"):
        assert scrape(world, Accept=strange).content_type.startswith("text/plain; version=0.0.4")
