"""Another plan in the cabinet: choose, see every sum, confirm exactly that; call it off."""

from __future__ import annotations

from datetime import timedelta

from tests.web.cabinet.visitor import Visitor
from tests.world import World

DAY = timedelta(days=1)


def test_a_better_plan_is_chosen_seen_and_paid(world: World) -> None:
    world.bought("alice")
    world.pass_time(10 * DAY)
    visitor = Visitor(world).open("/cabinet").click("Change plan")
    visitor.says("You have Standard", "Premium, RUB 499.00 per month")
    visitor.press("See what it comes to", product="premium")
    visitor.says("From Standard to Premium.", "Premium until 10 February 2027", "RUB 338.03")
    visitor.says("Unused part of what you have paid", "RUB 202.55", "To pay today RUB 135.48")
    visitor.says("10 February 2027, RUB 499.00", "Visa")
    visitor.press("Pay RUB 135.48")
    world.drain()
    visitor.open(visitor.path)
    visitor.says("The payment went through")
    visitor.open("/cabinet").says("Premium")
    assert world.one("SELECT count(*) AS n FROM payments")["n"] == 2


def test_the_same_button_again_shows_what_it_did(world: World) -> None:
    world.bought("alice")
    world.pass_time(10 * DAY)
    visitor = Visitor(world).open("/cabinet").click("Change plan").press("See what it comes to", product="premium")
    page = visitor.page
    visitor.press("Pay RUB 135.48")
    paid = visitor.path
    visitor.page = page
    visitor.press("Pay RUB 135.48")
    assert visitor.path == paid
    assert world.one("SELECT count(*) AS n FROM payments")["n"] == 2


def test_a_page_that_lay_too_long_shows_the_sums_of_now(world: World) -> None:
    world.bought("alice")
    world.pass_time(10 * DAY)
    visitor = Visitor(world).open("/cabinet").click("Change plan").press("See what it comes to", product="premium")
    world.clock.at += timedelta(minutes=15)
    visitor.press("Pay RUB 135.48")
    assert visitor.status == 409
    visitor.says("Pay RUB 135.4", "These sums no longer hold", "Nothing has been charged")
    assert world.one("SELECT count(*) AS n FROM payments")["n"] == 1


def test_a_cheaper_plan_is_shown_beside_the_next_charge_and_called_off(world: World) -> None:
    world.bought("alice", "premium")
    visitor = Visitor(world).open("/cabinet").click("Change plan").press("See what it comes to", product="standard")
    visitor.says("Premium stays until 10 February 2027, and then Standard begins.", "To pay today RUB 0.00")
    visitor.press("Change from 10 February 2027")
    visitor.says("From 10 February 2027: Standard", "RUB 299.00 instead of RUB 499.00")
    visitor.press("Keep Premium")
    assert "instead of" not in visitor.read


def test_whoever_wants_to_buy_another_plan_is_led_to_the_change(world: World) -> None:
    world.bought("alice")
    visitor = Visitor(world).open("/buy/premium")
    assert visitor.status == 409
    visitor.says("You already have a subscription", "Nothing has been charged")
    visitor.click("Change plan").says("Which plan would you like?")


def test_nothing_chosen_is_said(world: World) -> None:
    world.bought("alice")
    visitor = Visitor(world).open("/cabinet").click("Change plan").press("See what it comes to")
    assert visitor.status == 422
    visitor.says("Choose a plan")
