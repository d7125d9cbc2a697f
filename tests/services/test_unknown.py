"""What nobody can tell for days: how it is looked for, when it counts as never sent, and when a person is called."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest

from portal.db.session import db
from portal.domain.errors import AlreadyDone, NotAskable
from portal.domain.outcome import Outcome
from portal.providers.port import Answer
from portal.services import ask_again, buy, save_method
from portal.services.ask import Heard
from portal.services.settle import settle
from tests.services.desk import entry, press, refused
from tests.services.month import (
    AGREED,
    ALICE,
    ASKS_LATER,
    DAY,
    DECLINES_LATER,
    HOUR,
    MINUTE,
    days_pass,
    do,
    invoice_id,
    save_card,
    shown,
    subscribed,
    taken,
    told,
)
from tests.services.promise import assert_kept, moment_of, uuid_of
from tests.services.stubborn import forget_faults, invoices_of, order, plan_fault
from tests.world import World, path_of

MONTH = timedelta(days=31)
LOST_PAGE = Answer(Outcome.requires_action, provider_ref="pay_1", redirect_url="https://pay.example/1")


def charge_of(world: World) -> UUID:
    return uuid_of(world.one("SELECT id FROM payments WHERE kind = 'charge'")["id"])


def review_of(world: World, table: str = "payments") -> object:
    return world.one(f"SELECT review_at FROM {table} ORDER BY created_at DESC LIMIT 1")["review_at"]  # noqa: S608


def sends(world: World, operation: str) -> int:
    return [one["operation"] for one in world.sandbox.book.requests()].count(operation)


def silent_renewal(world: World) -> None:
    """Charged, and nobody can tell: every question is lost."""
    subscribed(world)
    plan_fault(world, "timeout_after", "charge", hold_seconds=0)
    plan_fault(world, "timeout_before", "find", times=1000, hold_seconds=0)
    plan_fault(world, "drop", "webhook", times=10)
    world.clock.at += MONTH
    world.run_jobs()


@pytest.mark.fault("P5")
def test_a_charge_of_unknown_outcome_calls_a_person_after_five_daily_questions_and_parks(world: World) -> None:
    silent_renewal(world)
    for _ in range(5 * 24):
        world.pass_time(HOUR)
    assert review_of(world) is None
    days_pass(world, 1)
    assert review_of(world) is not None
    assert world.one("SELECT park_reason FROM subscriptions")["park_reason"] == "review"
    assert told(world)[-1] == "parked"
    questions = sends(world, "find")
    days_pass(world, 10)
    assert (sends(world, "find"), sends(world, "charge")) == (questions, 1)


def test_an_operator_asks_again_and_what_is_said_then_is_settled(world: World) -> None:
    silent_renewal(world)
    days_pass(world, 9)
    payment = charge_of(world)
    assert do(world, ask_again.ask_again, press(), payment) is Heard.silent
    assert review_of(world) is not None
    assert (entry(world)["act"], entry(world)["operator"]) == ("payment.ask", "olga")

    forget_faults(world)
    form = press()
    assert do(world, ask_again.ask_again, form, payment) is Heard.told
    world.drain()
    assert (taken(world), world.one("SELECT state FROM payments WHERE kind = 'charge'")["state"]) == (
        [29900, 29900],
        "succeeded",
    )
    assert review_of(world) is None
    assert world.one("SELECT parked_at FROM subscriptions")["parked_at"] is not None  # until an operator lets it go on
    assert isinstance(refused(world, ask_again.ask_again, form, payment), AlreadyDone)
    assert isinstance(refused(world, ask_again.ask_again, press(), payment), NotAskable)
    assert_kept(world)


@pytest.mark.fault("P2")
def test_not_found_once_proves_nothing_and_twice_an_hour_apart_it_never_arrived(world: World) -> None:
    """In review nothing is asked by itself: the operator's two questions prove it."""
    subscribed(world)
    plan_fault(world, "timeout_before", "charge", hold_seconds=0)
    plan_fault(world, "timeout_before", "find", times=1000, hold_seconds=0)
    world.clock.at += MONTH
    world.run_jobs()
    days_pass(world, 9)
    forget_faults(world)
    payment = charge_of(world)

    for wait, state in ((timedelta(0), "unknown"), (59 * MINUTE, "unknown"), (MINUTE, "failed")):
        world.clock.at += wait
        assert do(world, ask_again.ask_again, press(), payment) is Heard.absent
        assert world.one("SELECT state FROM payments WHERE kind = 'charge'")["state"] == state
    row = world.one("SELECT decline_kind, review_at FROM payments WHERE kind = 'charge'")
    assert (row["decline_kind"], row["review_at"]) == ("gateway", None)
    assert (taken(world), sends(world, "charge")) == ([29900], 1)


