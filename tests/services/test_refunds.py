"""Money back: the two offers, sums an operator looks at, and a provider that answers late, wrongly or never."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from portal.domain.errors import ExceedsRefundable, InvalidAmount, NotFound, NotRefundable
from portal.domain.money import Money
from portal.domain.user import Person
from portal.providers.port import Answer, RefundOrder
from portal.services import give_back, operator_refunds, refund
from tests.services import books
from tests.services.desk import press
from tests.services.month import (
    ALICE,
    DAY,
    HOUR,
    NO_RENEWAL,
    dates,
    days_pass,
    do,
    may_watch,
    shown,
    subscribed,
    taken,
    told,
)
from tests.services.promise import (
    auth_knows,
    history_is_a_path,
    inbox_is_done,
    nothing_left_open,
    refunds_add_up,
    versions_without_gaps,
)
from tests.services.stubborn import plan_fault
from tests.services.together import at_once
from tests.world import World

RUB = "RUB"


def assert_kept(world: World) -> None:
    checks = (auth_knows, history_is_a_path, inbox_is_done, nothing_left_open, refunds_add_up, versions_without_gaps)
    assert [sentence for check in (*checks, *books.CHECKS) for sentence in check(world)] == []


def offered(world: World, invoice: UUID) -> dict[str, tuple[int, bool]]:
    return {o.kind: (o.amount.minor, o.ends_access) for o in do(world, refund.offers_of, ALICE, invoice)}


def ask(world: World, invoice: UUID, minor: int, currency: str = RUB) -> UUID:
    made = do(world, refund.request, ALICE, invoice, Money(minor, currency), "changed my mind")
    world.drain()
    return made


def given_back(world: World) -> list[int]:
    return [one["amount"] for one in world.sandbox.book.refunds() if one["state"] == "succeeded"]


def states(world: World) -> list[str]:
    return [row["state"] for row in world.rows("SELECT state FROM refunds ORDER BY created_at, id")]


def test_the_full_offer_gives_all_back_and_ends_access_with_one_event(world: World) -> None:
    invoice = subscribed(world)
    world.pass_time(2 * DAY)
    assert offered(world, invoice) == {"unused": (27971, True), "full": (29900, True)}
    ask(world, invoice, 29900)
    assert (given_back(world), states(world), shown(world)["status"]) == ([29900], ["succeeded"], "ended")
    assert (told(world), may_watch(world)) == (["activated", "deactivated"], False)
    assert world.one("SELECT end_reason FROM subscriptions")["end_reason"] == "refunded"
    days_pass(world, 40)
    assert taken(world) == [29900]
    assert_kept(world)


def test_the_unused_share_is_exact_to_the_kopeck(world: World) -> None:
    invoice = subscribed(world)
    world.pass_time(20 * DAY)
    assert offered(world, invoice) == {"unused": (10610, True)}  # 11 of 31 days, half up
    ask(world, invoice, 10610)
    assert (given_back(world), shown(world)["status"]) == ([10610], "ended")
    assert offered(world, invoice) == {}
    assert_kept(world)


def test_of_three_months_those_that_have_not_begun_come_back_whole(world: World) -> None:
    invoice = subscribed(world, count=3)
    world.pass_time(45 * DAY)  # 24 February: 14 of the second month's 28 days are left
    assert offered(world, invoice) == {"unused": (44850, True)}
    ask(world, invoice, 44850)
    assert shown(world)["status"] == "ended"
    assert_kept(world)


def test_time_that_has_not_begun_is_given_back_alone_and_renewal_stays(world: World) -> None:
    first = subscribed(world)
    world.clock.at += HOUR
    second = subscribed(world)
    assert offered(world, first) == {}
    assert offered(world, second) == {"unused": (29900, False)}
    ask(world, second, 29900)
    now = shown(world)
    assert (now["status"], now["auto_renew"], now["next"]["at"]) == ("active", True, "2027-02-10T09:00:00Z")
    assert told(world) == ["activated", "renewed", "changed"]
    assert dates(world) == ["10 Jan - 10 Feb"]
    assert offered(world, first).keys() == {"unused"} or offered(world, first).keys() == {"unused", "full"}
    world.pass_time(31 * DAY)
    assert dates(world) == ["10 Jan - 10 Feb", "10 Feb - 10 Mar"]
    assert_kept(world)


def test_the_full_offer_is_there_once_a_year_in_a_group(world: World) -> None:
    first = subscribed(world)
    world.pass_time(DAY)
    ask(world, first, 29900)
    again = subscribed(world)
    world.pass_time(DAY)
    assert offered(world, again).keys() == {"unused"}
    sport = subscribed(world, plan="sport")
    world.pass_time(DAY)
    assert offered(world, sport).keys() == {"unused", "full"}
    ask(world, again, 29900)
    assert states(world) == ["succeeded", "requested"]
    assert_kept(world)


def test_the_full_offer_ends_with_its_window(world: World) -> None:
    invoice = subscribed(world)
    world.pass_time(14 * DAY - timedelta(seconds=1))
    assert "full" in offered(world, invoice)
    world.pass_time(timedelta(seconds=1))
    assert "full" not in offered(world, invoice)


def test_another_sum_waits_for_an_operator_and_is_kept_apart(world: World) -> None:
    invoice = subscribed(world)
    ask(world, invoice, 10000)
    days_pass(world, 3)
    assert (states(world), given_back(world), shown(world)["status"]) == (["requested"], [], "active")
    assert told(world) == ["activated"]
    with pytest.raises(ExceedsRefundable) as refused:
        ask(world, invoice, 20000)
    assert refused.value.facts["available"] == Money(19900, RUB)


def test_under_the_manual_policy_an_offer_waits_too(make_world: Callable[..., World]) -> None:
    world = make_world(refund_policy="manual")
    world.seed()
    invoice = subscribed(world)
    ask(world, invoice, 29900)
    days_pass(world, 2)
    assert (states(world), given_back(world), shown(world)["status"]) == (["requested"], [], "active")
    assert may_watch(world)
    assert_kept(world)


@pytest.mark.fault("C8")
def test_of_two_that_ask_for_more_than_half_at_once_one_is_told_what_is_left(world: World) -> None:
    invoice = subscribed(world)

    def sixty_percent() -> object:
        try:
            return do(world, refund.request, ALICE, invoice, Money(17940, RUB), None)
        except ExceedsRefundable as error:
            return error.facts["available"]

    answers = at_once(sixty_percent, sixty_percent)
    assert sorted(isinstance(answer, UUID) for answer in answers) == [False, True]
    assert Money(11960, RUB) in answers
    assert world.one("SELECT reserved_minor FROM payments")["reserved_minor"] == 17940


@pytest.mark.fault("C10")
def test_what_was_never_paid_is_not_refunded(world: World) -> None:
    started = world.buy(world.sign_in("alice"))
    with pytest.raises(NotRefundable):
        ask(world, UUID(started["invoice_guid"]), 29900)
    plan_fault(world, "pending_then_late", "pay")
    world.pay(started["redirect_url"])
    world.drain()
    with pytest.raises(NotRefundable):
        ask(world, UUID(started["invoice_guid"]), 29900)
    assert world.count("refunds") == 0


def test_foreign_unknown_and_impossible_sums_change_nothing(world: World) -> None:
    invoice = subscribed(world)
    before = world.counts()
    for person, which in ((Person("boris"), invoice), (ALICE, uuid4())):
        with pytest.raises(NotFound):
            do(world, refund.request, person, which, Money(100, RUB), None)
        with pytest.raises(NotFound):
            do(world, refund.offers_of, person, which)
    for sum_ in (Money(0, RUB), Money(-100, RUB), Money(100, "USD")):
        with pytest.raises(InvalidAmount):
            do(world, refund.request, ALICE, invoice, sum_, None)
    with pytest.raises(ExceedsRefundable):
        ask(world, invoice, 29901)
    for text in ("1.001", "NaN", "Infinity", "1e400"):
        with pytest.raises(InvalidAmount):
            Money.parse(Decimal(text), RUB)
    assert world.counts() == before


def test_access_ends_when_the_provider_has_accepted_and_once(world: World) -> None:
    invoice = subscribed(world)
    plan_fault(world, "pending_then_late", "refund", after=2 * 86400)
    ask(world, invoice, 29900)
    assert (states(world), shown(world)["status"]) == (["pending"], "ended")
    assert world.one("SELECT reserved_minor, refunded_minor FROM payments") == {
        "reserved_minor": 29900,
        "refunded_minor": 0,
    }
    days_pass(world, 3)
    assert (states(world), given_back(world)) == (["succeeded"], [29900])
    assert told(world) == ["activated", "deactivated"]
    assert_kept(world)


@pytest.mark.fault("P23")
def test_a_refund_that_fails_days_later_frees_its_sum_and_gives_no_access_back(world: World) -> None:
    invoice = subscribed(world)
    plan_fault(world, "pending_then_late", "refund", after=3 * 86400, outcome="failed")
    ask(world, invoice, 29900)
    days_pass(world, 5)
    assert (states(world), shown(world)["status"], given_back(world)) == (["failed"], "ended", [])
    assert world.one("SELECT reserved_minor, refunded_minor FROM payments") == {
        "reserved_minor": 0,
        "refunded_minor": 0,
    }
    assert told(world) == ["activated", "deactivated"]
    assert_kept(world)


@pytest.mark.fault("P23")
@pytest.mark.parametrize("heard", ["by webhook", "within a day, the webhook lost"])
def test_money_that_comes_back_after_its_refund_had_succeeded_can_be_given_once_more(world: World, heard: str) -> None:
    """As where the card was closed meanwhile: the payment system said yes, the bank days later no."""
    invoice = subscribed(world)
    plan_fault(world, "comes_back", "refund", after=3 * 86400)
    asked = ask(world, invoice, 10000)
    do(world, operator_refunds.approve, press("goodwill"), asked, "keep", Money(19900, RUB))
    world.drain()
    assert (states(world), given_back(world)) == (["succeeded"], [10000])
    if heard != "by webhook":
        plan_fault(world, "drop", "webhook", times=1000)
    days_pass(world, 5)
    assert (states(world), given_back(world)) == (["failed"], [])
    assert world.one("SELECT reserved_minor, refunded_minor FROM payments") == {
        "reserved_minor": 0,
        "refunded_minor": 0,
    }
    assert_kept(world)
    ask(world, invoice, 29900)
    days_pass(world, 40)
    assert (states(world), given_back(world), shown(world)["status"]) == (["failed", "succeeded"], [29900], "ended")
    assert_kept(world)


def test_a_refund_that_is_declined_at_once_changes_no_access(world: World) -> None:
    invoice = subscribed(world)
    plan_fault(world, "decline", "refund")
    ask(world, invoice, 29900)
    assert (states(world), shown(world)["status"]) == (["failed"], "active")
    assert told(world) == ["activated"]
    world.clock.at += HOUR
    ask(world, invoice, 29900)
    assert (states(world), shown(world)["status"]) == (["failed", "succeeded"], "ended")
    assert_kept(world)


@pytest.mark.parametrize(
    "fault",
    ["timeout_before", "timeout_after", "error_before", "error_after", "garbage", "reset_after", "rate_limited"],
)
def test_a_refund_is_made_once_whatever_its_call_meets(world: World, fault: str) -> None:
    invoice = subscribed(world, **NO_RENEWAL)
    plan_fault(world, fault, "refund", hold_seconds=0)
    ask(world, invoice, 29900)
    for _ in range(4 if fault != "error_before" else 72):
        world.pass_time(HOUR)
    assert (states(world), given_back(world), shown(world)["status"]) == (["succeeded"], [29900], "ended")
    assert told(world) == ["activated", "deactivated"]
    assert_kept(world)


def test_a_second_send_that_is_turned_away_says_nothing_of_the_first(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker sends what the page is sending at that moment, and is told to come later."""
    invoice = subscribed(world, **NO_RENEWAL)
    provider = world.app.extensions["matinee"].providers["sandbox"]
    send = provider.refund

    def meanwhile(order: RefundOrder) -> Answer:
        monkeypatch.setattr(provider, "refund", send)
        plan_fault(world, "rate_limited", "refund")
        give_back.send(UUID(order.reference.removeprefix("refund:")))
        return send(order)

    monkeypatch.setattr(provider, "refund", meanwhile)
    ask(world, invoice, 29900)
    assert (states(world), given_back(world)) == (["succeeded"], [29900])
    assert_kept(world)


def test_a_demand_for_the_next_month_goes_with_a_refund_that_ends_it(world: World) -> None:
    """The next month was not reached yet, and the last one is given back nothing is left owed."""
    invoice = subscribed(world)
    world.pass_time(2 * DAY)
    world.buy(world.sign_in("alice"))
    ask(world, invoice, offered(world, invoice)["full"][0])
    assert shown(world)["status"] == "ended"
    days_pass(world, 3)
    assert {row["state"] for row in world.rows("SELECT state FROM invoices")} == {"paid", "fail"}
    assert_kept(world)
