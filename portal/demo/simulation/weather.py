"""What goes wrong, how often, and a count of what did: all of it drawn from the seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Final, TypeVar

from portal.demo.simulation.chance import around

T = TypeVar("T")

# Of one request to the payment system, or of one press of a button on its pages; the names are those of its fault plan.
REQUESTS: Final[Mapping[str, float]] = {
    "timeout_before": 0.008,
    "timeout_after": 0.010,
    "reset_before": 0.008,
    "reset_after": 0.010,
    "rate_limited": 0.008,
    "error_before": 0.008,
    "error_after": 0.010,
    "garbage": 0.008,
    "truncated": 0.008,
    "decline": 0.020,
    "pending_then_late": 0.040,
    "declined_then_late": 0.014,
    "wrong_amount": 0.015,
    "comes_back": 0.190,
}
# Of one request that changes something: nobody hears an answer, and it arrives hours later all the same.
ROADS: Final[Mapping[str, float]] = {"arrives_late": 0.02}
# Of one webhook.
WEBHOOKS: Final[Mapping[str, float]] = {"drop": 0.012, "repeat": 0.012, "delay": 0.012, "reorder": 0.012, "forge": 0.01}
# Of one message on its way to Auth.
MESSAGES: Final[Mapping[str, float]] = {
    "nacked": 0.02,
    "confirm_lost": 0.02,
    "delivered_again": 0.03,
    "delivered_late": 0.04,
    "auth_crash": 0.02,
}
# Of one passage of a failpoint, and of one commit.
HOUSE: Final[Mapping[str, float]] = {
    "crash": 0.004,
    "interleaved": 0.02,
    "commit_lost": 0.002,
    "commit_unheard": 0.002,
}
# Somebody is away: how long between two such times, and how long it lasts.
OUTAGES: Final[Mapping[str, tuple[timedelta, timedelta]]] = {
    "provider": (timedelta(days=9), timedelta(hours=3)),
    "broker": (timedelta(days=9), timedelta(hours=5)),
    "web": (timedelta(days=11), timedelta(hours=1)),
    "worker": (timedelta(days=13), timedelta(hours=9)),
    "inbox": (timedelta(days=13), timedelta(hours=4)),
    "relay": (timedelta(days=13), timedelta(hours=6)),
}

RATES: Final[Mapping[str, float]] = {**REQUESTS, **ROADS, **WEBHOOKS, **MESSAGES, **HOUSE}
KINDS: Final = (*RATES, *(f"{name}_away" for name in OUTAGES))
# Together they are all that a year knows; a short life meets some of them, and those more often.
EVERYTHING_FROM: Final = 100  # customers


class Weather:
    """`without`: kinds that do not happen. Who is away says so through `away`; who was hit says so through `hit`."""

    def __init__(self, chance: Random, customers: int, without: frozenset[str]) -> None:
        self._chance = chance
        self.met: Counter[str] = Counter()
        self._rates = _rates(chance, customers, without)
        self._back: dict[str, datetime] = {}
        self._next: dict[str, datetime] = {}
        self._without = without
        self._calm = False

    def strikes(self, kind: str, times: float = 1.0) -> bool:
        """Whether it happens now, so many times as likely as usual.

        Always draws, so that leaving one kind out leaves the others where they are.
        """
        return self._chance.random() < self._rates[kind] * times and not self._calm

    def pick(self, choices: Sequence[T]) -> T:
        return self._chance.choice(choices)

    def hit(self, kind: str) -> None:
        self.met[kind] += 1

    def away(self, who: str, now: datetime) -> bool:
        """Counted as met where somebody was really wanted."""
        gone = now < self._back.get(who, now)
        if gone:
            self.met[f"{who}_away"] += 1
        return gone

    def back(self, who: str | None, moment: datetime) -> datetime:
        """`moment`, or when they are back."""
        return max(moment, self._back.get(who, moment)) if who else moment

    def pass_to(self, now: datetime) -> None:
        """Some may have gone meanwhile."""
        for who, (between, lasting) in OUTAGES.items():
            due = self._next.setdefault(who, now + around(self._chance, between))
            if now < due or self._calm:
                continue
            self._next[who] = now + around(self._chance, between)
            if f"{who}_away" not in self._without:
                self._back[who] = now + around(self._chance, lasting)

    def calm_down(self) -> None:
        """Nothing goes wrong any more, and everybody is back."""
        self._calm = True
        self._back.clear()


def _rates(chance: Random, customers: int, without: frozenset[str]) -> dict[str, float]:
    """A few customers meet a few kinds, those the more often: what comes together is found sooner that way."""
    rates = {}
    for kind, rate in RATES.items():
        strength = 1.0 if customers >= EVERYTHING_FROM else chance.choice((0, 0, 0.5, 1, 2, 5))
        rates[kind] = 0.0 if kind in without else rate * strength
    return rates
