"""SIGKILL between any two steps of what moves money or tells others: run again, everything has happened once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from portal.app import create_app
from portal.config import Misconfigured, Settings
from portal.domain.money import Money
from portal.services import inbox
from tests.conftest import settings_for
from tests.journeys import mortal
from tests.journeys.conftest import Town
from tests.journeys.demo import rows
from tests.journeys.mortal import KILLED, ask_money_back, command
from tests.services.promise import assert_kept
from tests.world import World

MONTH = timedelta(days=32)
PRICE = Money(29900, "RUB")


@pytest.mark.fault("K11")
@pytest.mark.parametrize(
    ("place", "taken"), [("renew.intended", 0), ("charge.stamped", 0), ("charge.answered", 1), ("charge.settled", 1)]
)
def test_a_renewal_whose_process_is_killed_is_charged_once_and_told_once(town: Town, place: str, taken: int) -> None:
    world = town.world
    world.bought("alice")
    world.clock.at += MONTH

    town.die_at(place, command, "renew")
    assert len(world.sandbox.book.charges()) == 1 + taken
    world.settle(hours=3)

    assert len(world.sandbox.book.charges()) == 2
    assert [row["state"] for row in world.rows("SELECT state FROM payments WHERE kind = 'charge'")] == ["succeeded"]
    assert world.count("periods") == 2
    assert versions(world) == [1, 2]
    assert_kept(world)


@pytest.mark.parametrize(
    ("place", "given"), [("refund.reserved", 0), ("refund.stamped", 0), ("refund.answered", 1), ("refund.settled", 1)]
)
def test_a_refund_whose_process_is_killed_is_given_once_and_told_once(town: Town, place: str, given: int) -> None:
    world = town.world
    invoice = world.bought("alice")

    town.die_at(place, ask_money_back, "alice", UUID(invoice["invoice_guid"]), PRICE)
    assert len(world.sandbox.book.refunds()) == given
    world.settle(hours=3)

    assert [(one["amount"], one["state"]) for one in world.sandbox.book.refunds()] == [(PRICE.minor, "succeeded")]
    assert [row["state"] for row in world.rows("SELECT state FROM refunds")] == ["succeeded"]
    assert [row["state"] for row in world.rows("SELECT state FROM subscriptions")] == ["ended"]
    assert versions(world) == [1, 2]
    assert world.rights("alice")["entitlements"] == []


@pytest.mark.parametrize(("place", "state"), [("inbox.taken", "not_paid"), ("inbox.applied", "paid")])
def test_a_webhook_whose_process_is_killed_gives_one_period_and_one_event(town: Town, place: str, state: str) -> None:
    world = town.world
    pay(world)
    with world.app.app_context():
        assert world.deliverer.run_once() > 0

    town.die_at(place, command, "inbox", "--once")
    assert [row["state"] for row in world.rows("SELECT state FROM invoices")] == [state]
    assert "received" in [row["state"] for row in world.rows("SELECT state FROM inbox")]
    world.settle(hours=1)

    assert world.count("periods") == 1
    assert versions(world) == [1]
    assert_kept(world)


def test_a_relay_killed_between_the_confirm_and_its_mark_tells_again_and_auth_applies_once(town: Town) -> None:
    settled_untold(town.world)

    town.die_at("relay.confirmed", command, "relay", "--once")

    assert_told_again(town.world)


def test_a_relay_killed_between_the_sending_and_the_confirm_tells_again_and_auth_applies_once(town: Town) -> None:
    settled_untold(town.world)

    town.victim = town.start(command, "relay", "--once")
    assert mortal.ended(town.victim) == KILLED
    town.victim = None

    assert_told_again(town.world)


def pay(world: World) -> None:
    world.pay(world.buy(world.sign_in("alice"))["redirect_url"])


def settled_untold(world: World) -> None:
    """Paid and applied; the event waits."""
    pay(world)
    with world.app.app_context():
        while world.deliverer.run_once() + inbox.run_once():
            pass
    assert unpublished(world) == 1


def assert_told_again(world: World) -> None:
    assert unpublished(world) == 1
    assert world.rights("alice")["version"] == 1
    world.drain()
    assert unpublished(world) == 0
    told = rows(world.settings.auth_database, "SELECT version, result FROM auth_deliveries ORDER BY seq")
    assert [(one["version"], one["result"]) for one in told] == [(1, "applied"), (1, "older")]
    assert_kept(world)


def versions(world: World) -> list[int]:
    return [row["version"] for row in world.rows("SELECT version FROM outbox ORDER BY seq")]


def unpublished(world: World) -> int:
    return int(world.one("SELECT count(*) AS n FROM outbox WHERE published_at IS NULL")["n"])


# The switch itself


def test_failpoints_are_no_setting_of_production() -> None:
    with pytest.raises(ValueError, match="unset FAILPOINTS"):
        Settings(
            _env_file=None,
            app_env="production",
            failpoints="charge.answered:kill",
            **PRODUCTION,  # type: ignore[arg-type]  # names of settings
        )


def test_a_failpoint_that_cannot_be_read_stops_the_start(tmp_path: Any) -> None:
    with pytest.raises(Misconfigured, match=r"FAILPOINTS: .*'charge.answered:maim'"):
        create_app(settings_for(tmp_path, f"sqlite:///{tmp_path / 'portal.db'}", failpoints="charge.answered:maim"))


PRODUCTION = {
    "secret_key": "k" * 32,
    "public_url": "https://billing.example",
    "database_url": "postgresql://db.example/matinee",
    "amqp_url": "amqp://broker.example",
    "auth_jwks_url": "https://auth.example/jwks.json",
    "auth_issuer": "https://auth.example",
    "auth_audience": "matinee",
    "auth_login_url": "https://auth.example/login",
    "auth_refresh_url": "https://auth.example/refresh",
    "payment_providers": "stripe",
}
