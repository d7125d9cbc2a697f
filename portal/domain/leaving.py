"""Why somebody cancelled, where they care to say. It changes nothing of the cancellation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

LONGEST_COMMENT = 500


class Reason(StrEnum):
    too_expensive = "too_expensive"
    not_enough = "not_enough"
    watch_rarely = "watch_rarely"
    technical = "technical"
    for_a_while = "for_a_while"
    other_service = "other_service"
    other = "other"


@dataclass(frozen=True)
class CancelReason:
    """One for a cancellation, which is a line of the history."""

    cancellation: int
    subscription_id: UUID
    user_id: str
    reason: str
    comment: str | None  # only of `other`
    at: datetime
