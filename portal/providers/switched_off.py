"""Stands in for a payment system that rows still name and nobody has switched on: nothing is sent, nothing is known."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from portal.domain.errors import NotFound
from portal.domain.outcome import Decline, DeclineClass, Outcome
from portal.providers.port import (
    NO_CLUES,
    Abilities,
    Answer,
    ChargeOrder,
    CheckoutOrder,
    Clues,
    Listable,
    Listing,
    MoneyBack,
    Notice,
    RefundOrder,
)

NOTE = "switched off"
NOT_SENT = Answer(Outcome.failed, decline=Decline(DeclineClass.gateway, "switched_off"), note=NOTE)
NOT_KNOWN = Answer(Outcome.unknown, note=NOTE)


class SwitchedOff:
    abilities = Abilities(saves_methods=False, closes_checkouts=False, partial_refunds=False, key_lifetime_hours=0)
    checkout_origin = ""

    def __init__(self, name: str) -> None:
        self.name = name
        self.titles: Mapping[str, str] = {"ru": name, "en": name}

    def start_checkout(self, order: CheckoutOrder) -> Answer:
        return NOT_SENT

    def close_checkout(self, reference: str, clues: Clues = NO_CLUES) -> Answer:
        return NOT_KNOWN

    def charge(self, order: ChargeOrder) -> Answer:
        return NOT_SENT

    def refund(self, order: RefundOrder) -> Answer:
        return NOT_SENT

    def find(self, reference: str, clues: Clues = NO_CLUES) -> Answer:
        return NOT_KNOWN

    def find_refund(self, reference: str, clues: Clues = NO_CLUES) -> Answer:
        return NOT_KNOWN

    def money_back(self, reference: str, clues: Clues = NO_CLUES) -> MoneyBack:
        return MoneyBack(known=False, note=NOTE)

    def listed(self, what: Listable, after: str = "", since: datetime | None = None) -> Listing:
        return Listing(known=False, note=NOTE)

    def detach(self, method_ref: str) -> bool:
        return False

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        raise NotFound(f"{self.name} is switched off")

    def parse(self, body: bytes) -> Notice:
        raise NotFound(f"{self.name} is switched off")
