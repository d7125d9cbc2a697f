"""A trial as its customer meets it: the plan, the check page, the card, the cabinet, leaving."""

from __future__ import annotations

from datetime import timedelta

from tests.services.trial import with_trial
from tests.web.cabinet.visitor import Visitor
from tests.world import World

DAY = timedelta(days=1)
GIVEN = {"terms": "on", "personal_data": "on", "renewal": "on"}
FOR_NOTHING = "The first 7 days for nothing"


def started(world: World) -> Visitor:
    """The trial is ordered through the pages, and the card saved."""
    with_trial(world)
    alice = Visitor(world).open("/")
    alice.says(FOR_NOTHING)
    alice.open("/buy/standard").press("Start the trial", **GIVEN)
    alice.world.pay(alice.answer.location)
    world.drain()
    return alice


def test_the_way_into_a_trial_shows_every_sum_and_every_date(world: World) -> None:
    with_trial(world)
    alice = Visitor(world).open("/buy/standard")
    alice.says("To pay today RUB 0.00", "7 days for nothing: 10 January 2027 — 17 January 2027")
    alice.says("First charge 17 January 2027", "RUB 299.00", "Cancel before 17 January 2027")
    alice.press("Start the trial", terms="on", personal_data="on")
    assert alice.status == 422
    alice.says("Tick the box to start the trial, or buy without it")


def test_a_trial_in_the_cabinet_from_its_order_to_its_proof_of_leaving(world: World) -> None:
    alice = started(world)
    (invoice,) = alice.world.sign_in("alice").get("/purchases").json
    alice.open(f"/payments/{invoice['invoice_guid']}")
    alice.says("Your trial has begun", "Nothing has been taken", "Standard, 7 days of trial", "RUB 0.00")
    alice.says("Next charge 17 January 2027, RUB 299.00, Visa ·· 4242")
    alice.open(f"/cabinet/invoices/{invoice['invoice_guid']}")
    alice.says("Trial 10 January 2027", "7 days of trial: 1 × RUB 0.00")
    assert "Ask for a refund" not in alice.read

    alice.open("/cabinet")
    alice.says("Trial", "First charge 17 January 2027, RUB 299.00", "Trial until 17 January 2027")
    assert "Ask for a refund" not in alice.read
    assert "Pay ahead" not in alice.read

    alice.click("Cancel subscription")
    alice.says("At the end of the trial", "Access until 17 January 2027", "Nothing has been paid")
    alice.press("Cancel subscription", when="period_end")
    alice.says("The subscription is cancelled", "The trial ends on 17 January 2027. Nothing will be charged.")
    alice.open("/cabinet").says("If you switch renewal on, RUB 299.00 is charged on 17 January 2027 with Visa ·· 4242.")
    alice.press("Switch renewal on")
    alice.says("First charge 17 January 2027")
    alice.open("/cabinet/history").says("Trial started: Standard, until 17 January 2027.")


def test_who_is_trying_reads_so_where_they_would_buy_again(world: World) -> None:
    alice = started(world)
    alice.open("/buy/premium")
    assert alice.status == 409
    alice.says("You have Standard.", "Its trial runs until 17 January 2027.")


def test_a_second_trial_is_offered_nowhere(world: World) -> None:
    alice = started(world)
    alice.open("/cabinet").click("Cancel subscription").press("Cancel subscription", when="now")
    alice.open("/")
    assert FOR_NOTHING not in alice.read
    alice.open("/buy/standard").says("To pay today RUB 299.00", "Pay RUB 299.00")
    assert "trial" not in alice.read.lower()


def test_a_tab_that_still_shows_the_trial_is_not_sent_to_pay(world: World) -> None:
    with_trial(world)
    late = Visitor(world).open("/buy/standard")
    alice = started(world)
    alice.open("/cabinet").click("Cancel subscription").press("Cancel subscription", when="now")
    invoices = world.count("invoices")
    late.press("Start the trial", **GIVEN)
    assert (late.status, world.count("invoices")) == (409, invoices)
    late.says("The trial is no longer on offer to you.", "To pay today RUB 299.00")


def test_the_plan_can_be_bought_without_its_trial(world: World) -> None:
    with_trial(world)
    alice = Visitor(world).open("/buy/standard").click("Buy without a trial for RUB 299.00")
    alice.says("To pay today RUB 299.00")
    alice.press("Pay RUB 299.00", **GIVEN)
    world.pay(alice.answer.location)
    world.drain()
    assert world.one("SELECT state, trial_end FROM subscriptions") == {"state": "active", "trial_end": None}


def test_a_card_that_was_refused_is_told_and_the_order_can_be_taken_up_again(world: World) -> None:
    with_trial(world)
    alice = Visitor(world).open("/buy/standard").press("Start the trial", **GIVEN)
    world.pay(alice.answer.location, "4000 0000 0000 0002")
    world.drain()
    (invoice,) = world.sign_in("alice").get("/purchases").json
    alice.open(f"/payments/{invoice['invoice_guid']}").says("No money has been taken.")
    alice.press("Try again")
    world.pay(alice.answer.location)
    world.drain()
    alice.open("/cabinet").says("Trial until 17 January 2027")


def test_an_order_without_a_card_waits_in_the_cabinet_and_runs_out(world: World) -> None:
    with_trial(world)
    alice = Visitor(world).open("/buy/standard").press("Start the trial", **GIVEN)
    alice.open("/cabinet").says("Standard: the trial begins as soon as a card is saved")
    alice.click("Save a card").says("The card is not saved yet", "No card saved yet?")
    path = alice.path
    world.pass_time(DAY + timedelta(hours=1))
    alice.open(path).says("The time to save a card is over")
