"""Somebody's hand in the database, past everything that would refuse it."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, text

from portal.db import engines
from portal.db.session import db
from tests.world import World


def corrupt(world: World, *statements: str, without: str = "", **values: object) -> None:
    """Write as no code of ours could. `without`: a unique index, or table.constraint, that is gone afterwards."""
    with world.app.app_context(), db.engine.connect() as connection:
        sqlite = engines.is_sqlite(connection)
        (_on_sqlite if sqlite else _on_postgresql)(connection, statements, without, values)


def copy(world: World, table: str, where: str, **changes: object) -> None:
    """One more row like the first that fits, but for the changes."""
    row = world.rows(f"SELECT * FROM {table} WHERE {where} ORDER BY 1 LIMIT 1")[0] | changes  # noqa: S608 - a test's own
    plain = {name: json.dumps(value) if isinstance(value, dict) else value for name, value in row.items()}
    names = ", ".join(f'"{name}"' for name in plain)
    marks = ", ".join(f":{name}" for name in plain)
    corrupt(world, f"INSERT INTO {table} ({names}) VALUES ({marks})", **plain)  # noqa: S608 - as above


def drop(world: World, name: str) -> None:
    """An index, a constraint or a trigger, by its name."""
    with world.app.app_context(), db.engine.connect() as connection:
        for statement in _dropping(connection, name):
            connection.exec_driver_sql(statement)
        connection.commit()


def _on_sqlite(connection: Connection, statements: tuple[str, ...], without: str, values: dict[str, object]) -> None:
    raw: Any = connection.connection.driver_connection
    raw.execute("PRAGMA foreign_keys = OFF")
    raw.execute("PRAGMA ignore_check_constraints = ON")
    triggers = raw.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        raw.execute(f"DROP TRIGGER {name}")
    if without and "." not in without:
        raw.execute(f"DROP INDEX {without}")
    for statement in statements:
        connection.execute(text(statement), values)
    connection.commit()
    for _, sql in triggers:
        raw.execute(sql)
    raw.execute("PRAGMA ignore_check_constraints = OFF")
    raw.execute("PRAGMA foreign_keys = ON")


def _on_postgresql(
    connection: Connection, statements: tuple[str, ...], without: str, values: dict[str, object]
) -> None:
    connection.execute(text("SET session_replication_role = replica"))
    if without:
        table, _, name = without.rpartition(".")
        connection.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT {name}" if table else f"DROP INDEX {name}"))
    for statement in statements:
        connection.execute(text(statement), values)
    connection.execute(text("SET session_replication_role = DEFAULT"))
    connection.commit()


def _dropping(connection: Connection, name: str) -> list[str]:
    if engines.is_sqlite(connection):
        kind = connection.exec_driver_sql("SELECT type FROM sqlite_master WHERE name = ?", (name,)).scalar()
        return [f"DROP {kind} {name}"] if kind in ("index", "trigger") else []
    find = "SELECT conrelid::regclass::text FROM pg_constraint WHERE conname = %(name)s"
    table = connection.exec_driver_sql(find, {"name": name}).scalar()
    if table:
        return [f"ALTER TABLE {table} DROP CONSTRAINT {name} CASCADE"]
    find = "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = %(name)s"
    table = connection.exec_driver_sql(find, {"name": name}).scalar()
    return [f"DROP TRIGGER {name} ON {table}"] if table else [f"DROP INDEX {name}"]
