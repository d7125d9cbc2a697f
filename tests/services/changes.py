"""Alice looks at another plan, and takes it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from portal.domain.errors import Refused
from portal.domain.user import Person
from portal.services import change_plan
from portal.services.change_plan import Changed, Preview
from tests.services.month import ALICE, DAY, do, subscription_id
from tests.services.promise import uuid_of
from tests.world import World

BORIS = Person("boris", email="boris@example.test")
RUB = "RUB"


def look(world: World, code: str = "premium") -> Preview:
    return do(world, change_plan.preview, ALICE, subscription_id(world), code)


def take(world: World, seen: Preview) -> Changed:
    made = do(world, change_plan.change, ALICE, seen.quote.subscription_id, seen.new.plan.code, seen.quote.id)
    world.drain()
    return made


def upgraded(world: World, after: timedelta = 10 * DAY) -> UUID:
    """Alice, on Standard since a while, pays for Premium; answers the invoice."""
    world.pass_time(after)
    made = take(world, look(world))
    assert made.invoice_id is not None
    return made.invoice_id


def plan_of(world: World) -> str:
    return str(world.one("SELECT p.code FROM subscriptions s JOIN plans p ON p.id = s.plan_id")["code"])


def watches(world: World) -> list[str]:
    return [right["plan"] for right in world.rights("alice")["entitlements"]]


def invoice_of(world: World, guid: UUID | None) -> dict[str, Any]:
    return next(row for row in world.rows("SELECT * FROM invoices") if uuid_of(row["id"]) == guid)


def refusal(world: World, act: Callable[..., object], *given: object) -> Refused:
    with pytest.raises(Refused) as refused:
        do(world, act, *given)
    return refused.value
