"""The port every payment system is spoken to through.

A provider translates; it decides nothing. Its calls never raise for what a network or a server can do: a timeout,
a 5xx or an answer that cannot be read *is* an answer, `unknown`. Our reference (`payment:<id>`, `refund:<id>`) is the
idempotency key of the call that creates the object, is stored in the object by the provider, and finds it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, Protocol

from portal.domain.money import Money
from portal.domain.outcome import Decline, Outcome


@dataclass(frozen=True)
class Abilities:
    """What a payment system can do; pages hide what it cannot."""

    saves_methods: bool
    closes_checkouts: bool
    partial_refunds: bool
    key_lifetime_hours: int  # how long a repeated key is still recognised
    smallest: Mapping[str, int] = field(default_factory=dict)  # what is charged at least, in minor units, by currency


@dataclass(frozen=True)
class SavedMethod:
    """A method the provider keeps for later charges. Never a card number."""

    customer_ref: str
    method_ref: str
    kind: str  # card | wallet | bank
    title: str  # "Visa ·· 4242"
    expires: str | None  # "2030-12"


@dataclass(frozen=True)
class Answer:
    """What the provider says about one payment, now.

    `amount` is what it took or will take; settle compares it. `absent` only comes from `find`: it knows no such object.
    """

    outcome: Outcome
    provider_ref: str | None = None
    amount: Money | None = None
    redirect_url: str | None = None
    method: SavedMethod | None = None
    decline: Decline | None = None
    absent: bool = False
    note: str = ""  # for the operator: status code, exception name; never a secret


@dataclass(frozen=True)
class CheckoutOrder:
    reference: str  # "payment:<id>": also the idempotency key
    amount: Money
    description: str
    user_id: str
    locale: str
    return_url: str
    expires_at: datetime
    save_method: bool
    customer_ref: str | None = None  # the provider's id of this user, where a method of theirs was saved before


@dataclass(frozen=True)
class ChargeOrder:
    """A charge without the customer present, on a saved method."""

    reference: str
    amount: Money
    description: str
    customer_ref: str
    method_ref: str
    locale: str  # of the page on which the bank may want to see the customer
    return_url: str
    payment_ref: str | None = None  # of an earlier, declined charge for the same demand: one payment for all its tries


@dataclass(frozen=True)
class RefundOrder:
    reference: str  # "refund:<id>"
    payment_ref: str  # the provider's id of the payment
    amount: Money


@dataclass(frozen=True)
class Clues:
    """What our row tells beside the reference. Who can look a reference up needs none of it."""

    provider_ref: str | None = None  # the object's id, where an answer named it
    customer_ref: str | None = None  # whose saved method is charged
    payment_ref: str | None = None  # of a refund: the payment it takes from; of a charge: as it was tried before
    sent_at: datetime | None = None  # nothing was made before


NO_CLUES: Final = Clues()


@dataclass(frozen=True)
class RefundSeen:
    """A refund of a payment, whoever made it."""

    reference: str  # ours where we made it; anything where somebody did at the payment system itself
    answer: Answer  # its `amount` and `provider_ref` are there
    made_at: datetime


@dataclass(frozen=True)
class DisputeSeen:
    provider_ref: str
    state: Literal["open", "won", "lost"]  # won: the money stays ours
    amount: Money  # under dispute, or lost
    opened_at: datetime


@dataclass(frozen=True)
class MoneyBack:
    """All that was taken back of one payment, oldest first. `known` is False where nobody could tell."""

    known: bool
    refunds: tuple[RefundSeen, ...] = ()
    disputes: tuple[DisputeSeen, ...] = ()
    note: str = ""


Listable = Literal["payments", "refunds", "disputes"]


@dataclass(frozen=True)
class Listed:
    """One object as the provider keeps it. `minor` is what was really taken, given back, or is under dispute."""

    reference: str
    provider_ref: str
    payment_ref: str  # the provider's id of the payment it is, or takes from
    state: str  # payments: `succeeded` or another word; refunds: succeeded, pending, failed; disputes: open, won, lost
    minor: int
    currency: str


@dataclass(frozen=True)
class Listing:
    """One page. `known` is False where nobody could tell; `after` asks for the next page, None: that was the last."""

    known: bool
    objects: tuple[Listed, ...] = ()
    after: str | None = None
    note: str = ""


@dataclass(frozen=True)
class Notice:
    """A webhook that proved where it came from, reduced to what we do with it: look at that object again."""

    event_id: str
    kind: str
    reference: str | None  # "payment:<id>", "refund:<id>" or None where it is none of ours
    payment_ref: str | None = None  # the provider's id of the payment that a refund or a dispute takes from


class Provider(Protocol):
    """`find` and `find_refund` ask by our reference; `reference` is the one given when the object was created.

    Clues save work and decide nothing: with none of them the answer is the same, if anybody has the patience.
    """

    name: str
    titles: Mapping[str, str]  # what the customer chooses it by, in each language: {"ru": "Картой", "en": "By card"}
    abilities: Abilities
    checkout_origin: str  # where its hosted pages live: "https://pay.example"; several with spaces between

    def start_checkout(self, order: CheckoutOrder) -> Answer: ...

    def close_checkout(self, reference: str, clues: Clues = NO_CLUES) -> Answer:
        """Close the hosted page. `failed` proves that it can no longer be paid; `succeeded` that it was."""

    def charge(self, order: ChargeOrder) -> Answer: ...

    def refund(self, order: RefundOrder) -> Answer:
        """`failed` with a gateway decline: nothing happened, to be sent again. With any other: refused for good."""

    def find(self, reference: str, clues: Clues = NO_CLUES) -> Answer: ...

    def find_refund(self, reference: str, clues: Clues = NO_CLUES) -> Answer: ...

    def money_back(self, reference: str, clues: Clues = NO_CLUES) -> MoneyBack:
        """Every refund and dispute of the payment with our `reference`, also those that we did not make."""

    def listed(self, what: Listable, after: str = "", since: datetime | None = None) -> Listing:
        """Everything it has of us, also what we did not make, in an order that later objects do not disturb.

        `since`: only what was made there at that moment or later.
        """

    def detach(self, method_ref: str) -> bool:
        """Forget a saved method; True once the provider has (also when it never knew it)."""

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        """Check the proof on the raw bytes, then read them. Raises BadSignature."""

    def parse(self, body: bytes) -> Notice:
        """Read a body that was verified when it was stored."""
