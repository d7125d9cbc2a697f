"""Empty to head and back on both engines; migrations and models agree; the guards come and go with the tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask_migrate import downgrade, upgrade
from sqlalchemy import Connection, Engine, create_engine, inspect, text
from sqlalchemy.exc import DatabaseError

from portal.app import create_app
from portal.db import engines, rows
from portal.db.session import atomic, db
from portal.domain.subscription import Period
from portal.models import schema
from tests.conftest import database_named, run_sql, settings_for
from tests.domain import samples
from tests.world import World

APPEND_ONLY = ("activity", "consents", "history", "ledger_postings")
NEVER_CHANGED = ("prices",)
FINAL = ("disputes", "invoices", "payments", "refunds", "subscriptions")
BOOKKEEPING = "alembic_version"


@dataclass
class Empty:
    """A database without a table, and the commands that an installation runs on it."""

    url: str
    folder: Path

    def run(self, command: Callable[..., None], **options: object) -> None:
        app = create_app(settings_for(self.folder, self.url))
        with app.app_context():
            command(**options)
            db.session.remove()
            db.engine.dispose()

    def look(self) -> Engine:
        """An engine as the portal's own, also on the way in: SQLite keeps its promises."""
        found = create_engine(self.url)
        engines.prepare(found)
        return found


@pytest.fixture
def empty(engine: str, tmp_path: Path) -> Iterator[Empty]:
    if engine == "sqlite":
        yield Empty(f"sqlite:///{tmp_path / 'portal.db'}", tmp_path)
        return
    name = f"matinee_{uuid4().hex[:12]}"
    run_sql(f"CREATE DATABASE {name}")
    try:
        yield Empty(database_named(name), tmp_path)
    finally:
        run_sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def migrated(database_url: str) -> Iterator[Connection]:
    """A database that migrations have made."""
    found = create_engine(database_url)
    engines.prepare(found)
    with found.connect() as connection:
        yield connection
    found.dispose()


@pytest.fixture
def modelled(empty: Empty) -> Iterator[Connection]:
    """A database that the models have made, without a migration."""
    found = empty.look()
    with found.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("CREATE EXTENSION btree_gist"))
        schema.metadata.create_all(connection)
        yield connection
    found.dispose()


def things(connection: Connection) -> set[str]:
    """Everything of ours that a database holds: tables, indexes, triggers, functions, types, sequences."""
    if connection.dialect.name == "sqlite":
        query = "SELECT type || ' ' || name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"
    else:
        query = """
            SELECT 'relation ' || relname FROM pg_class WHERE relnamespace = 'public'::regnamespace
            UNION SELECT 'trigger ' || tgname FROM pg_trigger WHERE NOT tgisinternal
            UNION SELECT 'function ' || proname FROM pg_proc p WHERE pronamespace = 'public'::regnamespace
                AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
            UNION SELECT 'type ' || typname FROM pg_type t WHERE typnamespace = 'public'::regnamespace
                AND typtype = 'e'
        """
    return {str(thing) for thing in connection.scalars(text(query)) if BOOKKEEPING not in str(thing)}


def triggers(connection: Connection) -> set[str]:
    return {thing.removeprefix("trigger ") for thing in things(connection) if thing.startswith("trigger ")}


def test_empty_to_head_and_back_and_there_again_leaves_nothing_behind(empty: Empty) -> None:
    with empty.look().connect() as connection:
        assert things(connection) == set()
    empty.run(upgrade)
    with empty.look().connect() as connection:
        made = things(connection)
        connection.rollback()
        assert inspect(connection).has_table("subscriptions")
    empty.run(downgrade, revision="base")
    with empty.look().connect() as connection:
        assert things(connection) == set()
    empty.run(upgrade)
    with empty.look().connect() as connection:
        assert things(connection) == made


def test_upgrading_what_is_at_head_changes_nothing(migrated: Connection, database_url: str, tmp_path: Path) -> None:
    before = things(migrated)
    migrated.rollback()
    Empty(database_url, tmp_path).run(upgrade)
    assert things(migrated) == before


# Models and migrations


def test_alembic_finds_nothing_to_add_to_the_migrations(migrated: Connection) -> None:
    context = MigrationContext.configure(migrated, opts={"compare_type": True, "compare_server_default": True})
    assert compare_metadata(context, schema.metadata) == []


