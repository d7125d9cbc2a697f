"""SIGKILL anywhere in a renewal: run again, everybody who was due is charged once, and told once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.faults import work
from tests.faults.bench import Bench
from tests.faults.rounds import CUSTOMERS, Round

pytestmark = pytest.mark.xdist_group("kills")

MONTH = timedelta(days=32)
LATER_DECLINED = "4000 0000 0000 0341"  # pays the first time, never again


@pytest.mark.fault("K8")
@pytest.mark.parametrize("place", ["renew.claimed", "renew.recorded"])
def test_the_claim_of_a_killed_process_dies_with_it(bench: Bench, round: Round, place: str) -> None:
    due(bench, round)
    bench.die_at(place, work.job, "renew")
    assert bench.world.rows("SELECT id FROM payments WHERE kind = 'charge'") == []
    bench.run(work.job, "renew")
    assert charged(bench) == dict.fromkeys(customers(round), 2)
    settled_and_kept(bench, round)


@pytest.mark.fault("K9")
@pytest.mark.parametrize("place", ["renew.intended", "charge.stamped"])
def test_killed_before_the_call_the_same_payment_goes_on(bench: Bench, round: Round, place: str) -> None:
    due(bench, round)
    bench.die_at(place, work.job, "renew")
    meant = charge_ids(bench)
    assert len(meant) == len(customers(round))
    assert charged(bench) == dict.fromkeys(customers(round), 1)
    settled_and_kept(bench, round)
    assert charge_ids(bench) == meant


@pytest.mark.fault("K10")
def test_killed_while_the_payment_system_takes_the_money_it_is_found_and_not_taken_again(
    bench: Bench, round: Round
) -> None:
    due(bench, round)
    bench.die_hearing("/sandbox/v1/charges", work.job, "renew")
    assert sum(charged(bench).values()) == len(customers(round)) + 1
    settled_and_kept(bench, round)


@pytest.mark.fault("K11")
@pytest.mark.parametrize("place", ["charge.answered", "settle.recorded", "charge.settled"])
def test_killed_with_the_money_taken_and_not_written_it_is_never_taken_again(
    bench: Bench, round: Round, place: str
) -> None:
    due(bench, round)
    bench.die_at(place, work.job, "renew")
    assert sum(charged(bench).values()) == len(customers(round)) + 1
    settled_and_kept(bench, round)


@pytest.mark.fault("K12")
@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize("place", ["batch.between", "charge.answered"])
def test_killed_in_the_middle_of_many_the_others_are_charged_once_too(
    bench: Bench, round: Round, place: str, nth: int
) -> None:
    for login in CUSTOMERS:
        bench.world.bought(login, round.plan, round.count)
    bench.world.clock.at += MONTH * round.count
    bench.die_at(place, work.job, "renew", nth=nth)
    assert sum(charged(bench).values()) == len(CUSTOMERS) + nth
    bench.settle(hours=1)
    assert charged(bench) == dict.fromkeys(CUSTOMERS, 2)
    bench.assert_kept()


@pytest.mark.fault("K13")
@pytest.mark.parametrize(
    ("place", "known"), [("charge.answered", False), ("settle.recorded", False), ("charge.settled", True)]
)
def test_a_decline_and_the_date_of_the_next_try_are_one_commit(
    bench: Bench, round: Round, place: str, known: bool
) -> None:
    world = bench.world
    page = world.buy(world.sign_in(round.who), round.plan, round.count)["redirect_url"]
    world.pay(page, LATER_DECLINED)
    world.drain()
    world.clock.at += MONTH * round.count
    bench.die_at(place, work.job, "renew")
    assert dunning(bench) == (("failed", "past_due", True) if known else ("unknown", "active", False))

    bench.settle(hours=1)
    assert dunning(bench) == ("failed", "past_due", True)
    assert bench.told(round.who) == [1, 2]
    bench.assert_kept()


def due(bench: Bench, round: Round) -> None:
    """Everybody of the round has a subscription whose time is over."""
    for login in customers(round):
        bench.world.bought(login, round.plan, round.count)
    bench.world.clock.at += MONTH * round.count


def customers(round: Round) -> tuple[str, ...]:
    return (round.who, *round.others)


def charged(bench: Bench) -> dict[str, int]:
    """How often each has paid, by the payment system's own book."""
    users = {row["id"]: row["user_id"] for row in bench.world.rows("SELECT id, user_id FROM payments")}
    named = {f"payment:{bench.uuid(row)}": login for row, login in users.items()}
    paid = [one for one in bench.world.sandbox.book.charges() if one["state"] == "succeeded"]
    counts = dict.fromkeys(named.values(), 0)
    for one in paid:
        counts[named[one["reference"]]] += 1
    return counts


def charge_ids(bench: Bench) -> list[object]:
    found = bench.world.rows("SELECT id FROM payments WHERE kind = 'charge' ORDER BY id")
    return [row["id"] for row in found]


def dunning(bench: Bench) -> tuple[str, str, bool]:
    """Of the renewal: its payment, the subscription, and whether the next try has its date in days to come."""
    (payment,) = bench.world.rows("SELECT state FROM payments WHERE kind = 'charge'")
    (subscription,) = bench.world.rows("SELECT state, next_action_at FROM subscriptions")
    waits = bench.moment(subscription["next_action_at"]) > bench.world.clock.now()
    return payment["state"], subscription["state"], waits


def settled_and_kept(bench: Bench, round: Round) -> None:
    bench.settle(hours=1)
    assert charged(bench) == dict.fromkeys(customers(round), 2)
    assert bench.states("invoices") == ["paid"] * 2 * len(customers(round))
    assert {login: bench.told(login) for login in customers(round)} == {login: [1, 2] for login in customers(round)}
    bench.assert_kept()
