"""`python -m tests.simulation.hunt [names...]`: plants each mistake and lives small cinemas until the audit finds it.

Exit 1: some mistake was not found within a hundred seeds. What a seed shows without a mistake as well is not counted.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cache
from multiprocessing.util import Finalize

from portal.demo.simulation.ground import Ground
from portal.demo.simulation.life import Plot, Result, simulate
from tests.simulation.mutants import GUARDS, MUTANTS

SEEDS = int(os.environ.get("SEEDS") or 100)


@dataclass
class Hunt:
    ground: Ground = field(default_factory=Ground)
    clean: dict[Plot, set[str]] = field(default_factory=dict)  # what is wrong without a mistake

    def find(self, name: str) -> tuple[int, set[str]] | None:
        """The first seed that shows it, and by which invariants."""
        for seed in range(1, SEEDS + 1):
            print(f"{name}: seed {seed}", file=sys.stderr, flush=True)
            if found := self.shows(name, seed):
                return seed, found
        return None

    def shows(self, name: str, seed: int) -> set[str]:
        """That a guard is missing is seen at once: it counts only where nothing else was done."""
        plot = Plot(2, 1, seed) if name in GUARDS else Plot(8, 2, seed)
        found = self._broken(plot, MUTANTS[name])
        if name not in GUARDS:
            found = {one for one in found if one not in SEEN_BY_GUARD}
        return found - self._without(plot) if found else found

    def _without(self, plot: Plot) -> set[str]:
        if plot not in self.clean:
            self.clean[plot] = self._broken(plot, nullcontext)
            if self.clean[plot]:
                print(f"seed {plot.seed} shows {listed(self.clean[plot])} without a mistake", file=sys.stderr)
        return self.clean[plot]

    def _broken(self, plot: Plot, mistake: Callable[[], AbstractContextManager[None]]) -> set[str]:
        with mistake():
            return broken(simulate(plot, self.ground))


def broken(result: Result) -> set[str]:
    """Raises Rotten where the mistake no longer fits the code: that would be found at once, and prove nothing."""
    for one in result.violations:
        if one["invariant"] == "stumble" and any(f"{error.__name__}: " in str(one["what"]) for error in ROT):
            raise Rotten(one["what"])
    return {_named(one) for one in result.violations}


class Rotten(Exception):
    """A mistake that does not fit the code it is planted into."""


ROT = (TypeError, AttributeError, NameError, ImportError)


def _named(violation: dict[str, object]) -> str:
    ids = violation.get("ids")
    return f"{violation['invariant']}{BY_GUARD if isinstance(ids, dict) and 'guard' in ids else ''}"


BY_GUARD = ", the guard"
SEEN_BY_GUARD = frozenset(f"I{number}{BY_GUARD}" for number in range(1, 30))


def listed(invariants: set[str]) -> str:
    return ", ".join(sorted(invariants, key=lambda one: (len(one.split(",")[0]), one)))


def hunt(names: Sequence[str]) -> Iterator[bool]:
    """Says of each mistake, as it goes, whether and how it was found. Every core hunts for another one."""
    with multiprocessing.get_context("spawn").Pool(min(os.cpu_count() or 1, len(names))) as pool:
        for said, was_found in pool.imap_unordered(_hunted, names):
            print(said, flush=True)
            yield was_found
        pool.close()
        pool.join()


@cache
def _hunting() -> Hunt:
    """Of this process: what is wrong without a mistake is looked at once in it."""
    hunting = Hunt()
    Finalize(None, hunting.ground.close, exitpriority=1)
    return hunting


def _hunted(name: str) -> tuple[str, bool]:
    begun = time.monotonic()
    found = _hunting().find(name)
    what = f"found after {found[0]} seeds by {listed(found[1])}" if found else f"not found in {SEEDS} seeds"
    return f"{name}: {what} ({time.monotonic() - begun:.0f} s)", found is not None


def main(names: Sequence[str]) -> int:
    if unknown := set(names) - set(MUTANTS):
        print(f"no such mistake: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    found = list(hunt(names or list(MUTANTS)))
    print(f"found {sum(found)} of {len(found)}")
    return 0 if all(found) else 1


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":  # the order of sets must come from the seed as well
        again = [sys.executable, "-m", "tests.simulation.hunt", *sys.argv[1:]]
        os.execve(sys.executable, again, os.environ | {"PYTHONHASHSEED": "0"})  # noqa: S606 - itself, with a fixed hash order
    sys.exit(main(sys.argv[1:]))
