"""A large cinema has several halls: each lives in a process of its own, so that every core has something to do."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from portal.demo.simulation.ground import Ground
from portal.demo.simulation.life import Plot, Result, simulate

SMALLEST = 100  # customers that are worth a process


def live(plot: Plot, server: str | None, pass_by: Callable[[float], None]) -> Result:
    """The same as `simulate`, in as many processes as the customers and the machine ask for."""
    halls = min(os.cpu_count() or 1, max(1, len(plot.numbers) // SMALLEST))
    parts = [replace(plot, only=frozenset(plot.numbers[hall::halls])) for hall in range(halls)] if halls > 1 else [plot]
    if len(parts) == 1:
        return _live(server, plot, pass_by)
    context = multiprocessing.get_context("spawn")
    passed = context.Array("d", halls)
    with context.Pool(halls, initializer=_remember, initargs=(passed,)) as pool:
        lived = pool.map_async(partial(_hall, server), enumerate(parts))
        while not lived.ready():
            lived.wait(1)
            pass_by(sum(passed[:]) / halls)
        return _together(plot, lived.get())


_passed: Sequence[float] = ()  # in a hall's process: the share that each hall has lived


def _remember(passed: Sequence[float]) -> None:
    global _passed
    _passed = passed


def _hall(server: str | None, numbered: tuple[int, Plot]) -> Result:
    hall, plot = numbered

    def pass_by(share: float) -> None:
        _passed[hall] = share  # type: ignore[index]  # an Array of all halls

    return _live(server, plot, pass_by)


def _live(server: str | None, plot: Plot, pass_by: Callable[[float], None]) -> Result:
    ground = Ground(server)
    try:
        return simulate(plot, ground, pass_by)
    finally:
        ground.close()


def _together(plot: Plot, parts: Sequence[Result]) -> Result:
    return Result(
        plot,
        customers=sum(one.customers for one in parts),
        invoices=sum(one.invoices for one in parts),
        steps=sum(one.steps for one in parts),
        faults=sum((one.faults for one in parts), Counter()),
        died_at=sum((one.died_at for one in parts), Counter()),
        violations=[violation for one in parts for violation in one.violations],
        fingerprint=hashlib.sha256("".join(one.fingerprint for one in parts).encode()).hexdigest()[:16],
    )
