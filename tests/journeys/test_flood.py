"""Two thousand events, and everybody who carries them is killed once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.journeys.flood import Kills, flood

EVENTS, USERS = 2000, 100


@pytest.mark.fault("B2")
@pytest.mark.xdist_group("flood")
def test_nothing_is_lost_and_nothing_goes_backwards_whoever_is_killed(tmp_path: Path) -> None:
    with flood(tmp_path, USERS, seed=1) as flooded:
        outcome = flooded.run(EVENTS, Kills(broker=1, relay=1, consumer=1))
    assert outcome.lost == outcome.backwards == outcome.differences == []
    assert (outcome.users, outcome.dead) == (USERS + 1, 0)
    assert outcome.deliveries >= EVENTS or outcome.queues_lost
