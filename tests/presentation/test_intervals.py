from __future__ import annotations

import pytest

from portal.domain.calendar import Interval
from portal.domain.money import Money
from portal.presentation.intervals import duration, monthly, per

FORMS = {
    Interval.day: ("день", "дня", "дней"),
    Interval.week: ("неделя", "недели", "недель"),
    Interval.month: ("месяц", "месяца", "месяцев"),
    Interval.year: ("год", "года", "лет"),
}
COUNTS = {0: 2, 1: 0, 2: 1, 5: 2, 11: 2, 21: 0, 22: 1, 25: 2, 101: 0, 111: 2}


@pytest.mark.parametrize("interval", FORMS)
@pytest.mark.parametrize(("count", "form"), COUNTS.items())
def test_russian_counts_in_three_forms(interval: Interval, count: int, form: int) -> None:
    assert duration(interval, count, "ru") == f"{count}\u00a0{FORMS[interval][form]}"


@pytest.mark.parametrize(("count", "written"), [(0, "0 months"), (1, "1 month"), (2, "2 months"), (21, "21 months")])
def test_english_counts_in_two(count: int, written: str) -> None:
    assert duration(Interval.month, count, "en") == written


def test_a_price_is_per_interval_or_for_several() -> None:
    assert per(Interval.month, 1, "ru") == "в\u00a0месяц"
    assert per(Interval.week, 1, "en") == "per week"
    assert per(Interval.week, 21, "ru") == "за\u00a021\u00a0неделю"
    assert per(Interval.month, 3, "ru") == "за\u00a03\u00a0месяца"
    assert per(Interval.month, 3, "en") == "for 3 months"


def test_a_month_of_a_long_plan_is_reckoned_and_rounded_once() -> None:
    assert monthly(Money(499000, "RUB"), Interval.year, 1) == Money(41583, "RUB")
    assert monthly(Money(30000, "RUB"), Interval.month, 3) == Money(10000, "RUB")
    assert monthly(Money(1000, "JPY"), Interval.year, 1) == Money(83, "JPY")


@pytest.mark.parametrize(("interval", "count"), [(Interval.month, 1), (Interval.week, 4), (Interval.day, 30)])
def test_no_month_is_reckoned_for_plans_that_are_not_longer(interval: Interval, count: int) -> None:
    assert monthly(Money(29900, "RUB"), interval, count) is None
