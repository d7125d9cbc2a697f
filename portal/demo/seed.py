"""A small believable cinema: plans in two groups, in two languages."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from portal import runtime
from portal.db import rows
from portal.db.session import atomic
from portal.domain.calendar import Interval
from portal.domain.ids import new_id
from portal.domain.money import Money
from portal.domain.plan import Plan, Price
from portal.models.plan import PlanRow


@dataclass(frozen=True)
class Ware:
    code: str
    group: str
    interval: Interval
    prices: tuple[Money, ...]
    features: tuple[str, ...]
    names: dict[str, str]
    descriptions: dict[str, str] = field(default_factory=dict)


def _rub_usd(rubles: int, cents: int) -> tuple[Money, ...]:
    return Money(rubles * 100, "RUB"), Money(cents, "USD")


WARES = (
    Ware(
        "standard",
        "main",
        Interval.month,
        _rub_usd(299, 399),
        ("library", "two_screens"),
        {"ru": "Стандарт", "en": "Standard"},
        {
            "ru": "Вся фильмотека в Full HD, два экрана одновременно.",
            "en": "The whole library in Full HD, on two screens at once.",
        },
    ),
    Ware(
        "premium",
        "main",
        Interval.month,
        _rub_usd(499, 699),
        ("library", "uhd", "premieres", "offline", "four_screens"),
        {"ru": "Премиум", "en": "Premium"},
        {
            "ru": "Премьеры в день выхода, 4K и загрузка на устройство.",
            "en": "Premieres on the day they open, 4K and downloads.",
        },
    ),
    Ware(
        "premium-year",
        "main",
        Interval.year,
        _rub_usd(4990, 6990),
        ("library", "uhd", "premieres", "offline", "four_screens"),
        {"ru": "Премиум на год", "en": "Premium for a year"},
        {
            "ru": "Всё из «Премиума», двенадцать месяцев по цене десяти.",
            "en": "Everything in Premium, twelve months for the price of ten.",
        },
    ),
    Ware(
        "sport",
        "sport",
        Interval.month,
        _rub_usd(249, 349),
        ("sport",),
        {"ru": "Спорт", "en": "Sport"},
        {
            "ru": "Прямые трансляции матчей и турниров. Отдельно или вместе с любой подпиской на кино.",
            "en": "Matches and tournaments live. On its own or beside any film plan.",
        },
    ),
)


def seed() -> int:
    """Put on sale what is not there yet. Answers how many plans were added."""
    now = runtime.clock.now()
    added = 0
    for position, ware in enumerate(WARES, start=1):
        with atomic():
            if rows.find(Plan, PlanRow.code == ware.code) is None:
                _add(ware, position, now)
                added += 1
    return added


def _add(ware: Ware, position: int, now: datetime) -> None:
    plan = Plan(
        id=new_id(now),
        code=ware.code,
        group=ware.group,
        state="on_sale",
        names=ware.names,
        descriptions=ware.descriptions,
        features=ware.features,
        interval=ware.interval,
        interval_count=1,
        trial_days=0,
        position=position,
        created_at=now,
    )
    rows.add(plan)
    for price in ware.prices:
        # From the day before, so that no clock difference between processes hides a price.
        valid_from = now - timedelta(days=1)
        rows.add(Price(new_id(now), plan.id, price.minor, price.currency, valid_from, now))
