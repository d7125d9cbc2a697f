"""What operators may do to a plan, before and after it was sold."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import pytest

from portal.domain.calendar import Interval
from portal.domain.errors import InvalidAmount, InvalidRequest, PlanNotSellable, PlanSold
from portal.domain.money import MAX_MINOR, Money
from portal.domain.plan import Plan, Price
from portal.domain.planning import SHOWN, PlanDraft, edit, plan, price, refuse_sold, refuse_unpriced
from tests.domain import samples
from tests.domain.samples import NOW, PLAN_ID

DRAFT = PlanDraft(
    code="standard",
    group="main",
    names={"en": "Standard"},
    descriptions={"en": "Films"},
    features=("hd",),
    interval=Interval.month,
    interval_count=1,
    position=1,
)
OTHERS: dict[str, Any] = {
    "code": "gold",
    "group": "films",
    "names": {"ru": "Стандарт"},
    "descriptions": {},
    "features": (),
    "interval": Interval.year,
    "interval_count": 2,
    "position": 7,
    "trial_days": 14,
}


def test_a_new_plan_is_a_draft_without_a_trial() -> None:
    made = plan(DRAFT, NOW)
    assert (made.state, made.trial_days, made.created_at) == ("draft", 0, NOW)
    assert {field.name: getattr(made, field.name) for field in fields(DRAFT)} == {
        field.name: getattr(DRAFT, field.name) for field in fields(DRAFT)
    }


def test_every_field_of_a_draft_is_a_column_of_the_plan() -> None:
    assert {field.name for field in fields(PlanDraft)} == set(OTHERS) <= {field.name for field in fields(Plan)}


@pytest.mark.parametrize("field", list(OTHERS))
def test_what_changes_is_told_alone(field: str) -> None:
    assert edit(samples.plan(), DRAFT, sold=True) == {}
    changed = replace(DRAFT, **{field: OTHERS[field]})
    assert edit(samples.plan(), changed, sold=False) == {field: OTHERS[field]}


@pytest.mark.parametrize("field", list(OTHERS))
def test_once_sold_only_how_it_is_shown_may_change(field: str) -> None:
    changed = replace(DRAFT, **{field: OTHERS[field]})
    if field in SHOWN:
        assert edit(samples.plan(), changed, sold=True) == {field: OTHERS[field]}
        return
    with pytest.raises(PlanSold):
        edit(samples.plan(), changed, sold=True)


def test_what_was_sold_is_not_deleted() -> None:
    refuse_sold(sold=False)
    with pytest.raises(PlanSold):
        refuse_sold(sold=True)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("code", "-gold"),
        ("code", "gold--bar"),
        ("code", "золото"),
        ("code", "gold "),
        ("code", "g" * 65),
        ("group", ""),
        ("names", {"en": ""}),
        ("names", {"en": "n" * 201}),
        ("names", {"EN": "Gold"}),
        ("descriptions", {"en": ""}),
        ("descriptions", {"en": "\ud800"}),
        ("features", ("",)),
        ("features", ("UHD",)),
        ("features", ("hd", "hd")),
        ("interval", "month\n"),
        ("interval_count", 37),
        ("position", 10_000),
    ],
)
def test_a_field_that_cannot_be_kept_is_named(field: str, value: Any) -> None:
    wrong = replace(DRAFT, **{field: value})
    for act in (lambda: plan(wrong, NOW), lambda: edit(samples.plan(), wrong, sold=False)):
        with pytest.raises(InvalidRequest) as refused:
            act()
        assert refused.value.facts == {"field": field}


@pytest.mark.parametrize(
    ("late", "begins"),
    [
        (timedelta(days=-30), timedelta(days=30)),
        (timedelta(0), timedelta(0)),
        (timedelta(minutes=5), timedelta(0)),
        (timedelta(minutes=5, seconds=1), None),
        (timedelta(days=1), None),
    ],
)
def test_a_price_begins_now_or_later(late: timedelta, begins: timedelta | None) -> None:
    if begins is None:
        with pytest.raises(InvalidRequest) as refused:
            price(PLAN_ID, Money(100, "RUB"), NOW - late, NOW)
        assert refused.value.facts == {"field": "valid_from"}
        return
    made = price(PLAN_ID, Money(100, "RUB"), NOW - late, NOW)
    assert (made.valid_from, made.amount, made.plan_id) == (NOW + begins, Money(100, "RUB"), PLAN_ID)


@pytest.mark.parametrize("minor", [0, -1, MAX_MINOR + 1])
def test_a_price_is_a_sum_that_can_be_paid(minor: int) -> None:
    with pytest.raises(InvalidAmount):
        price(PLAN_ID, Money(minor, "RUB"), NOW, NOW)


@pytest.mark.parametrize(
    ("prices", "sellable"),
    [
        ([], False),
        ([samples.price()], True),
        ([samples.price(valid_from=NOW)], True),
        ([samples.price(valid_from=NOW + timedelta(seconds=1))], False),
        ([samples.price(currency="USD")], False),
        ([samples.price(currency="USD"), samples.price()], True),
    ],
)
def test_a_plan_is_sold_where_customers_find_a_price_today(prices: list[Price], sellable: bool) -> None:
    if sellable:
        refuse_unpriced(prices, "RUB", NOW)
        return
    with pytest.raises(PlanNotSellable):
        refuse_unpriced(prices, "RUB", NOW)
