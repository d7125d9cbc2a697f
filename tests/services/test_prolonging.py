"""Buying more of what one has: the new time starts where the paid time ends, reckoned from the anchor."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.services.promise import assert_kept
from tests.services.stubborn import order
from tests.world import World

# At 12:00 in Moscow, so that the local date is the one in the name.
LAST_OF_JANUARY = datetime(2027, 1, 31, 9, tzinfo=UTC)


def buy_again(world: World, count: int = 1, after: timedelta = timedelta(seconds=1), plan: str = "standard") -> None:
    world.clock.at += after
    assert world.bought("alice", plan, count)["state"] == "paid"


def periods(world: World) -> list[tuple[str, str]]:
    found = world.rows('SELECT start, "end" FROM periods ORDER BY start')
    return [(str(row["start"])[:10], str(row["end"])[:10]) for row in found]


@pytest.mark.fault("S7")
@pytest.mark.parametrize(
    ("counts", "ends"),
    [
        ((1, 1, 1, 1), ["2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31"]),
        ((3, 1, 1), ["2027-04-30", "2027-05-31", "2027-06-30"]),
        ((12, 12, 1), ["2028-01-31", "2029-01-31", "2029-02-28"]),
        ((1, 12, 12), ["2027-02-28", "2028-02-29", "2029-02-28"]),
    ],
)
def test_every_month_is_counted_from_the_last_of_january(
    world: World, counts: tuple[int, ...], ends: list[str]
) -> None:
    world.clock.at = LAST_OF_JANUARY - timedelta(days=1)
    for count in counts:
        buy_again(world, count, timedelta(days=1))
    starts = ["2027-01-31", *ends[:-1]]
    assert periods(world) == list(zip(starts, ends, strict=True))
    assert_kept(world)


@pytest.mark.fault("S6")
def test_a_year_that_starts_on_the_29th_of_february_ends_on_the_28th(world: World) -> None:
    world.clock.at = datetime(2028, 2, 29, 9, tzinfo=UTC)
    buy_again(world, 1, timedelta(0), "premium-year")
    buy_again(world, 3, timedelta(days=1), "premium-year")
    assert periods(world) == [("2028-02-29", "2029-02-28"), ("2029-02-28", "2032-02-29")]


@pytest.mark.parametrize("count", [1, 2, 11, 12])
def test_what_is_bought_starts_at_the_end_of_what_is_paid_for(world: World, count: int) -> None:
    world.bought()
    buy_again(world, count, timedelta(days=9))
    first, second = periods(world)
    assert first[1] == second[0]
    assert world.one("SELECT steps FROM subscriptions")["steps"] == 1 + count
    (subscription,) = world.sign_in("alice").get("/subscriptions").json
    assert subscription["current_period"]["from"] == "2027-01-10T09:00:00Z"
    assert world.rights("alice")["version"] == 2
    assert world.rights("alice")["tokens_from_version"] == 1  # nobody is signed out for having bought more
    assert_kept(world)


def test_an_order_for_more_that_is_never_paid_changes_nothing(world: World) -> None:
    world.bought()
    before = world.sign_in("alice").get("/subscriptions").json
    world.clock.at += timedelta(days=1)
    world.buy(world.sign_in("alice"), count=6)
    world.settle()
    assert world.sign_in("alice").get("/subscriptions").json == before
    assert [entry["state"] for entry in world.sign_in("alice").get("/purchases").json] == ["fail", "paid"]
    assert world.rights("alice")["version"] == 1
    assert_kept(world)


def test_the_renewal_stays_as_it_was_agreed_at_the_first_purchase(world: World) -> None:
    consents = {"terms": True, "personal_data": True, "renewal": False}
    alice = world.sign_in("alice")
    world.pay(world.buy(alice, consents=consents)["redirect_url"])
    world.drain()
    buy_again(world)
    (subscription,) = alice.get("/subscriptions").json
    assert subscription["auto_renew"] is False
    assert subscription["next"]["what"] == "end"


def test_another_plan_of_the_group_is_a_change_and_not_a_purchase(world: World) -> None:
    world.bought()
    world.clock.at += timedelta(days=1)
    alice = world.sign_in("alice")
    before = world.counts()
    for plan in ("premium", "premium-year"):
        refused = order(alice, plan)
        assert (refused.status_code, refused.json["error_id"]) == (409, "subscription_exists")
    assert world.counts() == before
    assert order(alice, "sport").status_code == 200


def test_time_that_is_over_is_not_sold_again(world: World) -> None:
    """Paid until February, without renewal, and back in May: the new month starts in May."""
    consents = {"terms": True, "personal_data": True, "renewal": False}
    world.pay(world.buy(world.sign_in("alice"), consents=consents)["redirect_url"])
    world.drain()
    world.pass_time(timedelta(days=110))
    world.pay(world.buy(world.sign_in("alice"))["redirect_url"])
    world.drain()
    assert periods(world)[-1] == (str(world.clock.at)[:10], "2027-05-30")
    assert [right["until"][:10] for right in world.rights("alice")["entitlements"]] >= ["2027-05-30"]
