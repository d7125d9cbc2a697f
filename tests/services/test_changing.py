"""Moving to a better plan: to the kopeck, once, and only when it is paid."""

from __future__ import annotations

from uuid import uuid4

from portal.domain.errors import (
    NotChangeable,
    NotFound,
    PaymentInProgress,
    QuoteVoid,
    UnknownProduct,
)
from portal.domain.money import Money
from portal.services import cancel, change_plan, methods, operator_refunds, refund
from portal.services.change_plan import Changed
from tests.services import desk
from tests.services.changes import BORIS, RUB, invoice_of, look, plan_of, refusal, take, upgraded, watches
from tests.services.month import (
    ALICE,
    ASKS_LATER,
    DAY,
    DECLINES_LATER,
    HOUR,
    MINUTE,
    NO_RENEWAL,
    dates,
    days_pass,
    do,
    invoice_row,
    may_watch,
    shown,
    subscribed,
    subscription_id,
    taken,
    told,
)
from tests.services.promise import uuid_of
from tests.services.stubborn import forget_faults, plan_fault
from tests.services.together import at_once
from tests.world import World, path_of


def test_a_dearer_plan_is_paid_for_the_time_that_is_left_and_runs_at_once(world: World) -> None:
    subscribed(world)
    world.pass_time(10 * DAY)
    seen = look(world)
    # 21 of 31 days: 499.00 * 21/31 = 338.032, 299.00 * 21/31 = 202.548; paid is 135.484
    assert (seen.quote.gross_minor, seen.quote.credit_minor, seen.quote.today.minor) == (33803, 20255, 13548)
    made = take(world, seen)
    assert made.redirect_url is None
    assert (taken(world), plan_of(world), watches(world)) == ([29900, 13548], "premium", ["premium"])
    assert told(world) == ["activated", "changed"]
    assert dates(world) == ["10 Jan - 10 Feb"]
    assert shown(world)["next"]["price"] == {"amount": 499.0, "currency": RUB}
    days_pass(world, 25)
    assert (taken(world), dates(world)[-1]) == ([29900, 13548, 49900], "10 Feb - 10 Mar")
    desk.assert_kept(world)


def test_what_is_shown_is_what_is_charged_however_long_the_page_was_read(world: World) -> None:
    subscribed(world)
    world.pass_time(10 * DAY)
    seen = look(world)
    world.pass_time(14 * MINUTE)
    take(world, seen)
    assert taken(world)[-1] == seen.quote.today.minor


def test_an_upgrade_is_refunded_alone_then_the_rest_to_the_kopeck(world: World) -> None:
    first = subscribed(world)
    second = upgraded(world)
    world.pass_time(7 * DAY)
    assert do(world, refund.offers_of, ALICE, first) == []
    offered = {one.kind: (one.amount.minor, one.returns_plan) for one in do(world, refund.offers_of, ALICE, second)}
    assert offered == {"unused": (9032, True), "full": (13548, True)}  # 13548 * 14/21
    do(world, refund.request, ALICE, second, Money(1000, RUB), "a little")
    world.drain()
    asked = uuid_of(world.one("SELECT id FROM refunds")["id"])
    do(world, operator_refunds.approve, desk.press("goodwill"), asked, "keep", Money(12548, RUB))
    world.drain()
    assert plan_of(world) == "premium"
    assert [o.amount.minor for o in do(world, refund.offers_of, ALICE, second)] == [8032]
    do(world, refund.accept, ALICE, second, "unused", None)
    world.drain()
    assert (plan_of(world), watches(world), shown(world)["status"]) == ("standard", ["standard"], "active")
    assert do(world, refund.offers_of, ALICE, second) == []
    do(world, refund.accept, ALICE, first, "unused", None)  # 29900 * 14/31
    world.drain()
    assert (desk.given_back(world), shown(world)["status"]) == ([1000, 8032, 13503], "ended")
    desk.assert_kept(world)


def test_what_was_given_back_is_not_credited(world: World) -> None:
    first = subscribed(world)
    world.pass_time(10 * DAY)
    paid = desk.payment_of(world, first)
    do(world, operator_refunds.give, desk.press("goodwill"), paid, Money(10000, RUB), Money(29900, RUB), "keep")
    world.drain()
    seen = look(world)
    assert seen.quote.today.minor == 20323  # 49900 * 21/31 - 19900 * 21/31
    assert seen.quote.credit_minor == 13480
    take(world, seen)
    do(world, cancel.cancel, ALICE, subscription_id(world), "now")
    world.drain()
    assert (taken(world), desk.given_back(world), may_watch(world)) == ([29900, 20323], [10000], False)
    desk.assert_kept(world)


