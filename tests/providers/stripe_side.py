"""Stripe's counterpart as the kit plays with it, in this process or over real HTTP."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from portal.demo.sandbox.cards import BY_NAME
from portal.domain.money import Money
from portal.providers.conformance.counterpart import Ability, Card, Delivery, Fault, Need, Operation
from tests.providers.sandbox_side import CARDS, LATE, NO_HURRY, ON_THE_LINE, PATIENCE, PLANNED
from tests.stripe_wire.server import API_KEY, SECRET, StripeWire, in_process, serving

# Stripe has one kind of question.
IN_ITS_WORDS = {"find_refund": "find", "money_back": "find", "listed": "find"}
STRAY = b"""{"id": "evt_stray", "object": "event", "livemode": false, "type": "payout.paid",
 "data": {"object": {"object": "payout", "id": "po_1"}}}"""


class StripeSide:
    secrets: tuple[str, ...] = (API_KEY, SECRET)
    currencies: tuple[str, ...] = ("RUB", "JPY", "KWD")

    def __init__(self, wire: StripeWire, has_sockets: bool) -> None:
        self.patience = PATIENCE if has_sockets else NO_HURRY
        self.provider = wire.provider(deadline=self.patience)
        self.has: frozenset[Need] = frozenset([*Card, *PLANNED, *ON_THE_LINE, *Ability])
        if not has_sockets:
            self.has -= {Fault.trickle}
        self._wire = wire

    def now(self) -> datetime:
        return self._wire.now()

    def advance(self, span: timedelta) -> None:
        self._wire.advance(seconds=span.total_seconds())

    def pay(self, url: str, card: Card) -> None:
        self._wire.pay(url, BY_NAME[CARDS[card]].number)

    def authenticate(self, url: str) -> None:
        self._wire.decide(url)

    def abandon(self, url: str) -> None:
        self._wire.decide(url, "refuse")

    def plan(self, fault: Fault, operation: Operation) -> None:
        called = IN_ITS_WORDS.get(operation, operation)
        name, params = PLANNED.get(fault, (fault.value, {}))
        # Held longer than the module waits, where there is a socket to be held.
        hold: dict[str, Any] = {"hold_seconds": self.patience * 1.5} if fault.startswith("timeout") else {}
        self._wire.plan(name, called, **params, **hold)

    def come_in(self) -> None:
        self.advance(LATE)

    def refund_by_hand(self, reference: str, minor: int) -> None:
        self._wire.refund_by_hand(reference, minor)

    def dispute(self, reference: str) -> None:
        self._wire.dispute(reference)

    def decide_dispute(self, reference: str, won: bool) -> None:
        self._wire.dispute(reference, "won" if won else "lost")

    def deliveries(self) -> list[Delivery]:
        return [Delivery(headers, body) for headers, body in self._wire.deliveries()]

    def sign(self, body: bytes, at: datetime) -> Mapping[str, str]:
        return self._wire.sign(body, at)

    def forge(self, body: bytes, at: datetime) -> Mapping[str, str]:
        return self._wire.sign(body, at, "whsec_of_a_stranger")

    def stray(self) -> Delivery:
        return Delivery(self.sign(STRAY, self.now()), STRAY)

    def taken(self, reference: str) -> list[Money]:
        self._wire.advance()
        return [Money(one["taken"], one["currency"]) for one in self._wire.book.charges(reference)]

    def given_back(self, reference: str) -> list[Money]:
        self._wire.advance()
        paid = {one["id"] for one in self._wire.book.charges(reference)}
        mine = [one for one in self._wire.book.refunds() if one["payment_id"] in paid and one["state"] != "failed"]
        return [Money(one["amount"], one["currency"]) for one in mine]


@contextmanager
def make() -> Iterator[StripeSide]:
    """Over a real socket, and with real silence."""
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), largest_page=2) as wire:
        yield StripeSide(wire, has_sockets=True)


@contextmanager
def make_in_process() -> Iterator[StripeSide]:
    """Quicker: nobody waits for silence. Nothing can come a byte at a time."""
    with tempfile.TemporaryDirectory() as folder, in_process(Path(folder), largest_page=2) as wire:
        yield StripeSide(wire, has_sockets=False)
