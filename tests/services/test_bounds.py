"""What must never happen by itself: too many charges in a day or a run, or on rows that contradict themselves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.services.month import DECLINES_LATER, MINUTE, days_pass, save_card, shown, subscribed, taken, told
from tests.services.promise import assert_kept
from tests.world import World

MONTH = timedelta(days=31)


def parked(world: World, user: str = "alice") -> str | None:
    reason: str | None = world.one("SELECT park_reason FROM subscriptions WHERE user_id = :u", u=user)["park_reason"]
    return reason


def charges(world: World) -> int:
    return len(world.rows("SELECT id FROM payments WHERE kind = 'charge'"))


@pytest.mark.fault("S10")
def test_a_fourth_scheduled_charge_of_a_day_parks_instead(world: World) -> None:
    subscribed(world, DECLINES_LATER)
    world.pass_time(MONTH + MINUTE)
    for _ in range(3):  # a fault of ours makes it due again and again
        world.write(
            "UPDATE subscriptions SET declines = 1, past_due_since = paid_through, next_action_at = paid_through"
        )
        world.pass_time(timedelta(days=1, minutes=1) if charges(world) == 1 else MINUTE)
    world.write("UPDATE subscriptions SET declines = 1, next_action_at = paid_through")
    world.pass_time(MINUTE)

    assert (parked(world), charges(world)) == ("charges_a_day", 4)
    days_pass(world, 5)
    assert charges(world) == 4
    assert told(world)[-1] == "parked"
    assert_kept(world)


def test_what_its_customer_tries_parks_nobody(world: World) -> None:
    subscribed(world, DECLINES_LATER)
    world.pass_time(MONTH + MINUTE)
    for _ in range(5):
        save_card(world, DECLINES_LATER)
        world.pass_time(MINUTE)
    assert (parked(world), charges(world)) == (None, 6)
    save_card(world)
    world.pass_time(MINUTE)
    assert shown(world)["status"] == "active"
    assert_kept(world)


@pytest.mark.fault("S10")
def test_what_is_due_beyond_the_bound_of_a_run_is_parked(make_world: Callable[..., World]) -> None:
    world = make_world(charges_per_run=1)
    world.seed()
    world.bought("alice")
    world.bought("boris")
    world.bought("clara")
    world.pass_time(MONTH)
    assert sorted(filter(None, (parked(world, who) for who in ("alice", "boris", "clara")))) == ["charges_a_run"] * 2
    assert sorted(taken(world)) == [29900] * 4
    world.pass_time(MINUTE)
    assert len(taken(world)) == 4
    assert_kept(world)


@pytest.mark.fault("P21")
def test_somebody_elses_card_is_not_charged(world: World) -> None:
    subscribed(world)
    world.bought("boris")
    world.write(
        "UPDATE subscriptions SET payment_method_id = (SELECT id FROM payment_methods WHERE user_id = 'boris') "
        "WHERE user_id = 'alice'"
    )
    world.pass_time(MONTH)
    assert (parked(world), parked(world, "boris")) == ("broken", None)
    assert len(taken(world)) == 3
    assert world.one("SELECT count(*) AS n FROM payments WHERE user_id = 'alice'")["n"] == 1


@pytest.mark.fault("D8")
def test_rows_that_contradict_themselves_are_parked_and_hold_nobody_back(world: World) -> None:
    """Paid time that is not on the subscription: the database would refuse a second invoice for that moment."""
    subscribed(world)
    world.bought("boris")
    world.pass_time(MONTH)
    world.write(
        "UPDATE subscriptions SET paid_through = (SELECT due_at FROM invoices WHERE reason = 'renewal' "
        "AND user_id = 'alice'), next_action_at = (SELECT due_at FROM invoices WHERE reason = 'renewal' "
        "AND user_id = 'alice') WHERE user_id = 'alice'"
    )
    world.pass_time(MONTH)
    assert (parked(world), parked(world, "boris")) == ("broken", None)
    assert len(taken(world)) == 5  # two first months, two second ones, and the third of the other
