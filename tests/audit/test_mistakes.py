"""A mistake in our own code, as the audit sees what came of it."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from portal.audit.run import violations
from portal.domain import asking, changing
from portal.services import buy, cancel, grant, renew
from tests.audit.corrupting import corrupt, drop
from tests.services.changes import look, plan_of, take, upgraded
from tests.services.desk import press
from tests.services.month import ALICE, DAY, HOUR, days_pass, do, subscribed, subscription_id
from tests.services.stubborn import plan_fault
from tests.services.test_what_follows import dearer, move
from tests.services.trial import tried
from tests.simulation.mutants.charging import unknown_is_failed
from tests.world import World


def found(world: World) -> list[tuple[str, str]]:
    with world.app.app_context():
        return [(one.invariant, one.what) for one in violations(now=world.clock.now())]


SECOND_TRIAL = "A user has had two trials in one group."


@pytest.mark.parametrize("engine", ["sqlite"])  # a file of its own, which may lose an index
def test_a_second_trial_of_a_group_is_seen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buy, "had_trial", lambda user_id, group: False)
    drop(world, "uq_subscriptions_one_trial_per_group")
    tried(world)
    do(world, cancel.cancel, ALICE, subscription_id(world), "now")
    world.pass_time(DAY)
    assert ("I3", SECOND_TRIAL) not in found(world)
    tried(world)
    assert ("I3", SECOND_TRIAL) in found(world)


MOVED = "A renewal goes on at a price that its subscriber was moved from, or is at one that is still to come."


def test_a_moved_price_that_renewals_do_not_follow_is_seen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renew, "price_from", lambda price_id, start, moves: price_id)
    subscribed(world)
    move(world, dearer(world), world.clock.at + 7 * DAY)
    assert found(world) == []
    days_pass(world, 32)
    assert found(world) == [("I2", MOVED)]


def test_a_moved_price_that_comes_early_is_seen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    price_from = renew.price_from

    def early(price_id: Any, start: Any, moves: Any) -> Any:
        return price_from(price_id, start, [replace(one, starts_at=start) for one in moves])

    monkeypatch.setattr(renew, "price_from", early)
    subscribed(world)
    move(world, dearer(world), world.clock.at + 40 * DAY)
    days_pass(world, 32)
    assert found(world) == [("I2", MOVED)]


@pytest.mark.parametrize("hours", [-1, 0, 1])
def test_renewals_that_follow_a_moved_price_are_in_order(world: World, hours: int) -> None:
    subscribed(world)
    move(world, dearer(world), world.clock.at + 31 * DAY + timedelta(hours=hours))
    days_pass(world, 63)
    assert found(world) == []


STALE = "A paid plan change was carried out although what its sum was reckoned from had changed."


@pytest.mark.parametrize("days", [0, 5])
def test_a_change_that_was_paid_for_another_time_is_seen(
    world: World, days: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alice pays for Premium; until the bank answers, an operator gives her days."""
    monkeypatch.setattr(changing, "stands", lambda quoted, subscription, now: subscription.state == "active")
    subscribed(world)
    world.pass_time(10 * DAY)
    plan_fault(world, "pending_then_late", "charge", after=7200)
    take(world, look(world))
    if days:
        do(world, grant.grant, press("goodwill", "support"), subscription_id(world), days)
    for _ in range(4):
        world.pass_time(HOUR)
    assert plan_of(world) == "premium"
    assert found(world) == ([("I1", STALE)] if days else [])


NO_STEP = "A change of plan is said to be carried out, and its subscription's history has no such step."


def test_a_change_of_plan_that_the_history_does_not_know_is_seen(world: World) -> None:
    subscribed(world)
    upgraded(world)
    assert found(world) == []
    corrupt(world, "DELETE FROM history WHERE event = 'plan_changed'")
    assert ("I1", NO_STEP) in found(world)


NOT_MADE = "A charge that was taken for not made succeeded after all: until then it could be made once more."


@pytest.mark.parametrize("guesses", [True, False])
def test_a_charge_without_an_answer_that_is_taken_for_not_made_is_seen(world: World, guesses: bool) -> None:
    """Also where all has come right in the end: the second charge went back."""
    subscribed(world)
    plan_fault(world, "timeout_after", "charge")
    with unknown_is_failed() if guesses else nullcontext():
        world.pass_time(31 * DAY)
        world.settle(hours=30)
    assert set(found(world)) == ({("I17", NOT_MADE)} if guesses else set())


GIVEN_UP = "A charge was given up as never made less than 44 hours after it was sent, when it could still arrive."


@pytest.mark.parametrize("hasty", [True, False])
def test_a_charge_that_is_given_up_while_it_may_still_arrive_is_seen(
    world: World, hasty: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is sent again with its key, or given up in time, is in order."""
    if hasty:
        monkeypatch.setattr(asking, "_missed_for_good", lambda *_: True)
    subscribed(world)
    plan_fault(world, "timeout_before", "charge", times=50)
    days_pass(world, 34)
    assert set(found(world)) == ({("I17", GIVEN_UP)} if hasty else set())
