"""One user's relation to one plan."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

LIVE = frozenset({"trialing", "active", "past_due", "suspended", "paused"})


@dataclass(frozen=True)
class Subscription:
    id: UUID
    user_id: str
    plan_id: UUID
    price_id: UUID
    group: str
    state: str
    auto_renew: bool
    zone: str
    created_at: datetime
    anchor: datetime | None = None
    steps: int = 0  # intervals consumed since the anchor
    paid_through: datetime | None = None
    trial_end: datetime | None = None
    payment_method_id: UUID | None = None
    next_action_at: datetime | None = None
    started_at: datetime | None = None  # since when this access runs without a break
    past_due_since: datetime | None = None  # the first declined payment of the running dunning
    declines: int = 0  # of the running dunning
    method_dead: bool = False  # the bank said never again; a new method is needed
    gateway_failures: int = 0  # in a row: the bank was not reached
    retry_at: datetime | None = None  # overrides the schedule: the bank was not reached, or a new method has come
    parked_at: datetime | None = None
    park_reason: str | None = None  # of parking.REASONS
    ended_at: datetime | None = None
    end_reason: str | None = None
    booked_plan_id: UUID | None = None  # the plan it renews as, where the customer has chosen another one
    booked_price_id: UUID | None = None
    disputed_at: datetime | None = None  # while it runs: since when the bank has a payment of it under dispute

    @property
    def live(self) -> bool:
        return self.state in LIVE

    @property
    def runs_until(self) -> datetime | None:
        """The end of what was paid for, or of the trial before it: when the next charge is due."""
        return self.paid_through or self.trial_end


@dataclass(frozen=True)
class Period:
    """The half-open time [start, end) that one paid invoice or one grant gave. Revoked: its money was given back."""

    id: UUID
    subscription_id: UUID
    start: datetime
    end: datetime
    intervals: int  # of the plan; a trial uses none
    invoice_id: UUID | None  # None: an operator's grant
    created_at: datetime
    revoked_at: datetime | None = None
    act_id: UUID | None = None  # of the operator who granted it

    @property
    def bought(self) -> bool:
        """Somebody's money: neither given by an operator nor tried for nothing."""
        return self.invoice_id is not None and self.intervals > 0
