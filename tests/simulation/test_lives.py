"""Small cinemas live through months of faults and crashes, and nothing is broken afterwards."""

from __future__ import annotations

import pytest

from tests.simulation.conftest import Live


@pytest.mark.parametrize("seed", range(1, 41))
def test_no_promise_is_broken_on_sqlite(live: Live, seed: int) -> None:
    assert live(seed).violations == []


@pytest.mark.parametrize("seed", range(1001, 1021))
def test_no_promise_is_broken_on_postgresql(live: Live, seed: int) -> None:
    assert live(seed, "postgresql").violations == []