def test_a_bank_that_thinks_for_days_calls_a_person_too_and_is_heard_when_it_speaks(world: World) -> None:
    plan_fault(world, "pending_then_late", "pay", after=9 * 86_400)
    world.pay(world.buy(world.sign_in("alice"))["redirect_url"])
    world.settle(hours=1)
    days_pass(world, 7)
    assert review_of(world) is not None
    assert world.one("SELECT state FROM payments")["state"] == "pending"
    days_pass(world, 3)
    assert invoices_of(world, "alice") == ["paid"]
    assert review_of(world) is None
    assert_kept(world)


def test_a_page_that_the_payment_system_has_lost_comes_to_an_end_and_not_before_its_time(world: World) -> None:
    """Its address is known, so that somebody may stand before it; the payment system says that it never was."""
    plan_fault(world, "timeout_before", "start_checkout", hold_seconds=0)
    order(world.sign_in("alice"))
    payment = uuid_of(world.one("SELECT id FROM payments")["id"])
    with world.app.app_context():
        settle(payment, LOST_PAGE)
        db.session.remove()
    for _ in range(40):
        world.pass_time(HOUR)
    assert world.one("SELECT state FROM payments")["state"] == "requires_action"
    for _ in range(30):
        world.pass_time(HOUR)
    row = world.one("SELECT state, decline_kind, review_at FROM payments")
    assert (row["state"], row["decline_kind"], row["review_at"]) == ("failed", "gateway", None)
    assert invoices_of(world, "alice") == ["fail"]
    assert_kept(world)


def test_a_page_that_nobody_can_close_for_five_days_calls_a_person(world: World) -> None:
    world.buy(world.sign_in("alice"))
    for operation in ("find", "close_checkout"):
        plan_fault(world, "timeout_before", operation, times=100_000, hold_seconds=0)
    days_pass(world, 5)
    assert review_of(world) is None
    days_pass(world, 3)
    assert review_of(world) is not None
    assert invoices_of(world, "alice") == ["not_paid"]


@pytest.mark.parametrize("fault", ["pending_then_late", "timeout_after"])
def test_a_refund_nobody_can_tell_of_calls_a_person_and_is_still_asked_about(world: World, fault: str) -> None:
    invoice = world.bought("alice")
    more = {"after": 12 * 86_400} if fault == "pending_then_late" else {"hold_seconds": 0}
    plan_fault(world, fault, "refund", **more)
    if fault == "timeout_after":
        plan_fault(world, "timeout_before", "find", times=11, hold_seconds=0)
        plan_fault(world, "drop", "webhook", times=9)
    price = {"amount": 299, "currency": "RUB"}
    world.sign_in("alice").post("/refunds", {"invoice_guid": invoice["invoice_guid"], "price": price})
    days_pass(world, 8)
    assert review_of(world, "refunds") is not None
    assert "Refunds of unknown outcome" in world.browser("viewer").get("/admin/").text
    days_pass(world, 6)
    row = world.one("SELECT state, review_at FROM refunds")
    assert (row["state"], row["review_at"]) == ("succeeded", None)


def test_a_page_to_save_a_card_that_nobody_can_tell_of_does_not_stand_in_the_way_for_ever(world: World) -> None:
    subscribed(world)
    do(world, save_method.start, ALICE, AGREED)
    plan_fault(world, "timeout_before", "find", times=12, hold_seconds=0)
    days_pass(world, 10)
    forget_faults(world)
    assert world.one("SELECT state FROM method_setups")["state"] == "failed"
    save_card(world)
    assert world.count("payment_methods") == 2


