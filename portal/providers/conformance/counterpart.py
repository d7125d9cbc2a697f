"""The other side of a payment module: its payment system, as far as the kit needs to play with it.

Who brings a module brings a counterpart of it as well: the payment system's own sandbox, or a server that speaks its
wire. It is made anew for every case, with an empty book. What it has not, it says by leaving it out of `has`: the cases
that need it are then not applicable, and say so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal, Protocol

from portal.domain.money import Money
from portal.providers.port import Provider

Operation = Literal[
    "start_checkout",
    "close_checkout",
    "charge",
    "refund",
    "find",
    "find_refund",
    "money_back",
    "listed",
    "detach",
]


class Card(StrEnum):
    """What the customer pays with. Every payment system has a good one."""

    good = "good"  # now, and at every renewal
    soft = "soft"  # declined for now: no money on it
    hard = "hard"  # declined for good: lost, stolen, expired
    asks = "asks"  # the bank asks for 3-D Secure on the hosted page; renewals pass
    renewal_fails = "renewal_fails"  # good on the page, declined softly at every renewal
    renewal_asks = "renewal_asks"  # good on the page, the bank wants to see the customer at every renewal


class Fault(StrEnum):
    """What happens to the next request that carries out an operation. Where a call takes several requests, it meets
    the one that changes something; where it only looks, the first."""

    timeout_before = "timeout_before"  # it is lost on its way, and nobody answers
    timeout_after = "timeout_after"  # it is done, and nobody answers
    reset = "reset"  # it is done, and the connection breaks
    error_before = "error_before"  # a 5xx, and nothing was done
    error_after = "error_after"  # it is done, and a 5xx says otherwise
    stored_error = "stored_error"  # as error_after, and the same key is answered with the same 5xx
    garbage = "garbage"  # it is done, and the answer is a web page, or half of an answer, with status 200
    trickle = "trickle"  # its answer comes a byte at a time, and never ends
    rate_limited = "rate_limited"  # refused as one too many; nothing was done
    wrong_key = "wrong_key"  # refused because of our API key; nothing was done
    key_in_use = "key_in_use"  # refused because a request with the same idempotency key is still being worked on
    wrong_amount = "wrong_amount"  # charge: another sum is taken than was asked for, and said so
    bank_away = "bank_away"  # charge: declined because the bank could not be reached; nobody's card is at fault
    card_lost = "card_lost"  # charge: declined for good, the card was reported lost
    late_success = "late_success"  # charge, refund: `pending`; `come_in` lets it succeed
    late_failure = "late_failure"  # charge, refund: `pending`; `come_in` lets it fail


class Ability(StrEnum):
    signs_webhooks = "signs_webhooks"  # with a secret, and with the time of signing
    disputes = "disputes"
    refunds_by_hand = "refunds_by_hand"
    small_pages = "small_pages"  # its lists come in pages of at most three
    saves_without_charge = "saves_without_charge"  # a checkout over nothing keeps a method


Need = Card | Fault | Ability


@dataclass(frozen=True)
class Delivery:
    """One webhook as it would come to our door."""

    headers: Mapping[str, str]
    body: bytes


class Counterpart(Protocol):
    """References are ours: `payment:<id>` of a checkout or a charge."""

    provider: Provider  # the module to be tried, made with the keys of this payment system
    patience: float  # seconds that `provider` was told one call may last: small, the kit waits for it to be over
    secrets: tuple[str, ...]  # API key, webhook secret: nothing the module says may hold them
    has: frozenset[Need]
    currencies: tuple[str, ...]  # of portal.domain.money; most cases use the first

    def now(self) -> datetime: ...

    def advance(self, span: timedelta) -> None:
        """Let time pass, with all that happens by itself meanwhile."""

    # The customer

    def pay(self, url: str, card: Card) -> None:
        """Send the hosted page's form, as a customer with this card would. A page that is closed takes nothing."""

    def authenticate(self, url: str) -> None:
        """Confirm to the bank what it asks at this address: a hosted page that was paid, or a charge's own page."""

    def abandon(self, url: str) -> None:
        """Refuse to confirm it."""

    # The wire

    def plan(self, fault: Fault, operation: Operation) -> None:
        """Once, for the next request of this operation."""

    def come_in(self) -> None:
        """What was answered as pending is decided now, as it was planned."""

    # The merchant's pages, and the bank

    def refund_by_hand(self, reference: str, minor: int) -> None: ...

    def dispute(self, reference: str) -> None:
        """The cardholder disputes all of the payment."""

    def decide_dispute(self, reference: str, won: bool) -> None:
        """`won`: the money stays ours."""

    # Webhooks

    def deliveries(self) -> list[Delivery]:
        """Everything sent since this was asked last, oldest first."""

    def sign(self, body: bytes, at: datetime) -> Mapping[str, str]:
        """The headers of a genuine webhook with this body, signed at that moment."""

    def forge(self, body: bytes, at: datetime) -> Mapping[str, str]:
        """The same by a stranger, who knows everything but the secret."""

    def stray(self) -> Delivery:
        """A genuine webhook about something that is none of ours."""

    # The book: what really happened, whatever the module says

    def taken(self, reference: str) -> list[Money]:
        """Each sum that was taken under this reference; a double charge is two of them."""

    def given_back(self, reference: str) -> list[Money]:
        """Each sum that was given back of the payment with this reference, refunds still on their way included."""


# Called once for every case. Leaving it takes the counterpart down.
Make = Callable[[], AbstractContextManager[Counterpart]]
