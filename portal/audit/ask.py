"""Asking the database, and reading its answers alike on both engines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CursorResult, RowMapping, bindparam, text

from portal.audit.violation import Audit, Invariant, Rule, Violation, Walk
from portal.db import engines
from portal.db.base import UTCDateTime

CHUNK = 2000
WORD = re.compile(r"\b(elapsed|moment|reckoned)\(([^()]*)\)")
BOUND = re.compile(r"(?<!:):([a-z_]+)")


def violations_of(audit: Audit, invariant: Invariant) -> Iterator[Violation]:
    for check in invariant.checks:
        for row in _answers(audit, check):
            told = _told(row)
            which, what = told.pop("invariant", invariant.id), told.pop("what", check.what)
            yield Violation(which, what, told, check.todo)


def stream(audit: Audit, sql: str) -> Iterator[RowMapping]:
    """Rows as they come, a chunk at a time. Words that each engine says in its own way: engines.word."""
    yield from plain(audit, sql).mappings()


def plain(audit: Audit, sql: str, *, streamed: bool = True) -> CursorResult[Any]:
    """The same as named tuples, which are read in half the time."""
    dialect = audit.connection.dialect.name
    said = WORD.sub(lambda found: engines.word(dialect, found[1], *found[2].split(", ")), sql)
    given = {name: value for name, value in _moments(audit).items() if name in BOUND.findall(said)}
    bound = [bindparam(name, type_=UTCDateTime()) for name, value in given.items() if isinstance(value, datetime)]
    statement = text(said).bindparams(*bound)
    options = {"stream_results": True, "yield_per": CHUNK} if streamed else {}
    return audit.connection.execute(statement, given, execution_options=options)


def moment(value: object) -> datetime:
    """SQLite gives a moment as text without a zone."""
    read = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def guid(value: object) -> UUID:
    """SQLite gives an id as 32 hexadecimal digits."""
    return value if isinstance(value, UUID) else UUID(str(value))


def _answers(audit: Audit, check: Rule | Walk) -> Iterator[Mapping[str, object]]:
    if isinstance(check, Walk):
        return check.find(audit)
    return (dict(row) for row in stream(audit, check.sql)) if found(audit, check.sql) else iter(())


def found(audit: Audit, sql: str) -> bool:
    """Nearly always there is nothing. Counted, PostgreSQL asks with all its processes; a stream has one."""
    return bool(plain(audit, f"SELECT count(*) FROM ({sql}) AS wrong", streamed=False).scalar())


def _moments(audit: Audit) -> dict[str, object]:
    """What a question may name: the moment of the audit, and the moments before which something is too old."""
    now, limits = audit.now, audit.limits
    return {
        "now": now,
        "unpublished_since": now - limits.unpublished,
        "unprocessed_since": now - limits.unprocessed,
        "untiring_since": now - limits.untiring,
        "undone_since": now - limits.undone,
        "unsettled_since": now - limits.settling,
        "charges_per_day": limits.charges_per_day,
    }


def _told(row: Mapping[str, object]) -> dict[str, str]:
    return {name: _plain(name, value) for name, value in row.items() if value is not None}


def _plain(name: str, value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if name.endswith("_id") and name not in ("user_id", "provider_id"):
        try:
            return str(guid(value))
        except ValueError:
            return str(value)
    return str(value)
