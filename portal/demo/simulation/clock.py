"""Time as a simulation has it."""

from __future__ import annotations

from datetime import datetime, timedelta

from portal.clock import Clock

TICK = timedelta(milliseconds=1)


class SimulatedClock(Clock):
    """Goes where the simulation says, and a tick with every look: no two looks at a real clock agree either."""

    def __init__(self, at: datetime) -> None:
        super().__init__()
        self._at = at

    def now(self) -> datetime:
        self._at += TICK
        return self._at

    def real_now(self) -> datetime:
        """Leases run out here by the simulated time."""
        return self.now()

    def seconds(self) -> float:
        """In the place of `time.monotonic`."""
        return self._at.timestamp()

    def enter(self, moment: datetime) -> None:
        """Time only goes forward."""
        self._at = max(self._at, moment)

    def pass_(self, span: timedelta) -> None:
        self._at += span
