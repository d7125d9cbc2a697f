"""The only reader of time.

Portal time is real time plus an offset that lives in one row, so that every process of a demo travels together. In
production there is no offset and no row is read. `real_now` is for what a traveller must not move: leases, heartbeats,
rate limits, deadlines.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

FRESH_FOR = 0.25  # real seconds after which every process has seen where a traveller went


def real_now() -> datetime:
    return datetime.now(UTC)


class Clock:
    """`read_offset` answers the offset row; it is asked at most every `fresh_for` real seconds."""

    def __init__(self, read_offset: Callable[[], timedelta] | None = None, fresh_for: float = FRESH_FOR) -> None:
        self._read_offset = read_offset
        self._fresh_for = fresh_for
        self._offset = timedelta(0)
        self._read_at = float("-inf")

    def now(self) -> datetime:
        """Portal time, aware, UTC."""
        if self._read_offset is not None and time.monotonic() - self._read_at > self._fresh_for:
            self._offset = self._read_offset()
            self._read_at = time.monotonic()
        return real_now() + self._offset

    def real_now(self) -> datetime:
        """What leases run out by: nobody travels through it."""
        return real_now()

    def look_again(self) -> None:
        """The row has changed: the next answer is by what it says now."""
        self._read_at = float("-inf")
