"""python -m portal.providers.conformance package.module:make

Plays every case against the counterpart that `make` makes, and prints a line for each. Exit 0: none failed; 1: some
did; 2: nothing could be played.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections import Counter
from typing import Any, Final, cast

from portal.providers.conformance.counterpart import Make
from portal.providers.conformance.kit import CASES, Result, Verdict, play_all

MARKS: Final[dict[Verdict, str]] = {"passed": "ok  ", "failed": "FAIL", "not applicable": "n/a "}


class Unusable(Exception):
    """There is nothing to play, or nobody to play against."""


def main(arguments: list[str]) -> int:
    asked = _parser().parse_args(arguments)
    try:
        make, cases = _load(asked.make), [case for case in CASES if case.name.startswith(asked.only)]
        if not cases:
            raise Unusable(f"no case begins with {asked.only!r}")
    except Unusable as error:
        print(error, file=sys.stderr)
        return 2
    lines = sys.stderr if asked.json else sys.stdout
    results = []
    for result in play_all(make, cases):
        results.append(result)
        print(_line(result), file=lines, flush=True)
    counted = Counter(result.verdict for result in results)
    print(", ".join(f"{counted[verdict]} {verdict}" for verdict in MARKS), file=lines)
    if asked.json:
        print(
            json.dumps(
                {
                    "cases": [_as_json(one) for one in results],
                    **{verdict.replace(" ", "_"): counted[verdict] for verdict in MARKS},
                }
            )
        )
    return 1 if counted["failed"] else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m portal.providers.conformance", description="Prove that a payment module behaves."
    )
    parser.add_argument(
        "make", metavar="package.module:make", help="makes the module's counterpart, anew for every case"
    )
    parser.add_argument("--only", default="", metavar="NAME", help="play only cases whose names begin so")
    parser.add_argument(
        "--json", action="store_true", help="the last line of the output is one JSON object; lines go to stderr"
    )
    return parser


def _load(named: str) -> Make:
    module, _, function = named.partition(":")
    if not module or not function:
        raise Unusable(f"{named!r} is not of the form package.module:make")
    try:
        make = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise Unusable(f"{named} cannot be loaded: {error}") from None
    if not callable(make):
        raise Unusable(f"{named} cannot be called")
    return cast(Make, make)


def _line(result: Result) -> str:
    why = f"\n       {result.why}" if result.why else ""
    return f"{MARKS[result.verdict]} {result.case.name}  {result.case.proves}{why}"


def _as_json(result: Result) -> dict[str, Any]:
    return {"name": result.case.name, "proves": result.case.proves, "verdict": result.verdict, "why": result.why}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
