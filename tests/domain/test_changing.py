"""Which change begins when, and what it comes to; the quote is the charge."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain import changing
from portal.domain.calendar import Interval
from portal.domain.change import Move, Set
from portal.domain.changing import Standing, Terms
from portal.domain.errors import NotChangeable, PaymentInProgress, QuoteVoid
from portal.domain.invoice import Invoice, InvoiceLine
from portal.domain.money import Money
from portal.domain.moving import PriceMove, price_from
from portal.domain.payment import Payment
from portal.domain.policy import Policy
from portal.domain.proration import Held
from portal.domain.quote import ChangeQuote
from tests.domain import samples, thousands

POLICY = Policy()
NOW = datetime(2027, 1, 20, 9, 0, tzinfo=UTC)
LEFT = Fraction(21, 31)
OLD = Terms(samples.plan(), samples.price())
PAID = Money(29_900, "RUB")


def terms(minor: int = 49_900, interval: Interval = Interval.month, **more: Any) -> Terms:
    plan = samples.plan(id=samples.OTHER_PLAN_ID, code="premium", interval=interval, **more)
    return Terms(plan, samples.price(id=UUID(int=60), plan_id=plan.id, amount_minor=minor))


def standing(**more: Any) -> Standing:
    columns = {name: more.pop(name) for name in list(more) if hasattr(samples.running(), name)}
    facts: dict[str, Any] = {
        "subscription": samples.running(**columns),
        "terms": OLD,
        "held": (Held(samples.PAYMENT_ID, PAID, LEFT),),
        "left": LEFT,
        "given": False,
    }
    return Standing(**(facts | more))


def quote(target: Terms, **more: Any) -> ChangeQuote:
    return changing.quote(standing(**more), target, NOW, 100)


TRIAL = {"state": "trialing", "paid_through": None, "anchor": None, "trial_end": NOW + timedelta(days=3)}

# fmt: off
TABLE = [
    # what it moves to,               what is different,      when,         anew,  paid today
    (terms(49_900),                   {},                     "now",        False, 13_548),
    (terms(29_900),                   {},                     "now",        False, 0),
    (terms(19_900),                   {},                     "period_end", False, 0),
    (terms(29_950),                   {},                     "now",        False, 0),      # 0.34: too little
    (terms(499_000, Interval.year),   {},                     "now",        True,  478_745),
    (terms(9_900, Interval.week),     {},                     "period_end", False, 0),
    (terms(499_000, Interval.year),   {"given": True},        "period_end", False, 0),
    (terms(49_900),                   {"auto_renew": False},  "now",        False, 13_548),
    (terms(49_900),                   TRIAL,                  "now",        False, 0),
    (terms(19_900),                   TRIAL,                  "now",        False, 0),
    (terms(499_000, Interval.year),   TRIAL,                  "now",        False, 0),
]
# fmt: on


@pytest.mark.parametrize(("target", "more", "moment", "anew", "today"), TABLE)
def test_when_and_for_how_much(target: Terms, more: dict[str, Any], moment: str, anew: bool, today: int) -> None:
    quoted = quote(target, **more)
    assert (quoted.moment, quoted.anew, quoted.today.minor) == (moment, anew, today)


REFUSED = [
    ({"state": "past_due"}, NotChangeable),
    ({"state": "suspended"}, NotChangeable),
    ({"state": "paused"}, NotChangeable),
    ({"state": "pending"}, NotChangeable),
    ({"state": "ended", "end_reason": "cancelled"}, NotChangeable),
    ({"parked_at": NOW}, NotChangeable),
    ({"group": "sport"}, NotChangeable),
    ({"plan_id": samples.OTHER_PLAN_ID}, NotChangeable),
    ({"paid_through": NOW}, NotChangeable),
    ({"unpaid": samples.INVOICE_ID}, PaymentInProgress),
    ({"refunding": True}, NotChangeable),
]


@pytest.mark.parametrize(("more", "kind"), REFUSED)
def test_what_is_refused(more: dict[str, Any], kind: type[Exception]) -> None:
    with pytest.raises(kind):
        quote(terms(), **more)


def test_nothing_follows_what_does_not_renew() -> None:
    with pytest.raises(NotChangeable):
        quote(terms(19_900), auto_renew=False)


@thousands.of_cases
@given(
    st.sampled_from(["JPY", "RUB", "KWD"]),
    st.integers(1, 10**9),
    st.integers(1, 10**9),
    st.fractions(0, 1, max_denominator=10**6),
    st.integers(0, 10**9),
    st.sampled_from([Interval.month, Interval.year]),
    st.integers(0, 899),
)
def test_the_quote_is_the_charge(
    currency: str, old: int, new: int, left: Fraction, back: int, interval: Interval, seconds: int
) -> None:
    now_on = Terms(OLD.plan, replace(OLD.price, amount_minor=old, currency=currency))
    target = terms(new, interval)
    target = replace(target, price=replace(target.price, currency=currency))
    paid = Held(samples.PAYMENT_ID, Money(max(old - back, 0), currency), left)
    before = standing(terms=now_on, held=(paid,), left=left)
    quoted = changing.quote(before, target, NOW, 1)
    later = NOW + timedelta(seconds=seconds)
    made = changing.execute(quoted, before, target, samples.method(), "sandbox", later, POLICY).change.writes
    charged = [one for one in made if isinstance(one, Payment)]
    assert sum(one.amount_minor for one in charged) == quoted.today.minor
    invoices = [one for one in made if isinstance(one, Invoice)]
    lines = [one for one in made if isinstance(one, InvoiceLine)]
    assert [one.total_minor for one in invoices] == [one.total_minor for one in lines]
    assert all(one.total_minor == one.unit_minor * one.count - one.discount_minor >= 0 for one in lines)
    assert 0 <= quoted.credit_minor <= paid.money.minor
    moves = [one.event for one in made if isinstance(one, Move)]
    assert moves == ([] if charged else ["change_booked" if quoted.moment == "period_end" else "plan_changed"])


def run(quoted: ChangeQuote, before: Standing, now: datetime = NOW) -> changing.Execution:
    return changing.execute(quoted, before, terms(), samples.method(), "sandbox", now, POLICY)


def test_a_quote_is_good_for_a_quarter_of_an_hour_and_one_use() -> None:
    quoted = quote(terms())
    run(quoted, standing(), NOW + timedelta(minutes=14, seconds=59))
    for void in (quoted, replace(quoted, used_at=NOW)):
        with pytest.raises(QuoteVoid):
            run(void, standing(), NOW + timedelta(minutes=15))
    with pytest.raises(QuoteVoid):
        run(replace(quoted, used_at=NOW), standing())


@pytest.mark.parametrize(
    "more",
    [
        {"auto_renew": False},
        {"payment_method_id": None},
        {"paid_through": NOW + timedelta(days=60)},
        {"steps": 2},
        {"booked_plan_id": UUID(int=77)},
        {"held": (Held(samples.PAYMENT_ID, Money(29_899, "RUB"), LEFT),)},
        {"held": ()},
    ],
)
def test_a_quote_is_void_when_what_it_was_reckoned_from_changes(more: dict[str, Any]) -> None:
    with pytest.raises(QuoteVoid):
        run(quote(terms()), standing(**more))


def test_time_that_passes_makes_no_quote_void() -> None:
    less = standing(held=(Held(samples.PAYMENT_ID, PAID, LEFT / 2),), left=LEFT / 2)
    assert run(quote(terms()), less).payment_id is not None


@pytest.mark.parametrize(
    "more",
    [
        {"state": "ended", "end_reason": "cancelled"},
        {"state": "past_due"},
        {"plan_id": UUID(int=77)},
        {"price_id": UUID(int=77)},
        {"paid_through": NOW + timedelta(days=60)},
    ],
)
def test_what_was_paid_too_late_moves_nothing(more: dict[str, Any]) -> None:
    quoted = quote(terms())
    assert changing.stands(quoted, samples.running(), NOW)
    assert not changing.stands(quoted, samples.running(**more), NOW)
    assert not changing.stands(quoted, samples.running(), quoted.until)
    assert not changing.stands(replace(quoted, applied_at=NOW), samples.running(), NOW)
    assert not changing.stands(None, samples.running(), NOW)


def test_new_time_takes_the_place_of_what_is_not_over() -> None:
    year = terms(499_000, Interval.year)
    quoted = quote(year)
    runs = samples.period()
    ahead = samples.period(id=UUID(int=80), start=runs.end, end=runs.end + timedelta(days=28))
    writes = changing.moved(quoted, samples.running(), year.plan, samples.invoice(), [runs, ahead], NOW, POLICY)
    cuts = [one.values for one in writes if isinstance(one, Set) and one.row in (runs, ahead)]
    assert cuts == [{"end": NOW}, {"revoked_at": NOW}]
    (move,) = [one for one in writes if isinstance(one, Move)]
    facts = {name: move.sets[name] for name in ("anchor", "steps", "paid_through", "plan_id")}
    assert facts == {
        "anchor": NOW,
        "steps": 1,
        "paid_through": datetime(2028, 1, 20, 9, 0, tzinfo=UTC),
        "plan_id": year.plan.id,
    }


# Prices that operators moved


def moves(*told: tuple[int, int, int]) -> list[PriceMove]:
    """From, to, on which day of January."""
    return [
        PriceMove(UUID(int=n), samples.PLAN_ID, UUID(int=a), UUID(int=b), NOW.replace(day=day), NOW)
        for n, (a, b, day) in enumerate(told)
    ]


# fmt: off
MOVED = [
    ([],                            1, 25, 1),
    ([(1, 2, 21)],                  1, 20, 1),
    ([(1, 2, 21)],                  1, 21, 2),
    ([(1, 2, 21), (2, 3, 23)],      1, 22, 2),
    ([(1, 2, 21), (2, 3, 23)],      1, 25, 3),
    ([(1, 2, 21), (1, 3, 23)],      1, 25, 3),  # decided anew
    ([(2, 3, 21)],                  1, 25, 1),
]
# fmt: on


@pytest.mark.parametrize(("told", "paid", "day", "then"), MOVED)
def test_a_period_costs_what_its_first_day_says(
    told: list[tuple[int, int, int]], paid: int, day: int, then: int
) -> None:
    assert price_from(UUID(int=paid), NOW.replace(day=day), moves(*told)) == UUID(int=then)
