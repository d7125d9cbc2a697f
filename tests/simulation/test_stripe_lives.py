"""Small cinemas with Stripe behind the port: its adapter lives through the same months of faults and crashes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import pytest

from portal.demo.simulation.ground import Ground
from portal.demo.simulation.life import Plot, Result, simulate
from portal.demo.simulation.weather import REQUESTS, ROADS, WEBHOOKS
from tests.simulation.stripe_system import StripeSystem

SEEDS = range(1, 21)
FEW = range(2, 7)  # in `make test`; the first is as long as ten others. `make soak` lives them all
UNHEARD_OF = frozenset({"declined_then_late"})  # what Stripe's bank declined has to be confirmed again
pytestmark = pytest.mark.xdist_group("stripe lives")  # what they met is counted together


@dataclass(frozen=True)
class Lived:
    result: Result
    stripe: StripeSystem


Life = Callable[[int], Lived]


@pytest.fixture(scope="module")
def life(grounds: dict[str, Ground]) -> Life:
    """By its seed, and lived once."""
    return cache(lambda seed: _lived(Plot(3, 2, seed), grounds["sqlite"]))


def _lived(plot: Plot, ground: Ground) -> Lived:
    opened: list[StripeSystem] = []

    def opening(*portal: object) -> StripeSystem:
        opened.append(StripeSystem(*portal))  # type: ignore[arg-type]  # as it is opened for a portal
        return opened[-1]

    return Lived(simulate(replace(plot, without=UNHEARD_OF), ground, opening=opening), opened[0])


@pytest.mark.parametrize("seed", [pytest.param(one, marks=() if one in FEW else pytest.mark.chaos) for one in SEEDS])
def test_no_promise_is_broken_with_stripe(life: Life, seed: int) -> None:
    lived = life(seed)
    assert lived.result.violations == []
    assert lived.stripe.broken == []


def test_money_was_taken_through_stripe(life: Life) -> None:
    assert sum((life(seed).stripe.taken for seed in FEW), Counter[str]()).total() > 0


@pytest.mark.chaos
def test_stripe_charged_those_who_were_away_too(life: Life) -> None:
    taken = sum((life(seed).stripe.taken for seed in SEEDS), Counter[str]())
    assert taken["page"] > taken["away"] > 0


@pytest.mark.chaos
def test_everything_went_wrong_that_can_between_the_portal_and_stripe(life: Life) -> None:
    met = sum((life(seed).result.faults for seed in SEEDS), Counter[str]())
    assert {kind for kind in (*REQUESTS, *ROADS, *WEBHOOKS) if not met[kind]} == UNHEARD_OF
