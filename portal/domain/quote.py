"""What a change of plan comes to, reckoned at one moment: good for a quarter of an hour, and for one use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from uuid import UUID

from portal.domain.money import Money

VALID_FOR = timedelta(minutes=15)


@dataclass(frozen=True)
class ChangeQuote:
    """Sums are minor units of `currency`: `gross` less `credit` less `waived` is what is paid today.

    `moment`: now | period_end. `anew`: another interval, so that the time begins anew when the plan moves. `left`:
    how many intervals the sum is for, an exact fraction. `carried`: of which payments the credit is, by id.
    """

    id: UUID
    user_id: str
    subscription_id: UUID
    fingerprint: str  # of everything it was reckoned from
    from_plan_id: UUID
    from_price_id: UUID
    plan_id: UUID
    price_id: UUID
    moment: str
    anew: bool
    gross_minor: int
    credit_minor: int
    waived_minor: int  # less than the payment system charges
    currency: str
    left: str
    carried: Mapping[str, int]
    until: datetime  # the end of the time that is paid for, or of the trial
    then_at: datetime  # since when the new price is charged
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None
    invoice_id: UUID | None = None  # of what is paid today
    applied_at: datetime | None = None  # when the plan moved
    returned_at: datetime | None = None  # the money for it was given back, and the old plan with it

    @property
    def gross(self) -> Money:
        return Money(self.gross_minor, self.currency)

    @property
    def credit(self) -> Money:
        return Money(self.credit_minor, self.currency)

    @property
    def waived(self) -> Money:
        return Money(self.waived_minor, self.currency)

    @property
    def today(self) -> Money:
        return self.gross - self.credit - self.waived

    @property
    def intervals_left(self) -> Fraction:
        return Fraction(self.left)

    @property
    def bettered(self) -> bool:
        """It made running time better and gave none: what was paid for it can come back alone."""
        return self.applied_at is not None and not self.anew and self.returned_at is None
