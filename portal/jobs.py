"""Everything that recurs: its name, how often it runs, and one run of it. Whoever wakes jobs reads this list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from portal.services import expire, idempotency, janitor, methods, renew


@dataclass(frozen=True)
class Job:
    name: str
    every: timedelta
    run_once: Callable[[], int]  # answers how many rows it dealt with


JOBS = (
    Job("renew", timedelta(minutes=1), renew.run_once),
    Job("janitor", timedelta(minutes=1), janitor.run_once),
    Job("expire", timedelta(minutes=1), expire.run_once),
    Job("detach_methods", timedelta(minutes=5), methods.detach_removed),
    Job("forget_keys", timedelta(hours=1), idempotency.forget_old),
)
