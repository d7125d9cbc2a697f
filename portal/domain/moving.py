"""Prices that operators move subscribers to: for periods that start on or after a date, and for no others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from portal.domain.errors import InvalidRequest, PriceExists
from portal.domain.plan import Price

READ_WITHIN = timedelta(minutes=5)  # a form that says "from now on" takes its time to be sent


@dataclass(frozen=True)
class PriceMove:
    id: UUID
    plan_id: UUID
    from_price_id: UUID
    to_price_id: UUID
    starts_at: datetime
    created_at: datetime


def price_from(price_id: UUID, start: datetime, moves: Iterable[PriceMove]) -> UUID:
    """The price row of a period that starts then, for who pays `price_id` now. What was decided last counts."""
    begun = sorted((m for m in moves if m.starts_at <= start), key=lambda m: (m.starts_at, m.created_at))
    onward = {move.from_price_id: move.to_price_id for move in begun}
    for _ in begun:  # moves form no circle, so that this is as far as it can go
        if price_id not in onward:
            break
        price_id = onward[price_id]
    return price_id


def move(
    act_id: UUID, old: Price, new: Price, starts_at: datetime, moves: Sequence[PriceMove], now: datetime
) -> PriceMove:
    """Raises InvalidRequest, which names the field, and PriceExists where this is decided for that moment already."""
    if (old.plan_id, old.currency) != (new.plan_id, new.currency) or old.id == new.id:
        raise InvalidRequest("another price of the same plan in the same currency", field="to")
    if starts_at.tzinfo is None or starts_at < now - READ_WITHIN:
        raise InvalidRequest("a price moves now or later", field="starts_at")
    if _leads_to(old.id, new.id, moves):
        raise InvalidRequest("those who pay that price are moved to this one: add a new price instead", field="to")
    starts_at = max(starts_at, now)
    if any((one.from_price_id, one.starts_at) == (old.id, starts_at) for one in moves):
        raise PriceExists(f"from {starts_at.isoformat()} this price is moved already", field="starts_at")
    return PriceMove(act_id, old.plan_id, old.id, new.id, starts_at, now)


def _leads_to(wanted: UUID, start: UUID, moves: Sequence[PriceMove]) -> bool:
    """Whether any moves lead from `start` to `wanted`, whatever their dates."""
    reached, edge = {start}, {start}
    while edge:
        edge = {one.to_price_id for one in moves if one.from_price_id in edge} - reached
        reached |= edge
    return wanted in reached
