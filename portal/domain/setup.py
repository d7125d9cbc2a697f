"""Saving a payment method without paying anything: a hosted page over nothing, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

OPEN = frozenset({"created", "requires_action", "unknown"})


@dataclass(frozen=True)
class MethodSetup:
    id: UUID
    user_id: str
    provider: str
    state: str  # created | unknown | requires_action | succeeded | failed
    created_at: datetime
    modified_at: datetime
    expires_at: datetime
    sent_at: datetime | None = None
    next_check_at: datetime | None = None
    checks: int = 0
    redirect_url: str | None = None
    payment_method_id: UUID | None = None
    decline_code: str | None = None

    @property
    def reference(self) -> str:
        return f"setup:{self.id}"

    @property
    def open(self) -> bool:
        return self.state in OPEN


def setup_id_of(reference: str) -> UUID | None:
    kind, _, value = reference.partition(":")
    try:
        return UUID(value) if kind == "setup" else None
    except ValueError:
        return None
