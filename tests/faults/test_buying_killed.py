"""SIGKILL anywhere in a purchase: asked again, there is one order, one page and one charge."""

from __future__ import annotations

import httpx
import pytest

from tests.faults import work
from tests.faults.bench import Bench, Web
from tests.faults.rounds import Round
from tests.world import path_of

pytestmark = pytest.mark.xdist_group("kills")


@pytest.mark.fault("K1")
@pytest.mark.parametrize(("place", "nth"), [("commit.written", 1), ("key.taken", 1), ("commit.written", 2)])
def test_killed_before_the_first_commit_nothing_exists_and_the_same_key_works(
    bench: Bench, round: Round, place: str, nth: int
) -> None:
    dies_buying(bench, round, place, nth)
    assert bench.states("subscriptions") == bench.states("payments") == []
    asked_again_and_paid(bench, round)


@pytest.mark.fault("K2")
@pytest.mark.parametrize("place", ["buy.ordered", "checkout.intended"])
def test_killed_after_the_intent_and_before_the_call_the_same_order_goes_on(
    bench: Bench, round: Round, place: str
) -> None:
    dies_buying(bench, round, place)
    assert bench.states("invoices") == ["not_paid"]
    assert bench.world.sandbox.book.payments() == []
    asked_again_and_paid(bench, round)


@pytest.mark.fault("K2")
@pytest.mark.parametrize("place", ["buy.ordered", "checkout.intended", "checkout.answered"])
def test_an_order_that_nobody_comes_back_for_expires_and_costs_nothing(bench: Bench, round: Round, place: str) -> None:
    dies_buying(bench, round, place)
    bench.settle(hours=1)
    bench.pass_time(25 * work.HOUR)
    bench.settle(hours=1)
    assert bench.states("invoices") == ["fail"]
    assert bench.states("subscriptions") == ["expired"]
    assert bench.charges() == []
    bench.assert_kept()


@pytest.mark.fault("K3")
def test_killed_with_the_request_on_the_wire_the_page_is_found_by_our_reference(bench: Bench, round: Round) -> None:
    with bench.web() as web:
        bench.victim = ("/sandbox/v1/checkouts", web.pid)
        buy_and_hear_nothing(web, round)
        web.died()
    assert len(bench.world.sandbox.book.payments()) == 1
    asked_again_and_paid(bench, round)


@pytest.mark.fault("K4")
def test_killed_with_the_answer_read_and_not_committed_the_page_is_found_again(bench: Bench, round: Round) -> None:
    dies_buying(bench, round, "checkout.answered")
    assert len(bench.world.sandbox.book.payments()) == 1
    assert bench.states("payments") == ["unknown"]
    asked_again_and_paid(bench, round)


@pytest.mark.fault("K6")
@pytest.mark.parametrize("place", ["checkout.settled", "reply.made", "reply.kept", "reply.ready"])
def test_killed_before_the_reply_the_same_key_gives_the_same_answer(bench: Bench, round: Round, place: str) -> None:
    dies_buying(bench, round, place)
    (payment,) = bench.world.rows("SELECT * FROM payments")
    assert payment["state"] == "requires_action"
    assert asked_again_and_paid(bench, round) == payment["redirect_url"]


@pytest.mark.fault("K7")
@pytest.mark.parametrize("place", ["ask.settled", "inbox.applied", "inbox.finished"])
def test_killed_when_it_is_settled_and_not_told_yet_auth_hears_once(bench: Bench, round: Round, place: str) -> None:
    with bench.web() as web:
        page = buy(web, round).json()["redirect_url"]
    bench.world.pay(page)
    bench.run(work.deliver)
    bench.die_at(place, work.command, "inbox", "--once")
    assert bench.states("invoices") == ["paid"]
    assert bench.unpublished() == 1
    assert bench.world.rights(round.who)["version"] == 0

    bench.settle()
    assert_paid_once(bench, round)


def dies_buying(bench: Bench, round: Round, place: str, nth: int = 1) -> None:
    with bench.web(plan=f"{place}:kill:{nth}") as web:
        buy_and_hear_nothing(web, round)
        web.died()


def buy(web: Web, round: Round) -> httpx.Response:
    order = {"product_id": round.plan, "product_count": round.count}
    return web.post("/purchases", order, round.who, key="the same")


def buy_and_hear_nothing(web: Web, round: Round) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        buy(web, round)


def asked_again_and_paid(bench: Bench, round: Round) -> str:
    """With the same key, twice; answers the page."""
    bench.a_minute_passes_for_keys()
    bench.world.clock.at += work.MINUTE  # a call that is in flight is not repeated
    with bench.web() as web:
        first, second = buy(web, round), buy(web, round)
    assert first.status_code == second.status_code == 200, first.text
    assert first.json() == second.json()
    page = str(first.json()["redirect_url"])
    assert path_of(page).startswith("/sandbox/")
    bench.world.pay(page)
    bench.settle()
    assert_paid_once(bench, round)
    return page


def assert_paid_once(bench: Bench, round: Round) -> None:
    assert bench.states("invoices") == ["paid"]
    assert bench.states("subscriptions") == ["active"]
    assert bench.charges() == ["succeeded"]
    assert bench.told(round.who) == [1]
    assert bench.world.rights(round.who)["version"] == 1
    bench.assert_kept()