@pytest.mark.fault("P4")
def test_before_anything_new_is_opened_the_payment_system_is_asked(world: World) -> None:
    """The second month was paid, and nobody told: the order finds out, and buys the third."""
    subscribed(world)
    plan_fault(world, "timeout_after", "charge", hold_seconds=0)
    plan_fault(world, "drop", "webhook", times=9)
    world.clock.at += MONTH
    world.run_jobs()
    assert order(world.sign_in("alice")).status_code == 200
    assert sends(world, "find") >= 1
    assert world.one("SELECT state FROM invoices WHERE reason = 'renewal'")["state"] == "paid"


@pytest.mark.fault("P4")
def test_a_charge_nobody_can_tell_of_lets_nothing_else_be_opened(world: World) -> None:
    silent_renewal(world)
    answer = order(world.sign_in("alice"))
    assert (answer.status_code, answer.json["error_id"]) == (409, "payment_in_progress")
    with pytest.raises(Exception, match="under way"):
        do(world, buy.pay_again, ALICE, invoice_id(world))


def test_the_page_of_a_demand_runs_out_as_any_other_and_dunning_goes_on(world: World) -> None:
    subscribed(world, DECLINES_LATER)
    world.pass_time(MONTH + MINUTE)
    do(world, buy.pay_again, ALICE, invoice_id(world))
    page = world.one(
        "SELECT expires_at, created_at FROM payments WHERE kind = 'checkout' AND state = 'requires_action'"
    )
    assert moment_of(page["expires_at"]) - moment_of(page["created_at"]) == DAY
    days_pass(world, 1)
    world.pass_time(MINUTE)
    assert len(world.rows("SELECT id FROM payments WHERE kind = 'charge'")) == 2
    days_pass(world, 14)
    assert shown(world)["status"] == "ended"
    assert_kept(world)


@pytest.mark.fault("C11")
def test_who_confirms_at_the_bank_and_changes_the_card_in_one_breath_pays_once(world: World) -> None:
    subscribed(world, ASKS_LATER)
    world.pass_time(MONTH + MINUTE)
    address = world.one("SELECT redirect_url FROM payments WHERE kind = 'charge'")["redirect_url"]
    plan_fault(world, "drop", "webhook", times=1)
    world.app.test_client().post(f"{path_of(address)}/confirm", data={"decision": "confirm"})
    save_card(world)
    for _ in range(3):
        world.pass_time(MINUTE)
    assert (taken(world), shown(world)["status"]) == ([29900, 29900], "active")
    assert world.one("SELECT count(*) AS n FROM payments WHERE kind = 'charge'")["n"] == 1
    assert_kept(world)


@pytest.mark.fault("P12")
def test_the_customer_finds_the_same_page_of_the_bank_again(world: World) -> None:
    subscribed(world, ASKS_LATER)
    world.pass_time(MONTH + MINUTE)
    address = world.one("SELECT redirect_url FROM payments WHERE kind = 'charge'")["redirect_url"]
    assert do(world, buy.pay_again, ALICE, invoice_id(world)).redirect_url == address
    assert f"/payments/{invoice_id(world)}" in world.browser("alice").get("/cabinet").text


def test_a_payment_system_that_is_switched_off_is_told_of_and_breaks_nothing(
    world: World, make_world: Callable[..., World]
) -> None:
    started = world.buy(world.sign_in("alice"))
    world.write("UPDATE payments SET provider = 'gone'")
    world.write("UPDATE invoices SET provider = 'gone'")
    browser = world.browser("alice")
    path = f"/payments/{started['invoice_guid']}"
    page = browser.get(path)
    assert "is switched off at the moment" in page.text
    token = page.text.partition('name="csrf_token" value="')[2].partition('"')[0]
    for act in ("check", "retry"):
        answer = browser.post(f"{path}/{act}", data={"csrf_token": token}, follow_redirects=True)
        assert answer.status_code == (200 if act == "check" else 503)
        assert "is switched off at the moment" in answer.text
    world.run_jobs()
    days_pass(world, 9)
    assert review_of(world) is not None


def test_two_purchases_in_one_moment_are_two_invoices(world: World) -> None:
    for _ in range(3):
        subscribed(world)
    assert [row["state"] for row in world.rows("SELECT state FROM invoices")] == ["paid"] * 3
    assert_kept(world)