def test_both_make_the_same_tables(migrated: Connection, modelled: Connection) -> None:
    """Constraints, indexes with their conditions, types: what Alembic's own comparison does not look at."""
    assert shape_of(migrated) == shape_of(modelled)


def shape_of(connection: Connection) -> set[str]:
    return _postgresql_shape(connection) if connection.dialect.name == "postgresql" else _sqlite_shape(connection)


def _postgresql_shape(connection: Connection) -> set[str]:
    query = """
        SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
            WHERE connamespace = 'public'::regnamespace AND contype <> 't'
        UNION SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
        UNION SELECT concat_ws(' ', table_name, column_name, data_type, character_maximum_length, is_nullable,
            column_default) FROM information_schema.columns WHERE table_schema = 'public'
    """
    return {str(line) for line in connection.scalars(text(query)) if BOOKKEEPING not in str(line)}


def _sqlite_shape(connection: Connection) -> set[str]:
    """Each clause of each CREATE: their order in a table is of no matter."""
    query = "SELECT name, sql FROM sqlite_master WHERE type IN ('table', 'index') AND sql IS NOT NULL"
    found = set()
    for name, sql in connection.execute(text(query)).all():
        if name != BOOKKEEPING:
            clauses = [" ".join(clause.split()).rstrip(",") for clause in re.sub(r"\)\s*$", "", sql).splitlines()]
            found |= {f"{name}: {clause}" for clause in clauses if clause}
    return found


# What the database itself forbids


def test_each_guard_is_there(migrated: Connection) -> None:
    there = triggers(migrated)
    for table in APPEND_ONLY:
        assert {name for name in there if name.startswith(f"{table}_append_only")}, table
    for table in NEVER_CHANGED:
        assert f"{table}_never_changed" in there
    for table in FINAL:
        assert f"{table}_final" in there
    if migrated.dialect.name == "sqlite":
        assert {"periods_overlap_insert", "periods_overlap_update"} <= there
    else:
        excluded = "SELECT conname FROM pg_constraint WHERE contype = 'x'"
        assert list(migrated.scalars(text(excluded))) == ["ex_periods_overlap"]


ROWS = (
    samples.plan(),
    samples.price(),
    samples.user(),
    samples.method(),
    samples.subscription(state="expired"),
    samples.invoice("paid"),
    samples.invoice("fail", id=UUID(int=21), number="M-2027-000002", due_at=samples.NOW),
    samples.payment("succeeded"),
    samples.refund("succeeded"),
    samples.dispute("won"),
    samples.period(),
)


@pytest.fixture
def filled(make_world: Callable[..., World]) -> World:
    """A world with one customer's rows, all at their end."""
    world = make_world()
    with world.app.app_context(), atomic():
        for row in ROWS:
            rows.add(row)
        db.session.execute(
            text(
                "INSERT INTO history (at, user_id, subscription_id, kind, subject_id, event, to_state, actor, reason,"
                " facts) SELECT created_at, user_id, id, 'subscription', id, 'created', 'pending', 'worker', '', '{}'"
                " FROM subscriptions"
            )
        )
        db.session.execute(
            text(
                "INSERT INTO consents (id, user_id, kind, given, text_version, source, at, locale)"
                " SELECT id, user_id, 'terms', true, '1', 'api', created_at, 'en' FROM subscriptions"
            )
        )
    return world


FORBIDDEN = (
    "UPDATE prices SET amount_minor = 1",
    "DELETE FROM prices",
    "UPDATE consents SET given = false",
    "DELETE FROM consents",
    "UPDATE consents SET address = NULL, user_agent = NULL",  # of somebody who was not erased
    "UPDATE history SET actor = 'nobody'",
    "DELETE FROM history",
    "UPDATE subscriptions SET state = 'pending'",
    "UPDATE invoices SET state = 'not_paid', paid_at = NULL WHERE state = 'paid'",
    "UPDATE invoices SET state = 'paid', fail_reason = NULL, paid_at = created_at WHERE state = 'fail'",
    "UPDATE refunds SET state = 'pending'",
    "UPDATE payments SET reserved_minor = amount_minor + 1",
    "UPDATE payments SET refunded_minor = amount_minor, reserved_minor = 1",
    "UPDATE payments SET refunded_minor = amount_minor, disputed_minor = 1, disputed_at = created_at",
    "UPDATE payments SET disputed_minor = 1",
    "UPDATE subscriptions SET auto_renew = true, disputed_at = created_at",
    "UPDATE disputes SET state = 'open', decided_at = NULL",
    "UPDATE payments SET state = 'failed'",
    "UPDATE users SET tokens_from_version = 1",
)


