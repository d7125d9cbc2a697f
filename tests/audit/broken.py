"""What breaks a rule of the audit: hands in the database, and what they need to make something up."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias
from uuid import uuid4

from portal.audit.invariants import INVARIANTS
from tests.audit.corrupting import copy, corrupt
from tests.services.promise import uuid_of
from tests.world import World

ALICES = "(SELECT id FROM subscriptions WHERE user_id = 'alice')"
HOUR = timedelta(hours=1)
PAIR = ("alice", "boris")
INVOICE = "(SELECT id FROM invoices WHERE user_id = '{}' AND reason = 'purchase')"
PAID = (("created", None, "created"), ("sent", "created", "unknown"), ("succeeded", "unknown", "succeeded"))
RULES = {check.what: invariant for invariant in INVARIANTS for check in invariant.checks}
Hand: TypeAlias = Callable[[World], str]


class Broken(NamedTuple):
    """What shall be found, and the hand that makes it true, which answers what has to be named.

    `also`: other invariants that do not hold either then. `given`: what else the audit is asked with.
    `told_as`: the invariant, where one rule tells of two. `on`: the only engine whose guards let it be done.
    """

    what: str
    how: Hand
    also: Collection[str] = ()
    given: Mapping[str, Any] = MappingProxyType({})
    told_as: str = ""
    on: str = ""

    @property
    def invariant(self) -> str:
        return self.told_as or RULES[self.what].id

    def __str__(self) -> str:
        return f"{self.invariant}-{self.how.__name__}"


BROKEN: list[Broken] = []


def breaks(what: str, **more: Any) -> Callable[[Hand], Hand]:
    """The mark of a hand: see Broken."""

    def mark(how: Hand) -> Hand:
        BROKEN.append(Broken(what, how, **more))
        return how

    return mark


def one(world: World, query: str) -> str:
    """The id that a query answers with."""
    (row,) = world.rows(query)
    (value,) = row.values()
    return str(uuid_of(value))


def put(world: World, table: str, row: Mapping[str, object]) -> None:
    names, marks = ", ".join(f'"{name}"' for name in row), ", ".join(f":{name}" for name in row)
    corrupt(world, f"INSERT INTO {table} ({names}) VALUES ({marks})", **row)  # noqa: S608 - a test's own


def drop_quietly(world: World, name: str) -> None:
    """Where a test needs it gone more than once."""
    corrupt(world, f"DROP INDEX IF EXISTS {name}")


def tell(world: World, kind: str, guid: object, *steps: tuple[str, str | None, str]) -> None:
    """A history of its own for a row that was made up."""
    for event, before, after in steps:
        seq = world.one("SELECT max(seq) + 1 AS seq FROM history")["seq"]
        row = {"seq": seq, "subject_id": guid, "event": event, "from_state": before, "to_state": after}
        copy(world, "history", f"kind = '{kind}' AND user_id = 'alice'", **row)


def opened(world: World, next_check_at: Any) -> str:
    """One more payment of Alice's purchase, of which nobody knows what became."""
    guid = new()
    check = next_check_at and stored(world, next_check_at)
    unclear = {"id": guid, "state": "unknown", "succeeded_at": None, "next_check_at": check}
    copy(world, "payments", "user_id = 'alice' AND kind = 'checkout'", **unclear)
    tell(world, "payment", guid, *PAID[:2])
    return str(uuid_of(guid))


def json_of(value: Any) -> dict[str, Any]:
    """SQLite gives JSON as text."""
    read: dict[str, Any] = json.loads(value) if isinstance(value, str) else value
    return read


def new() -> Any:
    return uuid4().hex


def stored(world: World, moment: Any) -> Any:
    """As the engine keeps it."""
    return moment if on_postgresql(world) else moment.replace(tzinfo=None).isoformat(" ", "microseconds")


def on_postgresql(world: World) -> bool:
    return world.settings.database.startswith("postgresql")


def as_json(world: World) -> str:
    return "CAST(:facts AS jsonb)" if on_postgresql(world) else ":facts"
