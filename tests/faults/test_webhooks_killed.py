"""SIGKILL between a webhook's arrival and its end, and in whoever asks about what no webhook told."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.faults import work
from tests.faults.bench import Bench
from tests.faults.rounds import Round

pytestmark = pytest.mark.xdist_group("kills")

MONTH = timedelta(days=32)


@pytest.mark.fault("K25")
@pytest.mark.parametrize("place", ["commit.written", "webhook.stored", "reply.ready"])
def test_killed_before_the_2xx_a_webhook_comes_again_and_counts_once(bench: Bench, round: Round, place: str) -> None:
    paid(bench, round)
    with bench.web(plan=f"{place}:kill") as web:
        bench.run(work.deliver_to, web.base)
        web.died()
    kept = bench.world.count("inbox")
    assert kept == (place != "commit.written")
    assert applied_once(bench, round) >= kept


@pytest.mark.fault("K26")
def test_killed_before_it_is_looked_at_a_stored_webhook_is_applied_by_the_next(bench: Bench, round: Round) -> None:
    paid(bench, round)
    bench.run(work.deliver)
    bench.die_at("inbox.taken", work.command, "inbox", "--once")
    assert bench.states("invoices") == ["not_paid"]
    applied_once(bench, round)


@pytest.mark.fault("K27")
@pytest.mark.parametrize(
    ("place", "state"), [("ask.answered", "not_paid"), ("settle.recorded", "not_paid"), ("inbox.applied", "paid")]
)
def test_killed_in_the_middle_of_applying_it_a_webhook_is_rolled_back_and_applied_again(
    bench: Bench, round: Round, place: str, state: str
) -> None:
    paid(bench, round)
    bench.run(work.deliver)
    bench.die_at(place, work.command, "inbox", "--once")
    assert bench.states("invoices") == [state]
    assert "received" in [row["state"] for row in bench.world.rows("SELECT state FROM inbox")]
    applied_once(bench, round)


@pytest.mark.fault("K28")
@pytest.mark.parametrize("place", ["ask.answered", "settle.recorded", "ask.settled", "batch.between"])
def test_a_janitor_killed_in_the_middle_is_followed_by_another(bench: Bench, round: Round, place: str) -> None:
    unknown(bench, round)
    bench.die_at(place, work.job, "janitor")
    resolved_once(bench, round)


@pytest.mark.fault("K28")
def test_two_janitors_with_the_same_answer_in_hand_settle_it_once(bench: Bench, round: Round, tmp_path: Path) -> None:
    unknown(bench, round)
    bench.meet("ask.answered", tmp_path, work.job, "janitor")
    assert bench.states("invoices") == ["paid", "paid"]
    resolved_once(bench, round)


def paid(bench: Bench, round: Round) -> None:
    """On the hosted page; nobody has told us."""
    world = bench.world
    world.pay(world.buy(world.sign_in(round.who), round.plan, round.count)["redirect_url"])


def applied_once(bench: Bench, round: Round) -> int:
    """Answers how many webhooks there were."""
    bench.settle()
    assert bench.states("invoices") == ["paid"]
    assert bench.world.count("periods") == 1
    assert bench.told(round.who) == [1]
    sent = bench.world.sandbox.book.webhooks()
    assert bench.world.count("inbox") == len(sent)
    bench.assert_kept()
    return len(sent)


def unknown(bench: Bench, round: Round) -> None:
    """A renewal that was charged, of which nobody here knows; the janitor is to ask about it."""
    bench.world.bought(round.who, round.plan, round.count)
    bench.world.clock.at += MONTH * round.count
    bench.die_at("charge.answered", work.job, "renew")
    assert "unknown" in bench.states("payments")
    bench.world.clock.at += 2 * work.MINUTE


def resolved_once(bench: Bench, round: Round) -> None:
    bench.settle(hours=1)
    assert bench.charges() == ["succeeded", "succeeded"]
    assert bench.states("payments") == ["succeeded", "succeeded"]
    assert bench.world.count("periods") == 2
    assert bench.told(round.who) == [1, 2]
    bench.assert_kept()
