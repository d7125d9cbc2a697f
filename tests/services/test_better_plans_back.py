"""Money for a better plan goes back: by an operator's word, and what the customer may see of it."""

from __future__ import annotations

import pytest

from portal.domain.errors import InvalidRequest
from portal.domain.money import Money
from portal.services import operator_refunds, refund
from tests.services import desk
from tests.services.changes import RUB, look, plan_of, take, upgraded, watches
from tests.services.month import ALICE, DAY, do, shown, subscribed, taken, told
from tests.services.promise import assert_kept
from tests.world import World


@pytest.mark.parametrize(
    ("effect", "plan", "renews"),
    [("old_plan", "standard", True), ("keep", "premium", True), ("period_end", "premium", False)],
)
def test_an_operator_says_what_becomes_of_the_plan(world: World, effect: str, plan: str, renews: bool) -> None:
    subscribed(world)
    second = upgraded(world)
    paid, whole = desk.payment_of(world, second), Money(13548, RUB)
    do(world, operator_refunds.give, desk.press("goodwill"), paid, whole, whole, effect)
    world.drain()
    assert (plan_of(world), watches(world), shown(world)["auto_renew"]) == (plan, [plan], renews)
    assert desk.given_back(world) == [13548]
    desk.assert_kept(world)


def test_the_old_plan_comes_back_with_no_other_money(world: World) -> None:
    first = subscribed(world)
    paid, whole = desk.payment_of(world, first), Money(29900, RUB)
    given = (desk.press("goodwill"), paid, whole, whole, "old_plan")
    assert isinstance(desk.refused(world, operator_refunds.give, *given), InvalidRequest)


def test_after_the_old_plan_has_come_back_it_can_be_bettered_again(world: World) -> None:
    subscribed(world)
    second = upgraded(world)
    assert_kept(world)
    do(world, refund.accept, ALICE, second, "unused", None)
    world.drain()
    assert (plan_of(world), told(world)) == ("standard", ["activated", "changed", "changed"])
    world.pass_time(DAY)
    seen = look(world)
    assert seen.quote.today.minor == 12903  # 200.00 * 20/31
    take(world, seen)
    assert (plan_of(world), taken(world)) == ("premium", [29900, 13548, 12903])
    desk.assert_kept(world)
