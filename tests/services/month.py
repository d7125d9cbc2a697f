"""A subscriber whose months pass: what tests of renewing, cancelling and refunds do again and again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from portal.db.session import db
from portal.domain.consent import Agreement
from portal.domain.user import Person
from portal.services import save_method
from tests.services.promise import moment_of, uuid_of
from tests.world import GOOD_CARD, World

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
DECLINES_LATER = "4000 0000 0000 0341"
ASKS_LATER = "4000 0027 6000 3184"
ALICE = Person("alice", email="alice@example.test")
AGREED = Agreement(terms=True, personal_data=True, renewal=True, source="cabinet", locale="en")
NO_RENEWAL = {"consents": {"terms": True, "personal_data": True, "renewal": False}}

T = TypeVar("T")


def subscribed(world: World, card: str = GOOD_CARD, plan: str = "standard", count: int = 1, **more: Any) -> UUID:
    """Alice buys; answers her invoice."""
    started = world.buy(world.sign_in("alice"), plan, count, **more)
    world.pay(started["redirect_url"], card)
    world.drain()
    return UUID(started["invoice_guid"])


def do(world: World, act: Callable[..., T], *given: Any) -> T:
    """One call of a service, as an edge makes it."""
    with world.app.app_context():
        try:
            return act(*given)
        finally:
            db.session.remove()


def save_card(world: World, card: str = GOOD_CARD) -> None:
    """Alice saves another card on the page over nothing."""
    world.pay(do(world, save_method.start, ALICE, AGREED), card)
    world.drain()


def shown(world: World) -> dict[str, Any]:
    """The first of Alice's subscriptions, as the API shows it."""
    found: list[dict[str, Any]] = world.sign_in("alice").get("/subscriptions").json
    return found[0]


def subscription_id(world: World) -> UUID:
    return UUID(shown(world)["subscription_id"])


def invoice_row(world: World, reason: str = "renewal") -> dict[str, Any]:
    """The newest invoice of a reason."""
    return world.rows("SELECT * FROM invoices WHERE reason = :r ORDER BY created_at DESC, id DESC", r=reason)[0]


def invoice_id(world: World, reason: str = "renewal") -> UUID:
    return uuid_of(invoice_row(world, reason)["id"])


def told(world: World) -> list[str]:
    """The types of all events, without what they have in common."""
    return [row["type"].removeprefix("subscription.") for row in world.rows("SELECT type FROM outbox ORDER BY seq")]


def may_watch(world: World) -> bool:
    """By what Auth believes, at this moment."""
    rights = world.rights("alice")["entitlements"]
    return any(moment_of(right["until"].replace("Z", "+00:00")) > world.clock.now() for right in rights)


def taken(world: World) -> list[int]:
    return [charge["taken"] for charge in world.sandbox.book.charges()]


def periods(world: World) -> list[tuple[datetime, datetime]]:
    found = world.rows('SELECT start, "end" FROM periods WHERE revoked_at IS NULL ORDER BY start')
    return [(moment_of(row["start"]), moment_of(row["end"])) for row in found]


def dates(world: World) -> list[str]:
    return [f"{start:%d %b} - {end:%d %b}" for start, end in periods(world)]


def days_pass(world: World, days: int) -> None:
    for _ in range(days):
        world.pass_time(DAY)
