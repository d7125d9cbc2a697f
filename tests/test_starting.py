"""Before it works, a process of production looks whose rows these are: a copy charges nobody."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from flask import Flask
from flask_migrate import upgrade

from portal import starting
from portal.app import create_app
from portal.config import Misconfigured, Settings, load_settings
from portal.db.session import db
from portal.demo.seed import seed
from tests.conftest import database_named, run_sql, settings_for
from tests.faults.cluster import Cluster
from tests.journeys.test_stopping import COMMANDS as COMMANDS_OF_THE_PAGE
from tests.test_cli import flask, said
from tests.test_config import PRODUCTION
from tests.world import World

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
COPY = "this was the database of https://billing.example, and is a copy, a backup or moved"
PROCESSES = {
    "web": (str(BIN / "gunicorn"), *COMMANDS_OF_THE_PAGE["web"].split()[1:], "--bind", "127.0.0.1:0"),
    "worker": (sys.executable, "-c", "import tasks"),
}
COMMANDS = ("relay --once", "inbox --once", "renew", "events replay --all", "events parity --apply")


@pytest.fixture
def engine() -> str:
    return "postgresql"


def production(database_url: str, tmp_path: Path, **more: object) -> Settings:
    given = PRODUCTION | {"database_url": database_url, "data_dir": tmp_path} | more
    return load_settings(**given, _env_file=None)


@contextmanager
def opened(settings: Settings) -> Iterator[Flask]:
    app = create_app(settings, providers=None if settings.pretends else {})
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


def refusal(settings: Settings) -> str:
    """Why it does not start."""
    with opened(settings), pytest.raises(Misconfigured) as refused:
        starting.enter()
    return str(refused.value)


def stamp(settings: Settings, version: str) -> None:
    with opened(settings):
        db.session.execute(db.text("UPDATE alembic_version SET version_num = :version"), {"version": version})
        db.session.commit()


@contextmanager
def copied(database_url: str) -> Iterator[str]:
    """As `pg_restore` makes it: the same rows in another database."""
    name = f"matinee_copy_{uuid4().hex[:12]}"
    run_sql(f"CREATE DATABASE {name} TEMPLATE {database_url.rpartition('/')[2]}")
    try:
        yield database_named(name)
    finally:
        run_sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.fault("S11")
def test_a_copy_beside_production_does_not_start_until_somebody_says_that_it_is_the_one(
    database_url: str, tmp_path: Path
) -> None:
    original = production(database_url, tmp_path)
    for _ in range(2):
        with opened(original):
            starting.enter()
    staging = production(database_url, tmp_path, public_url="https://staging.example")
    assert COPY in refusal(staging)

    with copied(database_url) as restored_at:
        restored = production(restored_at, tmp_path)
        assert COPY in refusal(restored)
        with opened(restored) as app:
            assert said(flask(app, "claim", "--json")) == {"was": PRODUCTION["public_url"], "is": original.origin}
            starting.enter()
    with opened(original):
        starting.enter()


@pytest.mark.fault("S11")
def test_nobody_is_charged_from_a_backup_that_was_recovered_until_somebody_says_so(tmp_path: Path) -> None:
    cluster = Cluster()
    try:
        cluster.start()
        settings = production(cluster.url(), tmp_path)
        with opened(settings):
            upgrade()
            starting.enter()
        with opened(settings):
            starting.enter()
        cluster.recover()
        assert COPY in refusal(settings)
        with opened(settings) as app:
            assert flask(app, "claim").exit_code == 0
            starting.enter()
    finally:
        cluster.forget()


@pytest.mark.fault("S11")
@pytest.mark.parametrize("process", PROCESSES)
def test_no_process_works_on_a_copy(process: str, database_url: str, tmp_path: Path) -> None:
    with opened(production(database_url, tmp_path)):
        starting.enter()
    copy = {"database_url": database_url, "data_dir": tmp_path, "public_url": "https://staging.example"}
    settings = {name.upper(): str(value) for name, value in (PRODUCTION | copy).items()}
    done = subprocess.run(
        PROCESSES[process],
        cwd=ROOT,
        env=os.environ | settings | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode != 0
    (told, *_) = [line for line in done.stderr.splitlines() if line.startswith("matinee: ")]
    assert COPY in told


@pytest.mark.fault("S11")
def test_no_command_works_on_a_copy(database_url: str, tmp_path: Path) -> None:
    with opened(production(database_url, tmp_path)):
        starting.enter()
    with opened(production(database_url, tmp_path, public_url="https://staging.example")) as app:
        for command in COMMANDS:
            result = flask(app, *command.split())
            assert result.exit_code != 0, command
            assert COPY in str(result.exception), command


def test_a_demo_leaves_the_rows_of_production_alone(database_url: str, tmp_path: Path) -> None:
    with opened(production(database_url, tmp_path)):
        starting.enter()
    world = World(settings_for(tmp_path, database_url), travels=True)
    for command in ("seed-demo", "clock advance 1d", *COMMANDS):
        result = flask(world.app, *command.split())
        assert "the database of https://billing.example: nothing may only pretend there" in str(result.exception)
    assert (world.count("plans"), world.count("clock")) == (0, 0)
    world.close()


def test_production_works_on_no_rows_of_a_demo(database_url: str, tmp_path: Path) -> None:
    with opened(settings_for(tmp_path, database_url)):
        starting.enter()
        seed()
    settings = production(database_url, tmp_path)
    assert "a demo's database" in refusal(settings)
    with opened(settings) as app:
        result = flask(app, "claim")
        assert result.exit_code == 1
        assert "a demo's database" in result.stderr


def test_production_does_not_start_on_an_older_schema_or_without_a_database(database_url: str, tmp_path: Path) -> None:
    settings = production(database_url, tmp_path)
    with opened(settings):
        newest = db.session.scalar(db.text("SELECT version_num FROM alembic_version"))
    stamp(settings, "0011")
    try:
        assert "run flask --app wsgi db upgrade" in refusal(settings)
    finally:
        stamp(settings, newest)
    nowhere = production("postgresql://nobody@127.0.0.1:1/none", tmp_path)
    assert refusal(nowhere).endswith("does not answer")