@pytest.mark.fault("A9")
def test_the_database_refuses_what_no_code_of_ours_may_do(filled: World, subtests: pytest.Subtests) -> None:
    for statement in FORBIDDEN:
        with subtests.test(statement), filled.app.app_context(), pytest.raises(DatabaseError), atomic():
            db.session.execute(text(statement))


def test_of_somebody_who_was_erased_only_what_names_them_goes(filled: World, subtests: pytest.Subtests) -> None:
    filled.write("UPDATE users SET erased_at = created_at")
    filled.write("UPDATE consents SET address = NULL, user_agent = NULL")
    for statement in (
        "UPDATE consents SET address = NULL, user_agent = NULL, given = false",
        "UPDATE consents SET address = '203.0.113.7'",
        "DELETE FROM consents",
        "UPDATE history SET facts = '{}', actor = 'nobody'",
    ):
        with subtests.test(statement), filled.app.app_context(), pytest.raises(DatabaseError), atomic():
            db.session.execute(text(statement))


def test_rows_that_refer_to_each_other_live_through_tables_made_anew(
    filled: World, database_url: str, tmp_path: Path
) -> None:
    tables = ("subscriptions", "invoices", "payments", "refunds", "periods")
    before = {table: filled.rows(f"SELECT id FROM {table} ORDER BY id") for table in tables}  # noqa: S608 - above
    world = Empty(database_url, tmp_path)
    world.run(downgrade, revision="0005")
    world.run(upgrade)
    assert {table: filled.rows(f"SELECT id FROM {table} ORDER BY id") for table in before} == before  # noqa: S608
    with filled.app.app_context(), pytest.raises(DatabaseError), atomic():
        db.session.execute(text("DELETE FROM payments"))


def test_a_row_at_its_end_may_still_change_in_other_columns(filled: World) -> None:
    with filled.app.app_context(), atomic():
        db.session.execute(text("UPDATE invoices SET modified_at = created_at, state = state"))
        db.session.execute(text("UPDATE refunds SET note = 'seen'"))


def test_two_periods_of_a_subscription_never_overlap(filled: World, subtests: pytest.Subtests) -> None:
    first = samples.period()
    part = (first.end - first.start) / 4
    overlapping = {
        "later": (first.end - part, first.end + part),
        "earlier": (first.start - part, first.start + part),
        "the same": (first.start, first.end),
        "inside": (first.start + part, first.end - part),
        "around": (first.start - part, first.end + part),
    }
    for how, (start, end) in overlapping.items():
        with subtests.test(how), filled.app.app_context(), pytest.raises(DatabaseError), atomic():
            rows.add(second_period(start, end))


def test_two_periods_of_a_subscription_may_touch(filled: World) -> None:
    first = samples.period()
    with filled.app.app_context(), atomic():
        rows.add(second_period(first.end, first.end + timedelta(days=1)))


def test_time_that_was_taken_back_may_be_sold_again(filled: World) -> None:
    first = samples.period()
    with filled.app.app_context():
        with atomic():
            db.session.execute(text("UPDATE periods SET revoked_at = created_at"))
        with atomic():
            rows.add(second_period(first.start, first.end))


def second_period(start: datetime, end: datetime) -> Period:
    return samples.period(id=UUID(int=31), start=start, end=end, invoice_id=UUID(int=21))


def test_a_second_one_where_only_one_may_be_is_refused(
    make_world: Callable[..., World], subtests: pytest.Subtests
) -> None:
    there = (
        samples.plan(),
        samples.price(),
        samples.user(),
        samples.subscription(),
        samples.invoice(),
        samples.payment("unknown", id=UUID(int=51)),
        samples.payment("succeeded", id=UUID(int=52)),
    )
    too_many: dict[str, object] = {
        "subscription in a group": samples.subscription(id=UUID(int=41)),
        "open purchase": samples.invoice(id=UUID(int=42), number="M-2027-000042", due_at=samples.NOW),
        "open payment": samples.payment("requires_action", id=UUID(int=43)),
        "successful payment": samples.payment("succeeded", id=UUID(int=44)),
    }
    app = make_world().app
    with app.app_context(), atomic():
        for row in there:
            rows.add(row)
    for what, one_more in too_many.items():
        with subtests.test(what), app.app_context(), pytest.raises(DatabaseError), atomic():
            rows.add(one_more)
