"""The lines between the portal and the payment system, on which things go wrong: to its API, and back to our door."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

import httpx

from portal.demo.sandbox import faults
from portal.demo.sandbox.book import Book
from portal.demo.sandbox.faults import PLAN, FaultOrder, Match, Operation
from portal.demo.simulation.clock import SimulatedClock
from portal.demo.simulation.weather import REQUESTS, WEBHOOKS, Weather
from portal.failpoints import Failpoint

PATIENCE = timedelta(seconds=15)  # how long the portal waits for an answer that does not come
# Of a request to them, and always less than a key is remembered: nobody could tell a later one from a new order.
SLOW = (timedelta(minutes=2), timedelta(minutes=30), timedelta(hours=3), timedelta(hours=9))
LATE = (timedelta(minutes=20), timedelta(hours=9), timedelta(days=2), timedelta(days=6))


class Mischief:
    """Puts into the payment system's own plan what shall go wrong with the next request; its log says what did."""

    def __init__(self, book: Book, weather: Weather) -> None:
        self._book = book
        self._weather = weather

    def plan(self, operation: Operation) -> None:
        orders = [self._order(kind, operation) for kind in REQUESTS if operation in _met_by(kind) and self._on(kind)]
        orders += [self._order(kind, "webhook") for kind in WEBHOOKS if self._on(kind)]
        if orders:
            with self._book.write() as connection:
                for order in orders:
                    faults.add(connection, order)

    def forget(self) -> None:
        with self._book.write() as connection:
            faults.forget_all(connection)

    def _on(self, kind: str) -> bool:
        return self._weather.strikes(kind)

    def _order(self, kind: str, operation: Operation) -> FaultOrder:
        """What is declined for good, how late is late, and which way it ends are drawn with it."""
        name, _, when = kind.partition("_") if kind.startswith("reset_") else (kind, "", "before")
        pick = self._weather.pick
        return FaultOrder(
            fault=name,
            match=Match(operation=operation),
            when="after" if when == "after" else "before",
            hold_seconds=0,
            code=pick(("declined", "insufficient_funds", "lost_card", "processing_error")),
            after=pick(LATE).total_seconds(),
            outcome=pick(("succeeded", "succeeded", "failed")),
            copies=pick((1, 2, 5)),
            seconds=pick(LATE).total_seconds(),
        )


def _met_by(kind: str) -> frozenset[str]:
    return PLAN[kind][1]


class Road:
    """Requests whose sender has given up waiting, or has died, and that are still on their way."""

    def __init__(self, inner: httpx.BaseTransport, weather: Weather, clock: SimulatedClock) -> None:
        self._inner = inner
        self._weather = weather
        self._clock = clock
        self._under_way: list[tuple[datetime, httpx.Request]] = []

    def delays(self, request: httpx.Request) -> bool:
        late = request.method == "POST" and self._weather.strikes("arrives_late")
        if late:
            self._under_way.append((self._clock.now() + self._weather.pick(SLOW), request))
        return late

    def due(self) -> datetime | None:
        return min((at for at, _ in self._under_way), default=None)

    def deliver(self) -> None:
        now = self._clock.now()
        arriving = [request for at, request in self._under_way if at <= now]
        self._under_way = [(at, request) for at, request in self._under_way if at > now]
        for request in arriving:
            self._weather.hit("arrives_late")
            with suppress(httpx.HTTPError):
                self._inner.handle_request(request)


class ToProvider(httpx.BaseTransport):
    """The portal's calls. Nobody answers while the payment system is away; a dead process calls nobody."""

    def __init__(
        self,
        inner: httpx.BaseTransport,
        road: Road,
        mischief: Mischief,
        operation: Callable[[httpx.Request], Operation | None],
        weather: Weather,
        clock: SimulatedClock,
    ) -> None:
        self._inner = inner
        self._road = road
        self._mischief = mischief
        self._operation = operation
        self._weather = weather
        self._clock = clock
        self.alive: Callable[[], None] = lambda: None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.alive()
        if self._weather.away("provider", self._clock.now()):
            raise httpx.ConnectError("nobody is there", request=request)
        if self._road.delays(request):
            self._clock.pass_(PATIENCE)
            raise httpx.ReadTimeout("no answer", request=request)
        operation = self._operation(request)
        if operation is not None:
            self._mischief.plan(operation)
        try:
            return self._inner.handle_request(request)
        except httpx.TimeoutException:
            self._clock.pass_(PATIENCE)
            raise


class ToPortal(httpx.BaseTransport):
    """Webhooks on their way to our door. Where the portal dies of one, its sender hears nothing."""

    def __init__(
        self,
        inner: httpx.BaseTransport,
        weather: Weather,
        clock: SimulatedClock,
        died: Callable[[], None],
    ) -> None:
        self._inner = inner
        self._weather = weather
        self._clock = clock
        self._died = died

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if self._weather.away("web", self._clock.now()):
            raise httpx.ConnectError("nobody is there", request=request)
        try:
            return self._inner.handle_request(request)
        except Failpoint:
            self._died()
            raise httpx.ReadError("the line broke", request=request) from None
