"""The cards of the sandbox: what each number does on the hosted page, and later when its saved method is charged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from portal.domain.outcome import Decline, DeclineClass

CODES: Final = {
    "declined": DeclineClass.soft,
    "insufficient_funds": DeclineClass.soft,
    "authentication_failed": DeclineClass.soft,
    "lost_card": DeclineClass.hard,
    "stolen_card": DeclineClass.hard,
    "expired_card": DeclineClass.hard,
    "method_detached": DeclineClass.hard,
    "processing_error": DeclineClass.gateway,
    "checkout_closed": DeclineClass.closed,
    "checkout_expired": DeclineClass.closed,
}


def decline(code: str) -> Decline:
    return Decline(CODES[code], code)


@dataclass(frozen=True)
class Challenge:
    """The bank wants its customer to confirm on a page of its own."""


@dataclass(frozen=True)
class Approve:
    """The bank pays."""


Verdict = Approve | Challenge | Decline


@dataclass(frozen=True)
class Card:
    name: str
    number: str
    on_page: Verdict
    saved: Verdict  # when the customer is not there
    disputed: bool = False  # its holder goes to the bank some days later

    @property
    def brand(self) -> str:
        return {"4": "Visa", "5": "Mastercard", "2": "Mir"}[self.number[0]]

    @property
    def last4(self) -> str:
        return self.number[-4:]

    @property
    def spaced(self) -> str:
        return " ".join(self.number[start : start + 4] for start in range(0, len(self.number), 4))


def _refusing(name: str, number: str, code: str) -> Card:
    return Card(name, number, on_page=decline(code), saved=decline(code))


CARDS: Final = (
    Card("good", "4242424242424242", Approve(), Approve()),
    Card("challenge", "4000000000003220", Challenge(), Approve()),
    _refusing("declined", "4000000000000002", "declined"),
    _refusing("no_funds", "4000000000009995", "insufficient_funds"),
    _refusing("lost", "4000000000009987", "lost_card"),
    _refusing("expired", "4000000000000069", "expired_card"),
    Card("once", "4000000000000341", Approve(), decline("declined")),
    Card("always_asks", "4000002760003184", Approve(), Challenge()),
    Card("disputed", "4000000000000259", Approve(), Approve(), disputed=True),
    Card("mastercard", "5555555555554444", Approve(), Approve()),
    Card("mir", "2200000000000053", Approve(), Approve()),
)

BY_NAME: Final = {card.name: card for card in CARDS}
# The second spelling follows the pattern of its neighbours, and fails the checksum only for that reason.
BY_NUMBER: Final = {card.number: card for card in CARDS} | {"4000000000003184": BY_NAME["always_asks"]}


def passes_checksum(number: str) -> bool:
    """Luhn's checksum; `number` is digits only."""
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(number))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0
