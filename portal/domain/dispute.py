"""Money that the bank takes back at its customer's word, until it is decided whose it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from portal.domain.money import Money


@dataclass(frozen=True)
class Dispute:
    id: UUID
    payment_id: UUID
    invoice_id: UUID
    subscription_id: UUID
    user_id: str
    provider: str
    provider_ref: str
    state: str  # open | won (the money stays ours) | lost
    amount_minor: int  # what the bank says
    counted_minor: int  # how much of it the payment's row carries: what was given back already is not taken twice
    currency: str
    opened_at: datetime  # at the bank
    created_at: datetime
    modified_at: datetime
    decided_at: datetime | None = None
    next_check_at: datetime | None = None

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def open(self) -> bool:
        return self.state == "open"
