"""Doing one thing many times at one moment, in threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 60.0  # seconds; a thread that hangs breaks the barrier and the test


def at_once(*acts: Callable[[], T]) -> list[T]:
    """Every act in a thread of its own, all let go together. Their results in order; raises what an act raises."""
    barrier = Barrier(len(acts))

    def run(act: Callable[[], T]) -> T:
        barrier.wait(PATIENCE)
        return act()

    with ThreadPoolExecutor(len(acts)) as pool:
        return [running.result(PATIENCE) for running in [pool.submit(run, act) for act in acts]]
