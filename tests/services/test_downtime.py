"""We were away: whoever was due meanwhile is charged once, for one month."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.services.month import DAY, NO_RENEWAL, dates, days_pass, may_watch, shown, subscribed, taken, told
from tests.services.promise import assert_kept
from tests.services.stubborn import forget_faults, plan_fault
from tests.world import World

MONTH = timedelta(days=31)

# Days away after the second month was due; the second month then.
AWAY = [
    (3, "10 Feb - 10 Mar"),
    (6, "10 Feb - 10 Mar"),
    (8, "18 Feb - 18 Mar"),
    (100, "21 May - 21 Jun"),
]


@pytest.mark.fault("S2")
@pytest.mark.parametrize(("away", "second_month"), AWAY)
def test_after_downtime_there_is_one_charge_and_the_anchor_stays_within_grace(
    world: World, away: int, second_month: str
) -> None:
    subscribed(world)
    world.clock.at += MONTH + timedelta(days=away)
    for _ in range(3):
        world.pass_time(timedelta(minutes=1))
    assert taken(world) == [29900, 29900]
    assert dates(world)[1] == second_month
    assert may_watch(world)
    assert told(world) == ["activated", "renewed"]
    days_pass(world, 10)
    assert taken(world) == [29900, 29900]
    assert_kept(world)


def test_a_cancelled_one_that_ran_out_while_we_were_away_just_ends(world: World) -> None:
    subscribed(world, **NO_RENEWAL)
    world.clock.at += MONTH + 5 * DAY
    world.pass_time(timedelta(minutes=1))
    assert shown(world)["status"] == "ended"
    assert told(world) == ["activated", "deactivated"]
    assert taken(world) == [29900]
    assert_kept(world)


def test_prolonging_what_ran_out_while_the_worker_was_away_gives_a_whole_month_from_now(world: World) -> None:
    subscribed(world, **NO_RENEWAL)
    world.clock.at += MONTH + 5 * DAY
    subscribed(world, **NO_RENEWAL)
    assert dates(world)[-1] == "15 Feb - 15 Mar"
    assert may_watch(world)
    assert_kept(world)


@pytest.mark.fault("S4")
@pytest.mark.parametrize("jump", [-timedelta(hours=1), timedelta(days=1)])
def test_a_clock_that_jumps_and_comes_back_charges_no_month_twice(world: World, jump: timedelta) -> None:
    subscribed(world)
    world.pass_time(MONTH)
    assert taken(world) == [29900, 29900]
    for at in (jump, -jump, jump, -jump):
        world.pass_time(at)
    assert taken(world) == [29900, 29900]
    assert world.count("periods") == 2
    assert_kept(world)


@pytest.mark.fault("P19")
def test_after_six_hours_without_the_payment_system_everybody_has_watched_on_and_pays_once(world: World) -> None:
    subscribed(world)
    world.bought("boris")
    for operation in ("charge", "find"):
        plan_fault(world, "timeout_before", operation, times=1000, hold_seconds=0)
    world.clock.at += MONTH
    for _ in range(6):
        world.run_jobs()
        world.drain()
        assert may_watch(world)
        world.clock.at += timedelta(hours=1)
    assert taken(world) == [29900, 29900]
    forget_faults(world)
    for _ in range(4):  # silence proves nothing: what was sent is sent anew when its key is forgotten everywhere
        days_pass(world, 1)
        assert may_watch(world)
    assert taken(world) == [29900] * 4
    assert sorted(dates(world)) == ["10 Feb - 10 Mar"] * 2 + ["10 Jan - 10 Feb"] * 2
    assert told(world) == ["activated", "activated", "renewed", "renewed"]
    assert_kept(world)