def test_two_changes_are_credited_one_after_the_other(world: World) -> None:
    subscribed(world)
    upgraded(world)
    world.pass_time(7 * DAY)
    seen = look(world, "premium-year")
    # What is left of 299.00 (14 of 31 days) and of 135.48 (14 of 21): 135.032 + 90.32
    price = seen.new.price.amount_minor
    assert (seen.quote.anew, seen.quote.credit_minor) == (True, 22535)
    take(world, seen)
    assert taken(world)[-1] == price - 22535
    assert (plan_of(world), dates(world)) == ("premium-year", ["10 Jan - 27 Jan", "27 Jan - 27 Jan"])
    assert shown(world)["next"] == {
        "what": "renewal",
        "at": "2028-01-27T09:00:00Z",
        "price": {"amount": price / 100, "currency": RUB},
    }
    desk.assert_kept(world)


def test_a_declined_change_changes_nothing(world: World) -> None:
    subscribed(world, DECLINES_LATER)
    world.pass_time(10 * DAY)
    made = take(world, look(world))
    invoice = invoice_of(world, made.invoice_id)
    assert (invoice["state"], invoice["fail_reason"]) == ("fail", "declined")
    assert (plan_of(world), watches(world), told(world), taken(world)) == (
        "standard",
        ["standard"],
        ["activated"],
        [29900],
    )
    assert shown(world)["status"] == "active"
    assert look(world).quote.today.minor == 13548  # and it can be tried once more
    desk.assert_kept(world)


def test_an_answer_that_got_lost_moves_the_plan_when_it_is_found(world: World) -> None:
    subscribed(world)
    world.pass_time(10 * DAY)
    plan_fault(world, "timeout_after", "charge", hold_seconds=0)
    seen = look(world)
    do(world, change_plan.change, ALICE, seen.quote.subscription_id, "premium", seen.quote.id)
    assert plan_of(world) == "standard"
    assert isinstance(
        refusal(world, change_plan.preview, ALICE, seen.quote.subscription_id, "premium"), PaymentInProgress
    )
    world.settle(hours=2)
    assert (plan_of(world), taken(world), told(world)) == ("premium", [29900, 13548], ["activated", "changed"])
    desk.assert_kept(world)


def test_money_for_a_time_that_is_over_goes_back_by_itself(world: World) -> None:
    subscribed(world)
    world.pass_time(30 * DAY)
    plan_fault(world, "timeout_after", "charge", hold_seconds=0)
    plan_fault(world, "timeout_before", "find", times=100, hold_seconds=0)
    seen = look(world)
    do(world, change_plan.change, ALICE, seen.quote.subscription_id, "premium", seen.quote.id)
    world.clock.at += 2 * DAY
    forget_faults(world)
    world.settle(hours=3)
    assert plan_of(world) == "standard"
    assert desk.given_back(world) == [seen.quote.today.minor]
    assert invoice_of(world, uuid_of(invoice_row(world, "plan_change")["id"]))["state"] == "fail"
    desk.assert_kept(world)


def test_the_bank_wants_to_see_the_customer(world: World) -> None:
    subscribed(world, ASKS_LATER)
    world.pass_time(10 * DAY)
    made = take(world, look(world))
    assert made.redirect_url is not None
    assert (plan_of(world), taken(world)) == ("standard", [29900])
    page = f"{path_of(made.redirect_url)}/confirm"
    world.app.test_client().post(page, data={"decision": "confirm"})
    world.drain()
    world.settle(hours=1)
    assert (plan_of(world), taken(world)) == ("premium", [29900, 13548])
    desk.assert_kept(world)


def test_nobody_confirms_in_time(world: World) -> None:
    subscribed(world, ASKS_LATER)
    world.pass_time(10 * DAY)
    made = take(world, look(world))
    days_pass(world, 2)
    assert invoice_of(world, made.invoice_id)["state"] == "fail"
    assert (plan_of(world), shown(world)["status"], taken(world)) == ("standard", "active", [29900])
    desk.assert_kept(world)


def test_without_a_method_it_is_paid_on_a_page(world: World) -> None:
    subscribed(world, **NO_RENEWAL)
    world.pass_time(10 * DAY)
    seen = look(world)
    assert (seen.method_title, seen.renews) == (None, False)
    made = take(world, seen)
    assert made.redirect_url is not None
    world.pay(made.redirect_url)
    world.drain()
    assert (plan_of(world), taken(world), shown(world)["auto_renew"]) == ("premium", [29900, 13548], False)
    desk.assert_kept(world)


