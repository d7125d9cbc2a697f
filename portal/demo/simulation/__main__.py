"""`python -m portal.demo.simulation`: what `flask simulate` runs, in a process whose chance comes from the seed alone.

Exit 0: no violation. 1: some. 2: it could not run.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import click

from portal.demo.simulation.halls import live
from portal.demo.simulation.life import Plot, Result
from portal.demo.simulation.shrink import shrink
from portal.demo.simulation.weather import KINDS

STEPS = 1000  # of the progress bar


def main(arguments: Sequence[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    with _progress() as bar:
        result = live(_plot(given), given.database, bar)
    if given.shrink and result.violations:
        result = shrink(result, given.database, lambda line: click.echo(line, err=True))
    _tell(result, given.as_json)
    return 1 if result.violations else 0


def _tell(result: Result, as_json: bool) -> None:
    for violation in result.violations:
        click.echo(json.dumps(violation, default=str, ensure_ascii=False))
    if as_json:
        click.echo(json.dumps(result.as_json()))
        return
    for kind in KINDS:
        click.echo(f"  {kind:<20} {result.faults[kind]:>7}")
    for name, times in sorted(result.died_at.items()):
        click.echo(f"  died at {name:<24} {times:>7}")
    click.echo(
        f"{result.customers} customers, {result.invoices} invoices, {sum(result.faults.values())} faults, "
        f"{len(result.violations)} violations ({result.plot.as_options()}, fingerprint {result.fingerprint})"
    )


@contextmanager
def _progress() -> Iterator[Callable[[float], None]]:
    """On stderr: a bar on a terminal, else a line for each tenth."""
    if not sys.stderr.isatty():
        yield _Tenths()
        return
    with click.progressbar(length=STEPS, label="A cinema lives", file=sys.stderr) as bar:
        yield lambda share: bar.update(max(0, int(share * STEPS) - bar.pos))
        bar.update(STEPS - bar.pos)


class _Tenths:
    def __init__(self) -> None:
        self._said = 0

    def __call__(self, share: float) -> None:
        if (tenth := int(share * 10)) > self._said:
            self._said = tenth
            click.echo(f"A cinema lives: {tenth * 10} %", err=True)


def _plot(given: argparse.Namespace) -> Plot:
    return Plot(given.users, given.months, given.seed, given.without, given.only)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="flask simulate", description=__doc__)
    parser.add_argument("--users", type=_positive, default=8)
    parser.add_argument("--months", type=_positive, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--without", type=_kinds, default=frozenset(), help=f"faults to leave out: {', '.join(KINDS)}")
    parser.add_argument("--only", type=_numbers, default=None, help="customers to keep, as in 0,3")
    parser.add_argument("--shrink", action="store_true", help="look for a smaller life that goes wrong in the same way")
    parser.add_argument("--database", default=None, help="a PostgreSQL server whose role may create databases")
    parser.add_argument("--json", dest="as_json", action="store_true")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if not 0 < number <= 100_000:
        raise argparse.ArgumentTypeError("a whole number from 1 on")
    return number


def _kinds(text: str) -> frozenset[str]:
    named = frozenset(filter(None, text.split(",")))
    if unknown := named - set(KINDS):
        raise argparse.ArgumentTypeError(f"no such fault: {', '.join(sorted(unknown))}")
    return named


def _numbers(text: str) -> frozenset[int]:
    return frozenset(int(part) for part in text.split(","))


if __name__ == "__main__":
    sys.exit(main())
