"""SIGKILL anywhere in a refund: run again, the money has gone back once, and the rights went with it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from portal.domain.money import Money
from tests.faults import work
from tests.faults.bench import Bench
from tests.faults.rounds import Round

pytestmark = pytest.mark.xdist_group("kills")


@pytest.mark.fault("K14")
@pytest.mark.parametrize("place", ["refund.reserved", "refund.stamped"])
def test_killed_before_the_call_the_sum_stays_reserved_and_the_same_refund_goes_on(
    bench: Bench, round: Round, place: str
) -> None:
    price = dies_refunding(bench, round, place)
    (payment,) = bench.world.rows("SELECT * FROM payments")
    assert (payment["reserved_minor"], payment["refunded_minor"]) == (price, 0)
    assert bench.world.sandbox.book.refunds() == []
    given_back_once(bench, round, price)


@pytest.mark.fault("K15")
def test_killed_with_the_request_on_the_wire_the_refund_is_found_and_not_sent_twice(bench: Bench, round: Round) -> None:
    invoice = bought(bench, round)
    price = bench.world.one("SELECT total_minor FROM invoices")["total_minor"]
    asked = round.who, UUID(invoice["invoice_guid"]), Money(price, "RUB")
    bench.die_hearing("/sandbox/v1/refunds", work.ask_money_back, *asked)
    assert len(bench.world.sandbox.book.refunds()) == 1
    given_back_once(bench, round, price)


@pytest.mark.fault("K16")
def test_killed_with_the_money_back_and_that_not_written_it_is_found_and_settled(bench: Bench, round: Round) -> None:
    price = dies_refunding(bench, round, "refund.answered")
    assert len(bench.world.sandbox.book.refunds()) == 1
    assert bench.states("subscriptions") == ["active"]
    given_back_once(bench, round, price)


@pytest.mark.fault("K17")
@pytest.mark.parametrize(
    ("place", "state", "told"), [("settle_refund.recorded", "active", [1]), ("refund.settled", "ended", [1, 2])]
)
def test_a_refund_and_the_event_that_takes_the_rights_are_one_commit(
    bench: Bench, round: Round, place: str, state: str, told: list[int]
) -> None:
    price = dies_refunding(bench, round, place)
    assert bench.states("subscriptions") == [state]
    assert bench.told(round.who) == told
    assert bench.world.rights(round.who)["version"] == 1
    given_back_once(bench, round, price)


def bought(bench: Bench, round: Round) -> dict[str, Any]:
    return bench.world.bought(round.who, round.plan, round.count)


def dies_refunding(bench: Bench, round: Round, place: str) -> int:
    """All of it is asked back; answers the sum."""
    invoice = bought(bench, round)
    price = int(bench.world.one("SELECT total_minor FROM invoices")["total_minor"])
    asked = round.who, UUID(invoice["invoice_guid"]), Money(price, "RUB")
    bench.die_at(place, work.ask_money_back, *asked)
    return price


def given_back_once(bench: Bench, round: Round, price: int) -> None:
    bench.settle(hours=1)
    assert [(one["amount"], one["state"]) for one in bench.world.sandbox.book.refunds()] == [(price, "succeeded")]
    assert bench.states("refunds") == ["succeeded"]
    assert bench.states("subscriptions") == ["ended"]
    assert bench.told(round.who) == [1, 2]
    assert bench.world.rights(round.who)["entitlements"] == []
    bench.assert_kept(given_back=True)
