"""The link to a payment system for later charges. Never a card number."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True)
class PaymentMethod:
    id: UUID
    user_id: str
    provider: str
    customer_ref: str
    method_ref: str
    kind: str  # card | wallet | bank
    title: str  # "Visa ·· 4242"
    expires: str | None  # "2030-12"
    created_at: datetime
    dead_at: datetime | None = None  # the bank said: never again
    removed_at: datetime | None = None  # by the customer: never charged again
    detached_at: datetime | None = None  # the provider has forgotten it too
