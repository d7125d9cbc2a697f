"""What a decision asks to be written: new rows and moves of one user, in order, in one commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from portal.domain.consent import Consent
from portal.domain.dispute import Dispute
from portal.domain.invoice import Invoice, InvoiceLine
from portal.domain.method import PaymentMethod
from portal.domain.payment import Payment
from portal.domain.quote import ChangeQuote
from portal.domain.refund import Refund
from portal.domain.setup import MethodSetup
from portal.domain.subscription import Period, Subscription

Subject: TypeAlias = Subscription | Invoice | Payment | Refund | Dispute
Row: TypeAlias = Subject | InvoiceLine | Period | PaymentMethod | Consent | MethodSetup

KIND: Mapping[type, str] = {
    Subscription: "subscription",
    Invoice: "invoice",
    Payment: "payment",
    Refund: "refund",
    Dispute: "dispute",
    MethodSetup: "setup",
}


@dataclass(frozen=True)
class Move:
    """`subject` takes the edge `event`; `sets` are the other columns that change with it."""

    subject: Subject | MethodSetup
    event: str
    sets: Mapping[str, object] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        return KIND[type(self.subject)]


@dataclass(frozen=True)
class Set:
    """Columns of a row that has no state."""

    row: PaymentMethod | Period | ChangeQuote
    values: Mapping[str, object]


Write: TypeAlias = Move | Set | Row


@dataclass(frozen=True)
class Change:
    user_id: str
    at: datetime  # when it is done
    actor: str  # "user:alice", "provider:sandbox", "worker"
    writes: tuple[Write, ...]
    due_at: datetime | None = None  # when it was due, where that is another moment
    reason: str = ""
    invoice_id: UUID | None = None
