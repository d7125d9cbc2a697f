"""Money back that we gave. Reserved on the payment before it is asked for, so that two refunds never exceed it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from portal.domain.money import Money

OPEN = frozenset({"requested", "submitted", "pending", "unknown"})

# Why an operator gives money back, and why not.
GIVING = ("not_as_described", "technical_fault", "charged_by_mistake", "not_recognised", "goodwill", "agreement")
REFUSING = ("time_used", "asked_too_late", "already_returned", "misuse")


@dataclass(frozen=True)
class Refund:
    id: UUID
    payment_id: UUID
    invoice_id: UUID
    subscription_id: UUID
    user_id: str
    reason: str  # duplicate | late (by itself) | customer | operator | provider (made there, not by us)
    state: str
    amount_minor: int
    currency: str
    created_at: datetime
    modified_at: datetime
    offer: str | None = None  # full | unused: the customer's own right
    effect: str = "keep"  # end_now | period_end | keep | take_back (only time that has not begun) | old_plan
    comment: str | None = None  # the customer's words, or the operator's
    accepted_at: datetime | None = None  # the provider has taken it in hand; its effect is done
    provider_ref: str | None = None
    sent_at: datetime | None = None
    next_check_at: datetime | None = None
    checks: int = 0
    note: str | None = None
    grounds: str | None = None  # why an operator gave or refused it, of the closed lists above
    review_at: datetime | None = None  # since when an operator has to look
    absent_at: datetime | None = None  # as of a payment

    @property
    def reference(self) -> str:
        return f"refund:{self.id}"

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def open(self) -> bool:
        return self.state in OPEN


def refund_id_of(reference: str) -> UUID | None:
    kind, _, value = reference.partition(":")
    try:
        return UUID(value) if kind == "refund" else None
    except ValueError:
        return None
