"""What was paid for time is earned as the time passes: by day, to the minor unit, and nothing of what is given back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from fractions import Fraction
from uuid import UUID
from zoneinfo import ZoneInfo

from portal.domain.calendar import instant_of
from portal.domain.money import Money

TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class Holding:
    """What is held of one payment. Without a time that it bought, all of it belongs to the customer.

    `earned_minor` is what the books say, up to `earned_until`; `due_at` is when they may say more, None: never.
    """

    payment_id: UUID
    invoice_id: UUID
    subscription_id: UUID
    user_id: str
    provider: str
    currency: str
    amount_minor: int
    returned_minor: int = 0  # given back, or lost in a dispute
    earned_minor: int = 0
    base_minor: int = 0  # what was earned before `start`, where time was exchanged for other time
    start: datetime | None = None
    end: datetime | None = None
    earned_until: datetime | None = None
    due_at: datetime | None = None
    stopped_at: datetime | None = None  # its time was taken back: what is kept in the end is earned

    @property
    def kept_minor(self) -> int:
        return self.amount_minor - self.returned_minor

    @property
    def deferred_minor(self) -> int:
        return self.kept_minor - self.earned_minor if self.start else 0

    @property
    def owed_minor(self) -> int:
        return 0 if self.start else self.kept_minor

    def earned_by(self, moment: datetime) -> int:
        """How much of what is kept the time before `moment` is worth; rounded once, from the start, half up."""
        assert self.start is not None  # noqa: S101 - for the two callers below
        assert self.end is not None  # noqa: S101
        if moment >= self.end:
            return self.kept_minor
        passed, base = max(moment - self.start, timedelta(0)), min(self.base_minor, self.kept_minor)
        share = Fraction(passed // TICK, (self.end - self.start) // TICK)
        return base + Money(self.kept_minor - base, self.currency).share(share).minor


def opened(holding: Holding, zone: str) -> Holding:
    """As it stands when the money has come."""
    return replace(holding, earned_until=holding.start, due_at=_due(holding, holding.start, zone))


def earn(holding: Holding, now: datetime, zone: str) -> tuple[Holding, list[tuple[date, int]]]:
    """Everything that is due: by month, under its last day, the sum that this month's days are worth."""
    found = []
    while holding.due_at is not None and holding.due_at <= now:
        through = holding.due_at
        by_then = holding.earned_by(through)
        if by_then != holding.earned_minor:
            found.append((day_of(through - TICK, zone), by_then - holding.earned_minor))
        holding = replace(holding, earned_minor=by_then, earned_until=through)
        holding = replace(holding, due_at=_due(holding, through, zone))
    return holding, found


def give_back(holding: Holding, minor: int, zone: str) -> Holding:
    """`minor` less is kept, more where it is negative. What the books call earned follows at once, as if it had never
    been paid.

    Where its time was taken back as well, what is left was for time that has passed, and is earned.
    """
    after = replace(holding, returned_minor=holding.returned_minor + minor)
    if after.start is None or after.earned_until is None:
        return after
    earned = after.kept_minor if after.stopped_at else after.earned_by(after.earned_until)
    after = replace(after, earned_minor=earned)
    return replace(after, due_at=None if after.stopped_at else _due(after, after.earned_until, zone))


def stop(holding: Holding, now: datetime) -> Holding:
    """Its time was taken back: nothing more is earned of it, until it is known how much goes back."""
    return replace(holding, stopped_at=now, due_at=None)


def carry(holding: Holding, now: datetime, end: datetime, zone: str) -> Holding:
    """The rest of its time was exchanged for other time, from now to `end`. What has passed is earned at once."""
    if holding.start is None or holding.stopped_at:
        return holding
    earned = max(holding.earned_by(now), holding.earned_minor)
    after = replace(holding, earned_minor=earned, base_minor=earned, start=now, end=end, earned_until=now)
    return replace(after, due_at=_due(after, now, zone))


def month_after(moment: datetime, zone: str) -> datetime:
    """The first moment of the month after `moment`'s, in a zone."""
    local = moment.astimezone(ZoneInfo(zone))
    year, month = (local.year + 1, 1) if local.month == 12 else (local.year, local.month + 1)
    return instant_of(datetime(year, month, 1), zone)


def day_of(moment: datetime, zone: str) -> date:
    return moment.astimezone(ZoneInfo(zone)).date()


def _due(holding: Holding, since: datetime | None, zone: str) -> datetime | None:
    """The books are kept by month: the next end of one in which something is earned."""
    if since is None or holding.end is None or holding.kept_minor == 0:
        return None
    return None if since >= holding.end and since != holding.start else month_after(since, zone)
