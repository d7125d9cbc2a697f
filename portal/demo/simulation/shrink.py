"""A smaller life that goes wrong in the same way: fewer customers, less time, fewer kinds of faults."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from portal.demo.simulation.ground import Ground
from portal.demo.simulation.life import Plot, Result, simulate
from portal.demo.simulation.weather import KINDS


def shrink(failed: Result, server: str | None, tell: Callable[[str], None]) -> Result:
    """Tries what is smaller, keeps what still breaks one of the same invariants, until nothing smaller does."""
    smallest, wanted, ground = failed, _broken(failed), Ground(server)
    try:
        while (smaller := _first_that_breaks(smallest, wanted, ground)) is not None:
            smallest = smaller
            tell(f"still wrong: {smallest.plot.as_options()}")
    finally:
        ground.close()
    return smallest


def _first_that_breaks(result: Result, wanted: set[object], ground: Ground) -> Result | None:
    for plot in _smaller(result):
        tried = simulate(plot, ground)
        if _broken(tried) & wanted:
            return tried
    return None


def _smaller(result: Result) -> Iterator[Plot]:
    """The boldest first. A kind of fault that struck nobody is left out without a loss."""
    plot = result.plot
    idle = {kind for kind in KINDS if not result.faults[kind]} - plot.without
    if idle:
        yield replace(plot, without=plot.without | idle)
    numbers = plot.numbers
    for half in (numbers[: len(numbers) // 2], numbers[len(numbers) // 2 :]):
        if half and len(half) < len(numbers):
            yield replace(plot, only=frozenset(half))
    if len(numbers) > 1:
        yield from (replace(plot, only=frozenset(numbers) - {number}) for number in numbers)
    if plot.months > 1:
        yield replace(plot, months=plot.months - 1)
    yield from (replace(plot, without=plot.without | {kind}) for kind in KINDS if kind not in plot.without)


def _broken(result: Result) -> set[object]:
    return {one["invariant"] for one in result.violations}
