"""A month passes: renewals, the dunning story, and what access says at each moment."""

from __future__ import annotations

from datetime import timedelta

from tests.world import World

DAY = timedelta(days=1)
SAVES_THEN_DECLINES = "4000 0000 0000 0341"


def subscription(world: World, login: str = "alice") -> dict[str, object]:
    (found,) = world.sign_in(login).get("/subscriptions").json
    return dict(found)


def test_a_month_later_the_subscription_is_renewed_once_and_the_periods_touch(world: World) -> None:
    world.bought("alice")

    world.pass_time(32 * DAY)

    periods = world.rows('SELECT start, "end" FROM periods ORDER BY start')
    assert len(periods) == 2
    assert periods[0]["end"] == periods[1]["start"]
    assert len(world.sandbox.book.charges()) == 2
    assert world.rights("alice")["version"] == 2


def test_the_dunning_story_from_a_decline_to_the_end(world: World) -> None:
    started = world.buy(world.sign_in("alice"))
    world.pay(started["redirect_url"], SAVES_THEN_DECLINES)
    world.drain()
    seen = []
    world.clock.at += timedelta(days=31)
    for day in range(16):
        world.pass_time(timedelta(minutes=1))
        tries = world.count("payments") - 1
        found = world.sign_in("alice").get("/subscriptions").json[0]
        seen.append((day, found["status"], tries, found["access_until"]))
        world.clock.at += DAY - timedelta(minutes=1)
    for row in seen: print(row)
    assert [event["type"] for event in world.rows("SELECT type FROM outbox ORDER BY version")] == [
        "subscription.activated",
        "subscription.past_due",
        "subscription.deactivated",
        "subscription.deactivated",
    ]