def test_a_removed_card_is_not_charged_for_a_change(world: World) -> None:
    subscribed(world)
    world.pass_time(10 * DAY)
    method = uuid_of(world.one("SELECT id FROM payment_methods")["id"])
    seen = look(world)
    do(world, methods.remove, ALICE, method)
    assert isinstance(
        refusal(world, change_plan.change, ALICE, seen.quote.subscription_id, "premium", seen.quote.id), QuoteVoid
    )
    made = take(world, look(world))
    assert (made.redirect_url is not None, taken(world)) == (True, [29900])


def test_a_quote_is_good_for_a_quarter_of_an_hour_for_one_and_once(world: World) -> None:
    subscribed(world)
    world.pass_time(10 * DAY)
    seen = look(world)
    guid = seen.quote.subscription_id
    assert isinstance(refusal(world, change_plan.change, BORIS, guid, "premium", seen.quote.id), NotFound)
    assert isinstance(refusal(world, change_plan.change, ALICE, guid, "premium", uuid4()), NotFound)
    assert isinstance(refusal(world, change_plan.change, ALICE, guid, "premium-year", seen.quote.id), NotFound)
    world.pass_time(15 * MINUTE)
    assert isinstance(refusal(world, change_plan.change, ALICE, guid, "premium", seen.quote.id), QuoteVoid)
    fresh = look(world)
    take(world, fresh)
    assert isinstance(refusal(world, change_plan.change, ALICE, guid, "premium", fresh.quote.id), QuoteVoid)
    assert taken(world) == [29900, fresh.quote.today.minor]


def test_a_quote_is_void_when_the_subscription_has_changed(world: World) -> None:
    subscribed(world)
    world.pass_time(10 * DAY)
    seen = look(world)
    do(world, cancel.cancel, ALICE, seen.quote.subscription_id, "period_end")
    assert isinstance(
        refusal(world, change_plan.change, ALICE, seen.quote.subscription_id, "premium", seen.quote.id), QuoteVoid
    )
    assert taken(world) == [29900]


def test_two_tabs_pay_once(world: World) -> None:
    subscribed(world)
    world.pass_time(10 * DAY)
    tabs = [look(world), look(world)]
    acts = [
        desk.or_refused(world, change_plan.change, ALICE, tab.quote.subscription_id, "premium", tab.quote.id)
        for tab in [*tabs, tabs[0]]
    ]
    answers = at_once(*acts)
    world.drain()
    assert len([one for one in answers if isinstance(one, Changed)]) == 1
    assert (taken(world), plan_of(world)) == ([29900, 13548], "premium")
    desk.assert_kept(world)


def test_from_months_to_a_year_with_what_is_unused_credited(world: World) -> None:
    subscribed(world, plan="premium", count=2)
    world.pass_time(10 * DAY)
    seen = look(world, "premium-year")
    # 99800 * (21/31 + 1) / 2
    assert seen.quote.credit_minor == 83703
    take(world, seen)
    assert taken(world) == [99800, seen.new.price.amount_minor - 83703]
    assert dates(world) == ["10 Jan - 20 Jan", "20 Jan - 20 Jan"]
    assert told(world) == ["activated", "changed"]
    desk.assert_kept(world)


def test_too_little_to_be_charged_is_free(world: World) -> None:
    subscribed(world)
    world.pass_time(31 * DAY - HOUR)  # 200.00 for an hour of 31 days: 0.27
    seen = look(world)
    assert (seen.quote.today.minor, seen.quote.waived_minor) == (0, 27)
    assert take(world, seen) == Changed(None, None)
    assert (plan_of(world), taken(world), told(world)) == ("premium", [29900], ["activated", "changed"])
    desk.assert_kept(world)


def test_what_cannot_be_changed_is_refused(world: World) -> None:
    subscribed(world)
    guid = subscription_id(world)
    assert isinstance(refusal(world, change_plan.preview, ALICE, guid, "standard"), NotChangeable)
    assert isinstance(refusal(world, change_plan.preview, ALICE, guid, "nothing"), UnknownProduct)
    assert isinstance(refusal(world, change_plan.preview, BORIS, guid, "premium"), NotFound)
    world.clock.at += MINUTE
    world.buy(world.sign_in("alice"))
    assert isinstance(refusal(world, change_plan.preview, ALICE, guid, "premium"), PaymentInProgress)
