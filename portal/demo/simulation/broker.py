"""A broker in memory that keeps what it took and delivers at least once, out of turn; and Auth, which reads from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from portal.demo.auth.events import parse
from portal.demo.auth.service import AuthService
from portal.demo.simulation.clock import SimulatedClock
from portal.demo.simulation.weather import Weather
from portal.failpoints import Failpoint
from portal.outbox.message import Message, Receipt

# Of a message that hangs with a consumer which is gone: until the broker notices, and gives it to the next one.
HANGS: Final = (timedelta(minutes=1), timedelta(minutes=30), timedelta(hours=6), timedelta(days=3))


class Broker:
    """It outlives the portal's crashes: what it has confirmed is there until Auth has acknowledged it."""

    def __init__(self, weather: Weather, clock: SimulatedClock, auth: AuthService) -> None:
        self._weather = weather
        self._clock = clock
        self._auth = auth
        self._queue: list[Message] = []
        self._waits_since = clock.now()
        self._hanging: list[tuple[datetime, Message]] = []
        self.alive: Callable[[], None] = lambda: None

    def publish(self, messages: Sequence[Message]) -> list[Receipt]:
        receipts: list[Receipt] = []
        for message in messages:
            receipts.append(self._take(message))
            if receipts[-1].away:
                break
        return receipts

    def close(self) -> None:
        """Nothing is held open."""

    def due(self) -> datetime | None:
        waits = [self._waits_since] if self._queue else []
        return min([*waits, *(at for at, _ in self._hanging)], default=None)

    def deliver(self) -> int:
        """Everything that is there now; what Auth did not acknowledge comes again."""
        self._let_go()
        waiting = len(self._queue)
        for _ in range(waiting):
            message = self._queue.pop(0)
            if self._weather.strikes("delivered_late"):
                self._weather.hit("delivered_late")
                self._hang(message)
            elif not self._hand_over(message):
                self._queue.insert(0, message)
        return waiting

    def _hang(self, message: Message) -> None:
        self._hanging.append((self._clock.now() + self._weather.pick(HANGS), message))

    def _let_go(self) -> None:
        now = self._clock.now()
        self._queue += [message for at, message in self._hanging if at <= now]
        self._hanging = [(at, message) for at, message in self._hanging if at > now]

    def _take(self, message: Message) -> Receipt:
        self.alive()
        if self._weather.away("broker", self._clock.now()):
            return Receipt("the broker is away", away=True)
        if self._weather.strikes("nacked"):
            self._weather.hit("nacked")
            return Receipt("the broker refused it")
        self._queue.append(message)
        self._waits_since = self._clock.now()
        if self._weather.strikes("confirm_lost"):
            self._weather.hit("confirm_lost")
            return Receipt("the line broke before the confirm came", away=True)
        return Receipt()

    def _hand_over(self, message: Message) -> bool:
        """False: not acknowledged."""
        dies, again = self._weather.strikes("auth_crash"), self._weather.strikes("delivered_again")
        if dies and self._weather.pick((True, False)):
            self._weather.hit("auth_crash")  # before it had done anything
            return False
        try:
            self._auth.apply_event(parse(message.body))
        except Failpoint:
            self._weather.hit("auth_crash")
            return False
        if dies:
            self._weather.hit("auth_crash")  # after its commit
        elif again:
            self._weather.hit("delivered_again")
            self._hang(message)
        return not dies
