"""A small cinema that has lived for three months, once on each engine; every test gets a copy of its own to spoil."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from portal.db.session import db
from portal.domain.money import Money
from portal.domain.user import Person
from portal.services import cancel, grant, operator_refunds
from tests.conftest import database_named, run_sql, settings_for
from tests.services.bank import bank
from tests.services.desk import press
from tests.services.month import do
from tests.services.promise import uuid_of
from tests.world import World

Places = Callable[[str], tuple[Path, str, datetime]]


@pytest.fixture(scope="session")
def lived(
    tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path, postgresql_database: str, secrets_template: Path
) -> Iterator[Places]:
    """By engine: the folder and the database of the cinema, and the moment it has come to."""
    made: dict[str, tuple[Path, str, datetime]] = {}
    name = f"{postgresql_database}_lived"

    def of(engine: str) -> tuple[Path, str, datetime]:
        if engine not in made:
            folder = tmp_path_factory.mktemp(f"lived_{engine}")
            shutil.copytree(secrets_template, folder / "secrets")
            if engine == "sqlite":
                shutil.copy(sqlite_template, folder / "portal.db")
            else:
                run_sql(f"CREATE DATABASE {name} TEMPLATE {postgresql_database}")
            url = f"sqlite:///{folder / 'portal.db'}" if engine == "sqlite" else database_named(name)
            made[engine] = (folder, name, _live(World(settings_for(folder, url))))
        return made[engine]

    yield of
    if "postgresql" in made:
        run_sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def spoiled(engine: str, lived: Places, tmp_path: Path) -> Iterator[World]:
    """A copy of the cinema, to be spoiled."""
    folder, template, now = lived(engine)
    shutil.copytree(folder, tmp_path / "data")
    name = f"matinee_test_{uuid4().hex[:12]}"
    if engine == "postgresql":
        run_sql(f"CREATE DATABASE {name} TEMPLATE {template}")
    url = f"sqlite:///{tmp_path / 'data' / 'portal.db'}" if engine == "sqlite" else database_named(name)
    world = World(settings_for(tmp_path / "data", url))
    world.clock.at = now
    yield world
    world.close()
    if engine == "postgresql":
        run_sql(f"DROP DATABASE {name} WITH (FORCE)")


def _live(world: World) -> datetime:
    """Alice renews, Boris cancels and his bank is asked by him, Clara gets days and a part of her money back."""
    world.seed()
    for login in ("alice", "boris", "clara"):
        world.bought(login)
    world.pass_time(timedelta(days=2))
    do(world, cancel.cancel, Person("boris"), _subscription(world, "boris"), "period_end")
    do(world, grant.grant, press("goodwill", "support"), _subscription(world, "clara"), 5)
    payment = uuid_of(world.one("SELECT id FROM payments WHERE user_id = 'clara' AND state = 'succeeded'")["id"])
    paid = Money(world.one("SELECT amount_minor FROM payments WHERE user_id = 'clara'")["amount_minor"], "RUB")
    do(world, operator_refunds.give, press("goodwill", "finance"), payment, Money(5000, "RUB"), paid, "keep")
    bank(world, uuid_of(world.one("SELECT id FROM payments WHERE user_id = 'boris'")["id"]))
    for _ in range(10):
        world.pass_time(timedelta(days=8))
    with world.app.app_context():
        db.session.remove()
    now = world.clock.now()
    world.close()
    return now


def _subscription(world: World, login: str) -> object:
    return uuid_of(world.one("SELECT id FROM subscriptions WHERE user_id = :login", login=login)["id"])
