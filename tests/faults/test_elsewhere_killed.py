"""SIGKILL at every other place: money back past us, plan changes, methods, pages, operators, trials, the books."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from portal.domain.act import Act
from portal.domain.money import Money
from portal.failpoints import NAMES
from tests.faults import work
from tests.faults.bench import Bench
from tests.faults.rounds import Round
from tests.faults.test_webhooks_killed import unknown
from tests.services import bank
from tests.services.promise import uuid_of
from tests.services.trial import with_trial

pytestmark = pytest.mark.xdist_group("kills")

DAY = timedelta(days=1)
ACT = Act(uuid4(), "olga", "request-1", None, "customer_asked")


def only(bench: Bench, column: str, table: str) -> UUID:
    return uuid_of(bench.world.one(f"SELECT {column} AS id FROM {table}")["id"])  # noqa: S608 - a test's own words


@pytest.mark.parametrize("place", ["checkout.closed", "invoice.page_closed", "commit.done"])
def test_closing_an_unwanted_invoice(bench: Bench, round: Round, place: str) -> None:
    bench.world.buy(bench.world.sign_in(round.who), round.plan, round.count)
    unwanted = round.who, only(bench, "id", "invoices")
    bench.die_at(place, work.close, *unwanted)
    bench.run(work.close, *unwanted)
    bench.settle()
    assert (bench.states("invoices"), bench.states("subscriptions")) == (["fail"], ["expired"])
    assert bench.charges() == []
    bench.assert_kept()


@pytest.mark.parametrize("place", ["change.intended", "charge.stamped", "charge.answered", "settle.recorded"])
def test_moving_to_a_dearer_plan(bench: Bench, round: Round, place: str) -> None:
    bench.world.bought(round.who)
    bench.world.clock.at += (1 + round.number) * DAY
    bench.die_at(place, work.move_to, round.who, only(bench, "id", "subscriptions"), "premium")
    bench.settle()
    assert bench.world.one("SELECT p.code FROM subscriptions s JOIN plans p ON p.id = s.plan_id")["code"] == "premium"
    assert bench.charges() == ["succeeded", "succeeded"]
    assert bench.told(round.who) == [1, 2]
    bench.assert_kept()


@pytest.mark.parametrize("place", ["setup.intended", "setup.answered", "setup.settled"])
def test_asking_for_the_page_on_which_a_method_is_saved(bench: Bench, round: Round, place: str) -> None:
    bench.world.bought(round.who)
    bench.die_at(place, work.start_saving, round.who)
    bench.world.clock.at += work.MINUTE
    bench.run(work.start_saving, round.who)
    (setup,) = bench.world.rows("SELECT * FROM method_setups")
    bench.world.pay(setup["redirect_url"], "5555 5555 5555 4444")
    method_saved_once(bench)


@pytest.mark.parametrize("place", ["ask_setup.answered", "commit.written"])
def test_asking_what_became_of_that_page(bench: Bench, round: Round, place: str) -> None:
    bench.world.bought(round.who)
    bench.run(work.start_saving, round.who)
    bench.world.pay(bench.world.one("SELECT redirect_url FROM method_setups")["redirect_url"], "5555 5555 5555 4444")
    bench.world.clock.at += 2 * work.MINUTE
    bench.die_at(place, work.job, "janitor")
    method_saved_once(bench)


def method_saved_once(bench: Bench) -> None:
    bench.settle()
    assert bench.states("method_setups") == ["succeeded"]
    assert bench.world.count("payment_methods") == 2
    bench.assert_kept()


@pytest.mark.parametrize("place", ["commit.done", "method.removed", "detach.answered"])
def test_removing_a_method(bench: Bench, round: Round, place: str) -> None:
    bench.world.bought(round.who)
    bench.die_at(place, work.remove_method, round.who, only(bench, "id", "payment_methods"))
    bench.settle()
    assert bench.world.one("SELECT detached_at FROM payment_methods")["detached_at"] is not None
    bench.world.clock.at += 40 * DAY
    bench.settle()
    assert bench.states("subscriptions") == ["ended"]
    assert bench.charges() == ["succeeded"]
    bench.assert_kept()


@pytest.mark.parametrize("place", ["money_back.answered", "commit.written", "money_back.settled"])
def test_hearing_of_a_dispute(bench: Bench, round: Round, place: str) -> None:
    invoice = bench.world.bought(round.who, round.plan, round.count)
    bank.quietly(bench.world, bank.payment_of(bench.world, UUID(invoice["invoice_guid"])))
    bench.run(work.deliver)
    bench.die_at(place, work.command, "inbox", "--once")
    bench.settle()
    assert bench.states("disputes") == ["open"]
    assert bench.told(round.who) == [1, 2]
    bench.assert_kept()


@pytest.mark.parametrize("place", ["ask_refund.answered", "ask_refund.settled"])
def test_asking_what_became_of_a_refund(bench: Bench, round: Round, place: str) -> None:
    invoice = bench.world.bought(round.who, round.plan, round.count)
    price = bench.world.one("SELECT total_minor FROM invoices")["total_minor"]
    asked = round.who, UUID(invoice["invoice_guid"]), Money(price, "RUB")
    bench.die_at("refund.answered", work.ask_money_back, *asked)
    bench.world.clock.at += 2 * work.MINUTE
    bench.die_at(place, work.job, "janitor")
    bench.settle()
    assert [one["state"] for one in bench.world.sandbox.book.refunds()] == ["succeeded"]
    assert bench.states("refunds") == ["succeeded"]
    bench.assert_kept(given_back=True)


@pytest.mark.parametrize("place", ["commit.written", "ask_again.logged", "ask.answered"])
def test_an_operator_who_has_a_payment_asked_about(bench: Bench, round: Round, place: str) -> None:
    unknown(bench, round)
    lost = uuid_of(bench.world.one("SELECT id FROM payments WHERE state = 'unknown'")["id"])
    bench.die_at(place, work.ask_again, ACT, lost)
    assert bench.world.count("activity") == (place != "commit.written")
    bench.settle()
    assert bench.charges() == ["succeeded", "succeeded"]
    bench.assert_kept()


@pytest.mark.parametrize(("place", "done"), [("commit.written", 0), ("commit.done", 1)])
def test_an_operators_act_and_its_line_in_the_log_are_one_commit(
    bench: Bench, round: Round, place: str, done: int
) -> None:
    bench.world.bought(round.who)
    wanted = ACT, only(bench, "id", "subscriptions"), 7
    bench.die_at(place, work.grant, *wanted)
    assert (bench.world.count("activity"), bench.world.count("periods")) == (done, 1 + done)
    if not done:
        bench.run(work.grant, *wanted)
    bench.settle()
    assert (bench.world.count("activity"), bench.world.count("periods")) == (1, 2)


@pytest.mark.parametrize("place", ["ask.answered", "settle.recorded", "ask.settled"])
def test_the_start_of_a_trial(bench: Bench, round: Round, place: str) -> None:
    with_trial(bench.world)
    bench.world.pay(bench.world.buy(bench.world.sign_in(round.who))["redirect_url"])
    bench.run(work.deliver)
    bench.die_at(place, work.command, "inbox", "--once")
    bench.settle()
    assert bench.states("subscriptions") == ["trialing"]
    assert bench.told(round.who) == [1]
    bench.assert_kept()
    bench.pass_time(8 * DAY)
    assert bench.states("subscriptions") == ["active"]
    bench.assert_kept()


@pytest.mark.parametrize("place", ["commit.written", "recognise.booked"])
def test_booking_what_time_has_earned(bench: Bench, round: Round, place: str) -> None:
    bench.world.bought(round.who, round.plan, round.count)
    bench.world.clock.at += 25 * DAY
    bench.die_at(place, work.job, "recognise")
    bench.settle()
    earned = bench.world.rows("SELECT * FROM ledger_postings WHERE credit = 'revenue'")
    assert len(earned) == 1
    bench.assert_kept()


def test_every_place_is_one_at_which_some_test_kills() -> None:
    sources = [path.read_text() for path in Path(__file__).parent.glob("test_*_killed.py")]
    killed_at = {name for source in sources for name in re.findall(r'"(\w+\.\w+)"', source)}
    assert NAMES - killed_at == set()
