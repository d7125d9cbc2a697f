"""What operators may do to a plan: anything before it was sold, afterwards only what nobody bought."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from uuid import UUID

from portal.domain.calendar import Interval
from portal.domain.errors import InvalidAmount, InvalidRequest, PlanNotSellable, PlanSold
from portal.domain.ids import new_id
from portal.domain.money import MAX_MINOR, Money
from portal.domain.plan import Plan, Price

CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)
FEATURE = re.compile(r"[a-z0-9_-]+", re.ASCII)
LANGUAGE = re.compile(r"[a-z]{2}", re.ASCII)
LONGEST_WORD = 64
LONGEST_NAME = 200
LONGEST_DESCRIPTION = 2000
MOST_INTERVALS = 36
LONGEST_TRIAL = 90
LAST_POSITION = 9999

READ_WITHIN = timedelta(minutes=5)  # a form that says "from now on" takes its time to be sent


@dataclass(frozen=True)
class PlanDraft:
    """A plan as an operator types it. Its fields are columns of the plan."""

    code: str
    group: str
    names: Mapping[str, str]  # by language
    descriptions: Mapping[str, str]
    features: tuple[str, ...]
    interval: Interval
    interval_count: int
    position: int
    trial_days: int = 0


# How a plan is shown; everything else is what its customers bought.
SHOWN = frozenset({"names", "descriptions", "position"})


def plan(draft: PlanDraft, now: datetime) -> Plan:
    """Nobody can buy it yet. Raises InvalidRequest."""
    _check(draft)
    return Plan(id=new_id(now), state="draft", created_at=now, **_columns(draft))  # type: ignore[arg-type]  # columns of the plan


def edit(plan: Plan, draft: PlanDraft, sold: bool) -> dict[str, object]:
    """The columns that change. Raises InvalidRequest, PlanSold."""
    _check(draft)
    changed = {name: value for name, value in _columns(draft).items() if value != getattr(plan, name)}
    if sold and (bought := changed.keys() - SHOWN):
        raise PlanSold(f"{', '.join(sorted(bought))} of a plan that was sold")
    return changed


def price(plan_id: UUID, amount: Money, valid_from: datetime, now: datetime) -> Price:
    """Raises InvalidAmount, InvalidRequest."""
    if not 0 < amount.minor <= MAX_MINOR:
        raise InvalidAmount("a price is more than nothing, and less than everything", field="amount")
    if valid_from.tzinfo is None or valid_from < now - READ_WITHIN:
        raise InvalidRequest("a price begins now or later", field="valid_from")
    return Price(new_id(now), plan_id, amount.minor, amount.currency, max(valid_from, now), now)


def refuse_unpriced(prices: list[Price], currency: str, now: datetime) -> None:
    """Raises PlanNotSellable where customers would not find a price today."""
    if not any(price.currency == currency and price.valid_from <= now for price in prices):
        raise PlanNotSellable(f"no price in {currency} is valid now")


def refuse_sold(sold: bool) -> None:
    """Raises PlanSold."""
    if sold:
        raise PlanSold("somebody has bought it")


def _columns(draft: PlanDraft) -> dict[str, object]:
    told = {field.name: getattr(draft, field.name) for field in fields(draft)}
    return told | {"names": dict(draft.names), "descriptions": dict(draft.descriptions)}


def _check(draft: PlanDraft) -> None:
    """Raises InvalidRequest, which names the field."""
    for field in _wrong(draft):
        raise InvalidRequest(f"{field} of a plan cannot be {getattr(draft, field)!r}", field=field)


def _wrong(draft: PlanDraft) -> Iterator[str]:
    """Fields with values that the columns, or those who read them, do not take."""
    for field in ("code", "group"):
        if not _is_word(CODE, getattr(draft, field)):
            yield field
    if not draft.names or not all(_is_text(text, LONGEST_NAME) for text in draft.names.values()):
        yield "names"
    for field, texts in (("names", draft.names), ("descriptions", draft.descriptions)):
        if not all(LANGUAGE.fullmatch(language) for language in texts):
            yield field
    if not all(_is_text("".join(text.split()), LONGEST_DESCRIPTION) for text in draft.descriptions.values()):
        yield "descriptions"
    if not all(_is_word(FEATURE, word) for word in draft.features) or len(set(draft.features)) < len(draft.features):
        yield "features"
    if draft.interval not in list(Interval):
        yield "interval"
    if not 1 <= draft.interval_count <= MOST_INTERVALS:
        yield "interval_count"
    if type(draft.trial_days) is not int or not 0 <= draft.trial_days <= LONGEST_TRIAL:
        yield "trial_days"
    if not 0 <= draft.position <= LAST_POSITION:
        yield "position"


def _is_word(shape: re.Pattern[str], text: str) -> bool:
    return len(text) <= LONGEST_WORD and shape.fullmatch(text) is not None


def _is_text(text: str, longest: int) -> bool:
    """Something that can be read, and stored: neither NUL nor half of a surrogate pair."""
    return 0 < len(text.strip()) <= longest and text.isprintable()
