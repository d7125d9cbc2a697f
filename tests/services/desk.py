"""An operator at work: presses of buttons, and what the log says of them afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

from portal.domain.act import Act
from portal.domain.errors import Refused
from tests.services import books
from tests.services.month import do
from tests.services.promise import (
    auth_knows,
    history_ends_where_the_rows_are,
    history_is_a_path,
    inbox_is_done,
    nothing_left_open,
    refunds_add_up,
    uuid_of,
    versions_without_gaps,
)
from tests.world import World


def press(reason: str | None = None, operator: str = "olga", form: UUID | None = None) -> Act:
    """A new form, unless it is given."""
    return Act(form or uuid4(), operator, "request-1", "192.0.2.9", reason, "told us on the phone")


def entries(world: World) -> list[dict[str, Any]]:
    """The log, oldest first."""
    found = world.rows("SELECT * FROM activity ORDER BY seq")
    return [row | {name: _read(row[name]) for name in ("before", "after")} for row in found]


def entry(world: World) -> dict[str, Any]:
    """The only one."""
    (row,) = entries(world)
    return row


def refused(world: World, act: Callable[..., object], *given: object) -> Refused:
    """What a call of a service is refused with; nothing was written, least of all into the log."""
    before = world.counts(), len(entries(world))
    try:
        do(world, act, *given)
    except Refused as error:
        assert (world.counts(), len(entries(world))) == before
        return error
    raise AssertionError("it was not refused")


def or_refused(world: World, act: Callable[..., object], *given: object) -> Callable[[], object]:
    """To be called in a thread: what the service answers, or what it refuses with."""

    def run() -> object:
        try:
            return do(world, act, *given)
        except Refused as error:
            return error

    return run


def assert_kept(world: World) -> None:
    """What holds also where money was given back and access left."""
    history = (history_is_a_path, history_ends_where_the_rows_are)
    checks = (auth_knows, *history, inbox_is_done, nothing_left_open, refunds_add_up, versions_without_gaps)
    assert [sentence for check in (*checks, *books.CHECKS) for sentence in check(world)] == []


def payment_of(world: World, invoice: UUID) -> UUID:
    found = world.rows("SELECT id, invoice_id FROM payments WHERE state = 'succeeded'")
    return next(uuid_of(row["id"]) for row in found if uuid_of(row["invoice_id"]) == invoice)


def sums(world: World) -> tuple[int, int]:
    """Reserved, given back."""
    row = world.one("SELECT reserved_minor, refunded_minor FROM payments")
    return row["reserved_minor"], row["refunded_minor"]


def given_back(world: World) -> list[int]:
    """By the provider's book."""
    return [one["amount"] for one in world.sandbox.book.refunds() if one["state"] == "succeeded"]


def _read(told: Any) -> Any:
    """SQLite gives JSON as text."""
    return json.loads(told) if isinstance(told, str) else told
