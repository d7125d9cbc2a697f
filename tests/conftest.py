"""A whole portal for each test: a fresh database on either engine, a clock that stands, nothing of it shared."""

from __future__ import annotations

import gc
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4
from zlib import crc32

import psycopg
import pytest
from flask_migrate import upgrade
from sqlalchemy import delete
from werkzeug.routing import Rule

from portal.app import create_app
from portal.config import Settings
from portal.db.session import db
from portal.demo.auth import keys
from portal.models.schema import metadata
from tests.world import World

POSTGRESQL = os.environ.get("TEST_DATABASE_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
ENGINES = ("sqlite", "postgresql")


# A story of these that both engines can tell is told on one of them, its name decides; with ENGINES=both on both.
ON_EITHER = ("tests/services/", "tests/web/", "tests/demo/", "tests/providers/", "tests/test_cli.py")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Half of the stories on each engine tell nearly all that is different about one, in half the time."""
    if os.environ.get("ENGINES") == "both":
        return
    engines: dict[str, list[tuple[str, pytest.Item]]] = {}
    for item in items:
        params = getattr(getattr(item, "callspec", None), "params", {})
        if params.get("engine") in ENGINES and item.nodeid.startswith(ON_EITHER):
            engines.setdefault(item.nodeid.replace(params["engine"], "", 1), []).append((params["engine"], item))
    pairs = {name: dict(pair) for name, pair in engines.items() if len(pair) == len(ENGINES)}
    left_out = {pair[ENGINES[crc32(name.encode()) % 2]].nodeid for name, pair in pairs.items()}
    if left_out:
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid in left_out])
        items[:] = [item for item in items if item.nodeid not in left_out]


def compile_addresses_once() -> None:
    """Every world has the same addresses, which Werkzeug would compile anew: a third of what a world costs."""
    compiled: dict[tuple[object, ...], Any] = {}
    compile_builder = Rule._compile_builder

    def builder(rule: Rule, append_unknown: bool = True) -> Any:
        told = (tuple(rule._trace), repr(rule.defaults), append_unknown)
        if told not in compiled:
            compiled[told] = compile_builder(rule, append_unknown)
        return compiled[told]

    Rule._compile_builder = builder  # type: ignore[method-assign]


compile_addresses_once()


def settings_for(data_dir: Path, database_url: str, **more: object) -> Settings:
    given: dict[str, object] = {
        "app_env": "test",
        "data_dir": data_dir,
        "database_url": database_url,
        "public_url": "http://portal.test",
        "billing_timezone": "Europe/Moscow",
        "writes_per_minute": 1_000_000,  # what takes a test a second would take a person an hour
        "calls_per_minute": 1_000_000,
    }
    return Settings(_env_file=None, **(given | more))  # type: ignore[arg-type]  # pydantic checks them


def run_sql(statement: str) -> None:
    with psycopg.connect(POSTGRESQL, autocommit=True) as connection:
        connection.execute(statement)  # type: ignore[arg-type]  # built from our own names


def database_named(name: str) -> str:
    return f"{POSTGRESQL.rsplit('/', 1)[0]}/{name}"


def migrate(settings: Settings) -> None:
    app = create_app(settings)
    with app.app_context():
        upgrade()
        db.engine.dispose()


def pytest_collection_finish() -> None:
    """Thousands of collected tests are no garbage: looked through again and again, they cost a fifth of all time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 50)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite database to copy."""
    folder = tmp_path_factory.mktemp("template")
    file = folder / "portal.db"
    migrate(settings_for(folder, f"sqlite:///{file}"))
    with_wal_folded(file)
    return file


def with_wal_folded(file: Path) -> None:
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


@pytest.fixture(scope="session")
def postgresql_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of a migrated PostgreSQL database; each test leaves it empty."""
    name = f"matinee_test_{uuid4().hex[:12]}"
    run_sql(f"CREATE DATABASE {name}")
    run_sql(f"ALTER DATABASE {name} SET synchronous_commit = off")  # no test pulls this server's plug
    migrate(settings_for(tmp_path_factory.mktemp("template"), database_named(name)))
    yield name
    run_sql(f"DROP DATABASE {name} WITH (FORCE)")


def empty_out(name: str) -> None:
    """Every row, also of tables that only ever grow; whoever still holds a lock is thrown out first.

    A TRUNCATE gives each table and index a new file, which costs a hundred times what deleting a test's rows does.
    """
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
    numbers = "SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S'"
    with psycopg.connect(database_named(name)) as connection:
        connection.execute(others, [name])
        guarded = [row[0] for row in connection.execute(GUARDED)]
        emptied = [str(delete(table)) for table in reversed(metadata.sorted_tables)]
        loosened = [f'ALTER TABLE "{table}" DISABLE TRIGGER USER' for table in guarded]
        guarded_again = [f'ALTER TABLE "{table}" ENABLE TRIGGER USER' for table in guarded]
        for statement in (*loosened, *emptied, *guarded_again, numbers):
            connection.execute(statement)  # type: ignore[call-overload]  # built from our own names


GUARDED = "SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal"


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def database_url(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A fresh database of the engine the test runs on."""
    if engine == "sqlite":
        file = tmp_path / "portal.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), file)
        yield f"sqlite:///{file}"
        return
    name = request.getfixturevalue("postgresql_database")
    yield database_named(name)
    empty_out(name)


@pytest.fixture(scope="session")
def secrets_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Auth's key pair, made once: it takes longer to make than most tests to run."""
    folder = tmp_path_factory.mktemp("secrets")
    keys.ensure(folder)
    return folder / "secrets"


@pytest.fixture
def make_world(database_url: str, tmp_path: Path, secrets_template: Path) -> Iterator[Callable[..., World]]:
    """Worlds over one database; settings may be given."""
    made: list[World] = []
    shutil.copytree(secrets_template, tmp_path / "secrets", dirs_exist_ok=True)

    def make(**settings: object) -> World:
        made.append(World(settings_for(tmp_path, database_url, **settings)))
        return made[-1]

    yield make
    for world in made:
        world.close()


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """A portal with the demo's plans on sale, the sandbox, Auth and the cinema, all in this process."""
    world = make_world()
    world.seed()
    return world
