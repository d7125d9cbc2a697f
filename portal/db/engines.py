"""What differs between PostgreSQL and SQLite. The only file that asks which of the two it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, FromClause, Insert, Select, event
from sqlalchemy.dialects import postgresql, sqlite

from portal.db.base import Base


def options(url: str) -> dict[str, Any]:
    """Arguments for create_engine. What was to be written stands in no error's text, and so in no log."""
    if url.startswith("sqlite"):
        return {"hide_parameters": True, "connect_args": {"timeout": 30, "check_same_thread": False}}
    return {"hide_parameters": True, "pool_pre_ping": True, "pool_size": 10, "max_overflow": 20, "pool_timeout": 5}


def is_sqlite(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"


def prepare(engine: Engine) -> None:
    """Make SQLite keep its promises: foreign keys, WAL, and a write lock taken at the start of a transaction."""
    if engine.dialect.name != "sqlite":
        event.listen(engine, "connect", _limit_waits)
        return
    event.listen(engine, "connect", _sqlite_connect)
    event.listen(engine, "begin", _sqlite_begin)


def _limit_waits(connection: Any, _record: object) -> None:
    """Waiting for a lock ends in an error, never in a hanging page."""
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '10s'")
        cursor.execute("SET idle_in_transaction_session_timeout = '60s'")
    connection.commit()


def _sqlite_connect(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver must not begin transactions behind our back
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=NORMAL", "busy_timeout=30000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _sqlite_begin(connection: Connection) -> None:
    write = connection.get_execution_options().get("matinee_write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """Everything as it is at one moment, however long reading takes. Nothing can be written through it."""
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection, connection.begin():
            connection.exec_driver_sql("PRAGMA query_only = ON")
            try:
                yield connection
            finally:
                connection.exec_driver_sql("PRAGMA query_only = OFF")
        return
    options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with engine.connect().execution_options(**options) as connection, connection.begin():
        for setting in _FOR_LONG_READS:
            connection.exec_driver_sql(f"SET LOCAL {setting}")
        yield connection


# Whoever reads a stream decides how long it pauses; and it will be read to its end.
_FOR_LONG_READS = (
    "idle_in_transaction_session_timeout = 0",
    "cursor_tuple_fraction = 1",
    "work_mem = '256MB'",
    "jit = off",
)


def word(dialect: str, name: str, *given: str) -> str:
    """SQL that both engines say differently.

    `elapsed(later, earlier)`: seconds. `moment(text)`: of RFC 3339. `reckoned(anchor, zone, unit, many, count)`: many
    times count units later in a zone; SQLite knows no zones and answers nothing.
    """
    return _WORDS[dialect == "postgresql"][name].format(*given)


_WORDS = {
    True: {
        "elapsed": "EXTRACT(EPOCH FROM ({0} - {1}))",
        "moment": "CAST({0} AS timestamptz)",
        "reckoned": "(CASE {2} WHEN 'month' THEN ({0} AT TIME ZONE {1}) + make_interval(months => {3} * {4}) "
        "WHEN 'year' THEN ({0} AT TIME ZONE {1}) + make_interval(years => {3} * {4}) "
        "WHEN 'week' THEN ({0} AT TIME ZONE {1}) + make_interval(weeks => {3} * {4}) "
        "ELSE ({0} AT TIME ZONE {1}) + make_interval(days => {3} * {4}) END AT TIME ZONE {1})",
    },
    False: {
        "elapsed": "((julianday({0}) - julianday({1})) * 86400.0)",
        "moment": "strftime('%Y-%m-%d %H:%M:%f', {0})",
        "reckoned": "NULL",
    },
}


def identity(connection: Connection) -> str:
    """Of this database on this server, and of its past: "" for a file.

    A copy elsewhere, or one restored from a dump, has another; so has one that was recovered from a backup and its
    log, or promoted, because that begins a new timeline. A snapshot that was put back, or a dump that was read into
    the database there was, has the same.
    """
    return "" if is_sqlite(connection) else str(connection.exec_driver_sql(_IDENTITY).scalar_one())


_IDENTITY = """
SELECT system_identifier || '/' || oid || '/' || left(pg_walfile_name(pg_current_wal_lsn()), 8)
FROM pg_control_system(), pg_database WHERE datname = current_database()
"""


def guards(connection: Connection) -> set[str]:
    """Names of the unique indexes, constraints and triggers by which the database refuses rows."""
    if not is_sqlite(connection):
        return set(connection.exec_driver_sql(_GUARDS).scalars())
    made = connection.exec_driver_sql("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL").all()
    named = {name for kind, name, sql in made if kind == "trigger" or (kind == "index" and "UNIQUE" in sql)}
    return named | {found for kind, _, sql in made if kind == "table" for found in _CONSTRAINT.findall(sql)}


_CONSTRAINT = re.compile(r"CONSTRAINT \"?(\w+)")
_GUARDS = """
SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
WHERE i.indisunique AND i.indisvalid AND t.relnamespace = current_schema()::regnamespace
UNION SELECT conname FROM pg_constraint WHERE convalidated AND connamespace = current_schema()::regnamespace
UNION SELECT g.tgname FROM pg_trigger g JOIN pg_class t ON t.oid = g.tgrelid
WHERE NOT g.tgisinternal AND g.tgenabled <> 'D' AND t.relnamespace = current_schema()::regnamespace
"""


def locked(statement: Select[*tuple[Any, ...]], *, of: type[Base] | None = None, skip: bool = False) -> Select[Any]:
    """Hold the rows until commit, of one table where `of` says so; `skip` leaves out those that somebody else holds.

    SQLite holds the whole file instead, since the transaction began.
    """
    return statement.with_for_update(of=of, skip_locked=skip)


def referred(statement: Select[Any]) -> Select[Any]:
    """Hold rows as a foreign key to them does: they are neither `locked` nor deleted until commit."""
    return statement.with_for_update(read=True, key_share=True)


def insert_or_nothing(dialect: str, table: FromClause, values: dict[str, Any]) -> Insert:
    """An insert that does nothing where a unique constraint already has the row. Look at the row count."""
    module = postgresql if dialect == "postgresql" else sqlite
    made: Insert = module.insert(table).values(values).on_conflict_do_nothing()
    return made


def append_only(dialect: str, table: str) -> list[str]:
    """DDL: rows of this table are only added, whoever writes."""
    if dialect == "postgresql":
        return [
            _REFUSE,
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION matinee_refuse('rows are only added')",
        ]
    return [
        f"CREATE TRIGGER {table}_append_only_{verb.lower()} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table}: rows are only added'); END"
        for verb in ("UPDATE", "DELETE")
    ]


def append_only_but(dialect: str, table: str, *personal: str, others: tuple[str, ...]) -> list[str]:
    """DDL: `append_only`, but that the personal columns of somebody who was erased may be emptied, all at once.

    `others`: every other column. SQLite has to be told; PostgreSQL compares whole rows. On SQLite the trigger names
    `users`, so that whoever makes that table anew takes the trigger away before and makes it again after.
    """
    if dialect == "postgresql":
        return [
            _REFUSE_BUT_ERASING,
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION matinee_refuse_but_erasing({', '.join(personal)})",
        ]
    same = " AND ".join(
        [f'NEW."{name}" IS OLD."{name}"' for name in others] + [f'NEW."{name}" IS NULL' for name in personal]
    )
    erased = "EXISTS (SELECT 1 FROM users WHERE users.id = OLD.user_id AND users.erased_at IS NOT NULL)"
    plain = append_only(dialect, table)
    return [plain[0].replace(" BEGIN ", f" WHEN NOT ({same} AND {erased}) BEGIN "), plain[1]]


def no_longer_append_only(dialect: str, table: str) -> list[str]:
    """DDL: takes `append_only` back."""
    if dialect == "postgresql":
        return [f"DROP TRIGGER {table}_append_only ON {table}"]
    return [f"DROP TRIGGER {table}_append_only_{verb}" for verb in ("update", "delete")]


def never_changed(dialect: str, table: str) -> list[str]:
    """DDL: rows of this table may come and go, and stay as they are meanwhile."""
    if dialect == "postgresql":
        return [
            _REFUSE,
            f"CREATE TRIGGER {table}_never_changed BEFORE UPDATE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION matinee_refuse('rows are never changed')",
        ]
    return [
        f"CREATE TRIGGER {table}_never_changed BEFORE UPDATE ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table}: rows are never changed'); END"
    ]


def may_change(dialect: str, table: str) -> list[str]:
    """DDL: takes `never_changed` back."""
    where = f" ON {table}" if dialect == "postgresql" else ""
    return [f"DROP TRIGGER {table}_never_changed{where}"]


def final_states(dialect: str, table: str, states: tuple[str, ...], but: tuple[tuple[str, str], ...] = ()) -> list[str]:
    """DDL: these states are never left, whoever writes; `but` by these steps."""
    words = ", ".join(f"'{state}'" for state in states)
    may = "".join(f" AND NOT (OLD.state = '{before}' AND NEW.state = '{after}')" for before, after in but)
    when = f"WHEN (OLD.state IN ({words}) AND NEW.state <> OLD.state{may})"
    if dialect == "postgresql":
        return [
            _REFUSE,
            f"CREATE TRIGGER {table}_final BEFORE UPDATE OF state ON {table} FOR EACH ROW {when} "
            "EXECUTE FUNCTION matinee_refuse('a final state is never left')",
        ]
    return [
        f"CREATE TRIGGER {table}_final BEFORE UPDATE OF state ON {table} {when} "
        f"BEGIN SELECT RAISE(ABORT, '{table}: a final state is never left'); END"
    ]


def no_final_states(dialect: str, table: str) -> list[str]:
    """DDL: takes `final_states` back."""
    where = f" ON {table}" if dialect == "postgresql" else ""
    return [f"DROP TRIGGER {table}_final{where}"]


def no_overlap(dialect: str) -> list[str]:
    """DDL: periods of one subscription never overlap. PostgreSQL has an exclusion constraint for it."""
    if dialect == "postgresql":
        return []
    taken = (
        "EXISTS (SELECT 1 FROM periods p WHERE p.subscription_id = NEW.subscription_id AND p.id <> NEW.id "
        'AND p.start < NEW."end" AND NEW.start < p."end" AND p.revoked_at IS NULL AND NEW.revoked_at IS NULL)'
    )
    refuse = "BEGIN SELECT RAISE(ABORT, 'periods: two periods overlap'); END"
    return [
        f"CREATE TRIGGER periods_overlap_{verb.lower()} BEFORE {verb} ON periods WHEN {taken} {refuse}"
        for verb in ("INSERT", "UPDATE")
    ]


_REFUSE = """CREATE OR REPLACE FUNCTION matinee_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%: %', TG_TABLE_NAME, TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation';
END $$"""

_REFUSE_BUT_ERASING = """CREATE OR REPLACE FUNCTION matinee_refuse_but_erasing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF to_jsonb(NEW) - TG_ARGV = to_jsonb(OLD) - TG_ARGV
            AND NOT EXISTS (
                SELECT 1 FROM jsonb_each_text(to_jsonb(NEW)) WHERE key = ANY (TG_ARGV) AND value IS NOT NULL
            )
            AND EXISTS (SELECT 1 FROM users WHERE users.id = OLD.user_id AND users.erased_at IS NOT NULL)
        THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION '%: rows are only added', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$"""
