"""What was agreed, when, from where. Append-only: a revocation is a row of its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

KINDS = ("terms", "personal_data", "renewal")


@dataclass(frozen=True)
class Consent:
    id: UUID
    user_id: str
    kind: str
    given: bool
    text_version: str
    source: str  # cabinet | api (the client says that it obtained it)
    at: datetime
    locale: str
    address: str | None
    user_agent: str | None
    invoice_id: UUID | None = None
    payment_method_id: UUID | None = None


@dataclass(frozen=True)
class Agreement:
    """The boxes of one checkout, and where they were ticked."""

    terms: bool
    personal_data: bool
    renewal: bool
    source: str
    locale: str
    address: str | None = None
    user_agent: str | None = None
