"""The kit: every case there is, and playing one against a counterpart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from portal.providers.conformance import (
    amounts,
    authentication,
    by_hand,
    calls,
    closing,
    declines,
    finding,
    idempotency,
    late,
    methods,
    refunds,
    unknown,
    webhooks,
)
from portal.providers.conformance.case import Case
from portal.providers.conformance.counterpart import Make
from portal.providers.conformance.shop import Misbehaved, Shop

SUBJECTS: Final = (
    idempotency,
    unknown,
    calls,
    declines,
    authentication,
    late,
    closing,
    finding,
    amounts,
    refunds,
    by_hand,
    methods,
    webhooks,
)


Verdict = Literal["passed", "failed", "not applicable"]


@dataclass(frozen=True)
class Result:
    case: Case
    verdict: Verdict
    why: str = ""  # what was seen instead, or what is missing


def _cases() -> Iterator[Case]:
    """Those of a subject's functions, and those it keeps in tuples because they differ only in a word."""
    for subject in SUBJECTS:
        for value in vars(subject).values():
            yield from (value if isinstance(value, tuple) else (value,))


CASES: Final = tuple(case for case in _cases() if isinstance(case, Case))


def play(case: Case, make: Make) -> Result:
    """Against a payment system of its own. What it raises is its verdict, whoever raised it."""
    try:
        with make() as other:
            if missing := case.missing(other):
                return Result(case, "not applicable", f"needs {', '.join(missing)}")
            case.play(Shop(other))
    except Misbehaved as otherwise:
        return Result(case, "failed", str(otherwise))
    except Exception as error:
        return Result(case, "failed", f"raised {type(error).__name__}: {error}")
    return Result(case, "passed")


def play_all(make: Make, cases: Iterable[Case] = CASES) -> Iterator[Result]:
    return (play(case, make) for case in cases)
