"""How a call to a payment system can end. Exactly one of these, never a guess."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    succeeded = "succeeded"
    failed = "failed"
    requires_action = "requires_action"  # the customer has to do something at `redirect_url`
    pending = "pending"  # the provider has it and will tell
    unknown = "unknown"  # it may have happened


class DeclineClass(StrEnum):
    soft = "soft"  # later
    hard = "hard"  # this method is dead
    gateway = "gateway"  # never reached the bank
    closed = "closed"  # the checkout was closed or ran out, unpaid


@dataclass(frozen=True)
class Decline:
    kind: DeclineClass
    code: str  # insufficient_funds, lost_card, expired_card, declined, authentication_failed, checkout_expired, ...


def turned_away(decline: Decline | None, provider_ref: str | None) -> bool:
    """What was sent was not heard, and became nothing: sent twice, it says nothing of the other one."""
    return decline is not None and decline.kind is DeclineClass.gateway and not provider_ref
