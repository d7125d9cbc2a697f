"""What was taken back past us is found without its webhook, once a day, and nobody is asked about what is known."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from portal.demo.sandbox import listing
from portal.domain.money import Money
from portal.services import operator_refunds, reconcile
from portal.services.reconcile import CouldNotReconcile
from tests.services.bank import bank, disputed, made, money, payment_of, quietly, refund_by_hand
from tests.services.desk import assert_kept, press
from tests.services.month import DAY, HOUR, MINUTE, days_pass, do, may_watch, shown, subscribed, taken, told
from tests.services.stubborn import forget_faults, plan_fault
from tests.services.test_unknown import sends
from tests.world import World

RUB = "RUB"
ALL = 29900


@pytest.fixture
def paid(world: World) -> UUID:
    """Alice's month, paid a while ago."""
    payment = payment_of(world, subscribed(world))
    world.pass_time(3 * DAY)
    return payment


def lose_webhooks(world: World) -> None:
    plan_fault(world, "drop", "webhook", times=1000)


def back_soon(world: World) -> None:
    """Within a day, by the jobs alone."""
    for _ in range(24):
        world.pass_time(HOUR)


@pytest.mark.fault("W10")
def test_a_dispute_whose_webhook_never_came_is_found_within_a_day(world: World, paid: UUID) -> None:
    lose_webhooks(world)
    bank(world, paid)
    assert disputed(world) == []
    back_soon(world)
    assert (disputed(world), money(world, paid)) == ([("open", ALL)], (0, 0, ALL))
    assert (shown(world)["status"], shown(world)["auto_renew"], may_watch(world)) == ("active", False, True)
    days_pass(world, 40)
    assert (taken(world), shown(world)["status"], told(world)[1:]) == ([ALL], "ended", ["cancelled", "deactivated"])
    assert_kept(world)


@pytest.mark.fault("W10")
def test_a_dispute_that_was_lost_before_anybody_heard_of_it_ends_the_subscription(world: World, paid: UUID) -> None:
    lose_webhooks(world)
    bank(world, paid)
    bank(world, paid, "lost")
    back_soon(world)
    assert (disputed(world), money(world, paid), may_watch(world)) == ([("lost", ALL)], (ALL, 0, 0), False)
    assert_kept(world)


@pytest.mark.fault("W10", "P24")
@pytest.mark.parametrize(("amount", "status"), [(10000, "active"), (ALL, "ended")])
def test_a_refund_made_by_hand_whose_webhook_never_came_is_found_within_a_day(
    world: World, paid: UUID, amount: int, status: str
) -> None:
    lose_webhooks(world)
    refund_by_hand(world, paid, amount)
    assert made(world) == []
    back_soon(world)
    assert [(reason, state, sum_) for reason, state, sum_, _ in made(world)] == [("provider", "succeeded", amount)]
    assert (money(world, paid), shown(world)["status"], may_watch(world)) == ((amount, 0, 0), status, amount < ALL)
    assert_kept(world)


@pytest.mark.fault("W10")
def test_money_taken_after_a_no_and_without_a_webhook_is_found_within_a_day(world: World) -> None:
    plan_fault(world, "declined_then_late", "pay", after=7200)
    started = world.buy(world.sign_in("alice"))
    world.pay(started["redirect_url"])
    world.drain()
    lose_webhooks(world)
    assert (taken(world), may_watch(world)) == ([], False)
    world.pass_time(2 * HOUR)
    back_soon(world)
    payment = world.one("SELECT state, refunded_minor FROM payments")
    assert (taken(world), payment["state"]) == ([ALL], "succeeded")
    assert may_watch(world) or payment["refunded_minor"] == ALL
    assert_kept(world)


def test_after_weeks_of_standing_still_what_happened_meanwhile_is_found(world: World, paid: UUID) -> None:
    lose_webhooks(world)
    refund_by_hand(world, paid, 10000)
    world.clock.at += 25 * DAY
    world.pass_time(MINUTE)
    assert money(world, paid) == (10000, 0, 0)


def test_nobody_is_asked_about_what_is_known(world: World, paid: UUID) -> None:
    plan_fault(world, "timeout_after", "refund", hold_seconds=0)
    give = press("goodwill"), paid, Money(5000, RUB), Money(ALL, RUB), "keep"
    do(world, operator_refunds.give, *give)
    refund_by_hand(world, paid, 1000)
    plan_fault(world, "decline", "refund")
    refund_by_hand(world, paid, 2000, deliver=False)
    bank(world, paid)
    for _ in range(3):
        world.clock.at += DAY
        questions = sends(world, "find")
        assert do(world, reconcile.run_once) == 0
        assert sends(world, "find") == questions
    world.settle(3)
    assert_kept(world)


def test_it_looks_once_a_day_whoever_wakes_it(world: World, paid: UUID) -> None:
    looks = sends(world, "list")
    for _ in range(5 * 24):
        world.clock.at += HOUR
        do(world, reconcile.run_once)
    assert sends(world, "list") - looks == 5 * len(reconcile.COMPARED)
    assert do(world, reconcile.next_due) - world.clock.now() <= DAY


def test_before_the_first_payment_nothing_is_due(world: World) -> None:
    assert do(world, reconcile.next_due) is None
    assert (do(world, reconcile.run_once), sends(world, "list")) == (0, 0)


@pytest.mark.fault("W10")
@pytest.mark.parametrize("fault", ["error_before", "garbage", "rate_limited"])
def test_a_payment_system_that_cannot_tell_leaves_it_due(world: World, paid: UUID, fault: str) -> None:
    lose_webhooks(world)
    refund_by_hand(world, paid, 10000)
    world.clock.at += DAY
    plan_fault(world, fault, "list", times=2)
    due = do(world, reconcile.next_due)
    for _ in range(2):
        with pytest.raises(CouldNotReconcile, match="sandbox does not tell its payments"):
            do(world, reconcile.run_once)
        assert do(world, reconcile.next_due) == due <= world.clock.now()
    assert do(world, reconcile.run_once) == 1
    assert do(world, reconcile.next_due) == world.clock.now() + DAY
    assert money(world, paid) == (10000, 0, 0)


def test_all_pages_are_read_and_of_each_only_what_is_ours_is_asked_about(
    world: World, paid: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE", 2)
    lose_webhooks(world)
    for _ in range(5):
        refund_by_hand(world, paid, 1000)
    world.write("UPDATE payments SET provider = 'another'")
    world.clock.at += DAY
    assert do(world, reconcile.run_once) == 0
    world.write("UPDATE payments SET provider = 'sandbox'")
    world.clock.at += DAY
    asked = do(world, reconcile.run_once)
    assert (asked, len(made(world)), money(world, paid)) == (1, 5, (5000, 0, 0))


def test_what_could_not_be_settled_at_once_is_found_again_the_next_day(world: World, paid: UUID) -> None:
    lose_webhooks(world)
    quietly(world, paid)
    world.clock.at += DAY
    plan_fault(world, "error_before", "find", times=10)
    assert (do(world, reconcile.run_once), disputed(world)) == (1, [])
    forget_faults(world)
    world.clock.at += DAY + timedelta(minutes=1)
    assert (do(world, reconcile.run_once), disputed(world)) == (1, [("open", ALL)])
