"""A parked subscription: nothing happens to it by itself until an operator lets it go on."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.domain.errors import AlreadyDone, InvalidRequest, NotFound, NotParkable
from portal.domain.ids import new_id
from portal.services import cancel, parking
from tests.services.desk import entries, entry, press, refused
from tests.services.month import (
    ALICE,
    DAY,
    DECLINES_LATER,
    MINUTE,
    dates,
    days_pass,
    do,
    may_watch,
    shown,
    subscribed,
    subscription_id,
    taken,
    told,
)
from tests.services.promise import assert_kept
from tests.world import World

MONTH = timedelta(days=31)


def park(world: World, reason: str = "clarified") -> None:
    do(world, parking.park, press(reason), subscription_id(world))
    world.drain()


def unpark(world: World, reason: str = "cleared") -> None:
    do(world, parking.unpark, press(reason), subscription_id(world))
    world.drain()


def test_nothing_is_charged_while_parked_and_grace_is_fourteen_days(world: World) -> None:
    subscribed(world)
    park(world)
    world.pass_time(MONTH + 13 * DAY)
    assert (shown(world)["status"], taken(world), may_watch(world)) == ("active", [29900], True)
    world.pass_time(DAY + MINUTE)
    assert (shown(world)["status"], may_watch(world)) == ("active", False)
    assert told(world) == ["activated", "parked"]
    assert_kept(world)


def test_an_event_tells_of_it_when_it_is_set_and_when_it_is_lifted_and_withdraws_no_token(world: World) -> None:
    subscribed(world)
    before = world.rights("alice")
    park(world)
    parked = world.rights("alice")
    unpark(world)
    after = world.rights("alice")
    assert told(world) == ["activated", "parked", "parked"]
    assert parked["tokens_from_version"] == after["tokens_from_version"] == before["tokens_from_version"]
    untils = [one["entitlements"][0]["until"] for one in (before, parked, after)]
    assert untils[0] == untils[2] != untils[1]
    assert_kept(world)


def test_what_was_due_meanwhile_is_due_when_it_goes_on(world: World) -> None:
    subscribed(world)
    park(world)
    world.pass_time(MONTH + 2 * DAY)
    unpark(world)
    world.pass_time(MINUTE)
    assert (dates(world)[1], taken(world)) == ("10 Feb - 10 Mar", [29900, 29900])
    days_pass(world, 5)
    assert len(taken(world)) == 2
    assert_kept(world)


def test_missed_retries_are_not_made_up_for_in_a_row(world: World) -> None:
    subscribed(world, DECLINES_LATER)
    world.pass_time(MONTH + MINUTE)
    park(world)
    world.pass_time(11 * DAY)
    unpark(world)
    for _ in range(5):
        world.pass_time(MINUTE)
    charges = world.rows("SELECT id FROM payments WHERE kind = 'charge'")
    assert (len(charges), shown(world)["status"]) == (2, "suspended")
    days_pass(world, 4)
    assert shown(world)["status"] == "ended"
    assert len(world.rows("SELECT id FROM payments WHERE kind = 'charge'")) == 3  # day 13
    assert_kept(world)


@pytest.mark.parametrize("when", ["now", "period_end"])
def test_its_customer_can_cancel(world: World, when: str) -> None:
    subscribed(world)
    park(world)
    do(world, cancel.cancel, ALICE, subscription_id(world), when)
    world.drain()
    row = world.one("SELECT state, parked_at FROM subscriptions")
    assert (row["state"], row["parked_at"] is None) == (("ended", True) if when == "now" else ("active", False))
    assert_kept(world)


def test_its_customer_is_told(world: World) -> None:
    subscribed(world)
    park(world)
    page = world.browser("alice").get("/cabinet").text
    assert "until that is done nothing is charged" in page
    unpark(world)
    assert "The check by hand is over" in world.browser("alice").get("/cabinet/history").text


def test_the_log_says_who_did_it_and_why_and_the_row_keeps_the_reason(world: World) -> None:
    subscribed(world)
    park(world, "suspicious")
    told_of = entry(world)
    assert (told_of["act"], told_of["operator"], told_of["reason"]) == ("subscription.park", "olga", "suspicious")
    assert (told_of["before"]["parked_at"], told_of["after"]["park_reason"]) == (None, "suspicious")
    assert world.one("SELECT park_reason FROM subscriptions")["park_reason"] == "suspicious"
    unpark(world)
    assert [one["act"] for one in entries(world)] == ["subscription.park", "subscription.unpark"]
    assert world.one("SELECT park_reason FROM subscriptions")["park_reason"] is None


def test_doing_it_again_is_no_error_and_the_same_form_acts_once(world: World) -> None:
    subscribed(world)
    alice, form = subscription_id(world), press("fault")
    do(world, parking.park, form, alice)
    assert isinstance(refused(world, parking.park, form, alice), AlreadyDone)
    do(world, parking.park, press("fault"), alice)
    do(world, parking.unpark, press("mistake"), alice)
    do(world, parking.unpark, press("mistake"), alice)
    world.drain()
    assert told(world) == ["activated", "parked", "parked"]
    assert_kept(world)


def test_what_is_over_cannot_be_parked_and_reasons_are_of_the_list(world: World) -> None:
    subscribed(world)
    alice = subscription_id(world)
    for reason in ("review", "cleared", None):
        if reason != "review":
            assert isinstance(refused(world, parking.park, press(reason), alice), InvalidRequest)
    assert isinstance(refused(world, parking.unpark, press("fault"), alice), InvalidRequest)
    assert isinstance(refused(world, parking.park, press("fault"), new_id(world.clock.now())), NotFound)
    do(world, cancel.cancel, ALICE, alice, "now")
    assert isinstance(refused(world, parking.park, press("fault"), alice), NotParkable)
