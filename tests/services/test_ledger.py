"""What the books say after each story, as docs/ledger.md tells it; and that time is booked once, whoever comes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from portal.domain.money import Money
from portal.domain.outcome import Decline, DeclineClass, Outcome
from portal.providers.port import Answer
from portal.services import cancel, ledger, operator_refunds, refund
from portal.services.settle import settle
from tests.services.bank import bank
from tests.services.books import assert_books, balance, balances
from tests.services.desk import payment_of, press
from tests.services.month import ALICE, DAY, DECLINES_LATER, days_pass, do, subscribed, subscription_id
from tests.services.promise import uuid_of
from tests.services.together import at_once
from tests.world import World

CLEARING = ("clearing:sandbox", "RUB")
DEFERRED, REVENUE = ("deferred", "RUB"), ("revenue", "RUB")
ALL = Money(29_900, "RUB")
CLOSED = Answer(Outcome.failed, decline=Decline(DeclineClass.closed, "checkout_closed"))
NO = Answer(Outcome.failed, decline=Decline(DeclineClass.soft, "declined"))
# From 10 January, noon in Moscow: 21.5 of the month's 31 days lie in January, 2.5 of the first three in it.
JANUARY = 20_737


def month_ends(world: World) -> None:
    """On to the next midnight in Moscow that begins a month, and a little further."""
    month = world.clock.at + timedelta(hours=3)
    begins = (month.replace(day=1) + timedelta(days=32)).replace(day=1, hour=0, minute=1)
    world.pass_time(begins - month)


def gave(world: World, invoice: UUID, minor: int, effect: str = "keep", left: Money = ALL) -> None:
    given = Money(minor, "RUB")
    do(world, operator_refunds.give, press("goodwill"), payment_of(world, invoice), given, left, effect)
    world.drain()


def test_what_is_bought_is_deferred_and_earned_as_the_month_passes(world: World) -> None:
    subscribed(world)
    assert balances(world) == {CLEARING: 29_900, DEFERRED: -29_900}
    assert_books(world)
    month_ends(world)
    assert balances(world) == {CLEARING: 29_900, DEFERRED: JANUARY - 29_900, REVENUE: -JANUARY}
    assert_books(world)


def test_an_order_that_nobody_paid_leaves_nothing(world: World) -> None:
    world.buy(world.sign_in("alice"))
    assert balances(world) == {("receivable", "RUB"): 29_900, ("invoiced", "RUB"): -29_900}
    assert_books(world)
    days_pass(world, 2)
    assert balances(world) == {}
    assert world.count("ledger_postings") == 2


def test_a_renewal_is_paid_deferred_and_earned_like_the_first_month(world: World) -> None:
    subscribed(world)
    days_pass(world, 32)  # to 11 February
    assert balance(world, "clearing:sandbox") == 59_800
    month_ends(world)
    month_ends(world)
    assert_books(world)
    through = world.rows("SELECT earned_minor, due_at FROM ledger_holdings ORDER BY start")[:2]
    assert [(one["earned_minor"], one["due_at"]) for one in through] == [(29_900, None), (29_900, None)]


def test_three_months_at_once_given_back_after_one(world: World) -> None:
    subscribed(world, count=3)
    days_pass(world, 31)
    assert balance(world, "revenue") == -world.one("SELECT earned_minor FROM ledger_holdings")["earned_minor"] < 0
    (invoice,) = world.rows("SELECT id FROM invoices")
    (offer,) = do(world, refund.offers_of, ALICE, uuid_of(invoice["id"]))
    do(world, refund.accept, ALICE, uuid_of(invoice["id"]), offer.kind, None)
    world.drain()
    kept = 3 * 29_900 - offer.amount.minor
    assert balances(world) == {CLEARING: kept, REVENUE: -kept}
    assert_books(world)
    month_ends(world)
    assert balances(world) == {CLEARING: kept, REVENUE: -kept}


def test_a_part_given_back_makes_each_day_cheaper(world: World) -> None:
    invoice = subscribed(world)
    month_ends(world)
    gave(world, invoice, 14_950)
    half = (JANUARY + 1) // 2
    assert balances(world) == {CLEARING: 14_950, DEFERRED: half - 14_950, REVENUE: -half}
    assert_books(world)
    do(world, cancel.cancel, ALICE, subscription_id(world), "period_end")
    month_ends(world)
    assert balances(world) == {CLEARING: 14_950, REVENUE: -14_950}
    assert_books(world)


@pytest.mark.parametrize("effect", ["end_now", "keep"])
def test_all_of_it_given_back_was_never_earned(world: World, effect: str) -> None:
    invoice = subscribed(world)
    month_ends(world)
    gave(world, invoice, 29_900, effect)
    assert balances(world) == {}
    assert_books(world)
    assert world.one("SELECT due_at FROM ledger_holdings")["due_at"] is None


def _first_payment(world: World) -> UUID:
    return uuid_of(world.rows("SELECT id FROM payments ORDER BY created_at, id")[0]["id"])


def test_a_second_payment_is_owed_until_it_is_back(world: World) -> None:
    alice = world.sign_in("alice")
    first = world.buy(alice)
    do(world, settle, _first_payment(world), NO)
    second = world.buy(alice)
    assert first["invoice_guid"] == second["invoice_guid"]
    world.pay(second["redirect_url"])
    world.drain()
    world.pay(first["redirect_url"])
    world.drain()
    found = world.rows("SELECT event, debit, credit FROM ledger_postings WHERE 'owed' IN (debit, credit) ORDER BY seq")
    assert [tuple(row.values()) for row in found] == [
        ("money_not_ours", "clearing:sandbox", "owed"),
        ("money_returned", "owed", "clearing:sandbox"),
    ]
    assert balances(world) == {CLEARING: 29_900, DEFERRED: -29_900}
    assert_books(world)


def test_money_that_comes_too_late_is_owed_until_it_is_back(world: World) -> None:
    page = world.buy(world.sign_in("alice"))
    do(world, settle, _first_payment(world), CLOSED)
    assert balances(world) == {}
    world.pay(page["redirect_url"])
    world.drain()
    assert [row["event"] for row in world.rows("SELECT event FROM ledger_postings ORDER BY seq")] == [
        "invoice_issued",
        "invoice_closed",
        "money_not_ours",
        "money_returned",
    ]
    assert balances(world) == {}
    assert_books(world)


def test_a_renewal_that_is_never_paid_earns_nothing(world: World) -> None:
    subscribed(world, DECLINES_LATER)
    days_pass(world, 33)
    assert balance(world, "receivable") == 29_900
    assert_books(world)
    days_pass(world, 20)
    assert balance(world, "receivable") == 0
    month_ends(world)
    assert balances(world) == {CLEARING: 29_900, REVENUE: -29_900}
    assert_books(world)


def test_who_stops_at_once_and_asks_for_nothing_leaves_the_rest_to_be_earned_by_its_days(world: World) -> None:
    subscribed(world)
    do(world, cancel.cancel, ALICE, subscription_id(world), "now")
    month_ends(world)
    assert balance(world, "revenue") == -JANUARY
    month_ends(world)
    assert balances(world) == {CLEARING: 29_900, REVENUE: -29_900}
    assert_books(world)


def test_two_currencies_never_meet(world: World) -> None:
    started = world.buy(world.sign_in("alice"), currency="USD")
    world.pay(started["redirect_url"])
    world.bought("boris")
    month_ends(world)
    assert {currency for _, currency in balances(world)} == {"RUB", "USD"}
    for currency in ("RUB", "USD"):
        assert sum(minor for (_, one), minor in balances(world).items() if one == currency) == 0
    assert_books(world)


# The job


def test_a_long_silence_is_booked_at_once_month_by_month(world: World) -> None:
    subscribed(world, count=3)
    do(world, cancel.cancel, ALICE, subscription_id(world), "period_end")
    world.clock.at += 100 * DAY
    assert do(world, ledger.run_once) == 1
    found = world.rows("SELECT day FROM ledger_postings WHERE event = 'revenue_earned' ORDER BY seq")
    assert [str(row["day"]) for row in found] == ["2027-01-31", "2027-02-28", "2027-03-31"]
    assert do(world, ledger.next_due) == datetime(2027, 4, 30, 21, tzinfo=UTC)
    assert do(world, ledger.run_once) == 0
    assert_books(world)


def test_it_waits_for_nothing_but_ends_of_months(world: World) -> None:
    assert do(world, ledger.next_due) is None
    subscribed(world)
    assert do(world, ledger.next_due) == datetime(2027, 1, 31, 21, tzinfo=UTC)


def test_workers_that_come_together_book_a_month_once(world: World) -> None:
    for login in ("alice", "boris", "clara"):
        world.bought(login)
    world.clock.at += 25 * DAY
    at_once(*[lambda: do(world, ledger.run_once)] * 4)
    do(world, ledger.run_once)
    assert balance(world, "revenue") == -3 * JANUARY
    assert_books(world)


def test_more_than_a_chunk_is_booked_in_chunks(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "CHUNK", 1)
    for login in ("alice", "boris", "clara"):
        world.bought(login)
    world.clock.at += 25 * DAY
    assert do(world, ledger.run_once) == 3
    assert balance(world, "revenue") == -3 * JANUARY


def test_a_refund_and_the_end_of_a_month_meet(world: World) -> None:
    invoice = subscribed(world)
    world.clock.at += 25 * DAY
    at_once(lambda: do(world, ledger.run_once), lambda: gave(world, invoice, 14_950))
    do(world, ledger.run_once)
    assert balance(world, "revenue") == -((JANUARY + 1) // 2)
    assert_books(world)


@pytest.mark.parametrize("state", ["won", "lost"])
def test_what_was_given_back_before_a_dispute_stays_given_back(world: World, state: str) -> None:
    invoice = subscribed(world)
    gave(world, invoice, 9_900)
    bank(world, payment_of(world, invoice))
    assert balance(world, "disputed") == 20_000
    assert_books(world)
    bank(world, payment_of(world, invoice), state)
    assert balance(world, "clearing:sandbox") == (20_000 if state == "won" else 0)
    assert_books(world)
