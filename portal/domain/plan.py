"""What is sold, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from portal.domain.calendar import Interval
from portal.domain.money import Money


@dataclass(frozen=True)
class Plan:
    id: UUID
    code: str  # the API's product_id
    group: str
    state: str  # draft | on_sale | archived
    names: Mapping[str, str]  # by language
    descriptions: Mapping[str, str]
    features: tuple[str, ...]
    interval: Interval
    interval_count: int
    trial_days: int
    position: int
    created_at: datetime

    @property
    def on_sale(self) -> bool:
        return self.state == "on_sale"


@dataclass(frozen=True)
class Price:
    """Immutable: a new price is a new row, and a subscription keeps the row it was sold at."""

    id: UUID
    plan_id: UUID
    amount_minor: int
    currency: str
    valid_from: datetime
    created_at: datetime

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)
