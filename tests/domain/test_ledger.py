"""The books: nothing unbalanced can be said, and over any life of any sums they agree with what was paid and kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain import earning, ledger
from portal.domain.change import Change, Move, Set, Write
from portal.domain.earning import Holding
from portal.domain.ledger import Booked, Posting, Unbalanced
from portal.domain.quote import ChangeQuote
from tests.domain import samples, thousands

ZONE = "Europe/Moscow"
NOW = samples.NOW
DAY = timedelta(days=1)
CLEARING = "clearing:sandbox"


def posting(**more: Any) -> Posting:
    given: dict[str, Any] = {
        "day": date(2027, 1, 31),
        "at": NOW,
        "event": "payment_received",
        "debit": CLEARING,
        "credit": "receivable",
        "amount_minor": 1,
        "currency": "RUB",
        "user_id": "alice",
        "subscription_id": samples.SUBSCRIPTION_ID,
        "invoice_id": samples.INVOICE_ID,
    }
    return Posting(**(given | more))


@pytest.mark.parametrize("wrong", [{"amount_minor": 0}, {"amount_minor": -1}, {"credit": CLEARING}])
def test_a_debit_without_its_credit_cannot_be_said(wrong: dict[str, Any]) -> None:
    with pytest.raises(Unbalanced):
        posting(**wrong)


def change(*writes: Write, at: datetime = NOW) -> Change:
    return Change("alice", at, "worker", writes)


def lines(booked: Booked) -> list[tuple[str, str, str, int]]:
    return [(one.event, one.debit, one.credit, one.amount_minor) for one in booked.postings]


def book(*writes: Write, held: Sequence[Holding] = (), at: datetime = NOW) -> Booked:
    return ledger.book([change(*writes, at=at)], {one.payment_id: one for one in held}, ZONE)


def paid(minor: int = 31_000, currency: str = "RUB", start: datetime | None = None, days: int = 31) -> Booked:
    sums = {"currency": currency}
    invoice, payment = samples.invoice(total_minor=minor, **sums), samples.payment(amount_minor=minor, **sums)
    period = samples.period(start=start or NOW, end=(start or NOW) + days * DAY)
    return book(Move(payment, "succeeded"), Move(invoice, "paid"), period)


def holding(**more: Any) -> Holding:
    """31 000 for the 31 days from NOW."""
    (opened,) = paid().opened
    return replace(opened, **more)


# What each change means


def test_an_invoice_is_asked_for_and_earns_nothing() -> None:
    assert lines(book(samples.invoice())) == [("invoice_issued", "receivable", "invoiced", 29_900)]


def test_one_that_is_closed_is_asked_for_no_more() -> None:
    assert lines(book(Move(samples.invoice(), "closed"))) == [("invoice_closed", "invoiced", "receivable", 29_900)]


def test_what_is_paid_is_still_to_be_earned() -> None:
    booked = paid()
    assert lines(booked) == [
        ("payment_received", CLEARING, "receivable", 31_000),
        ("revenue_deferred", "invoiced", "deferred", 31_000),
    ]
    (held,) = booked.opened
    assert (held.start, held.end, held.deferred_minor, held.owed_minor) == (NOW, NOW + 31 * DAY, 31_000, 0)


@pytest.mark.parametrize("event", ["succeeded", "succeeded_again"])
def test_what_comes_twice_or_too_late_is_the_customer_s_own(event: str) -> None:
    """It pays no invoice in the same commit."""
    booked = book(Move(samples.payment(), event))
    assert lines(booked) == [("money_not_ours", CLEARING, "owed", 29_900)]
    (held,) = booked.opened
    assert (held.owed_minor, held.deferred_minor, held.due_at) == (29_900, 0, None)
    back = Move(samples.payment("duplicate"), "refund_done", {"refunded_minor": 29_900})
    after = book(Move(samples.refund(), "succeeded"), back, held=[held])
    assert lines(after) == [("money_returned", "owed", CLEARING, 29_900)]
    assert after.changed[held.payment_id].owed_minor == 0
    assert after.postings[0].refund_id == samples.REFUND_ID


def test_a_page_that_took_nothing_is_nothing_to_the_books() -> None:
    booked = paid(minor=0)
    assert (lines(booked), booked.opened) == ([], [])


def test_a_payment_from_before_there_were_books_is_none_of_theirs() -> None:
    back = Move(samples.payment("succeeded"), "refund_done", {"refunded_minor": 100})
    assert lines(book(back)) == []


def returned(held: Holding, minor: int, *more: Write, at: datetime = NOW) -> Booked:
    payment = samples.payment("succeeded", id=held.payment_id, refunded_minor=held.returned_minor)
    done = Move(payment, "refund_done", {"refunded_minor": held.returned_minor + minor})
    return book(Move(samples.refund(), "succeeded"), done, *more, held=[held], at=at)


def test_a_part_given_back_was_never_earned() -> None:
    february = datetime(2027, 2, 28, 21, tzinfo=UTC)  # midnight in Moscow
    month, _ = ledger.earned(holding(), february, ZONE)
    assert month.earned_minor == 28_500
    assert lines(returned(month, 3_100)) == [
        ("money_returned", "deferred", CLEARING, 3_100),
        ("revenue_returned", "revenue", "deferred", 2_850),
    ]


def test_what_is_kept_when_the_time_is_taken_back_is_earned_at_once() -> None:
    taken = Set(samples.period(), {"revoked_at": NOW + 10 * DAY})
    booked = returned(holding(), 21_000, taken, at=NOW + 10 * DAY)
    assert lines(booked) == [
        ("money_returned", "deferred", CLEARING, 21_000),
        ("revenue_earned", "deferred", "revenue", 10_000),
    ]
    (after,) = booked.changed.values()
    assert (after.deferred_minor, after.due_at) == (0, None)


def test_time_taken_back_by_a_refund_that_is_on_its_way_earns_nothing_meanwhile() -> None:
    taken = Set(samples.period(), {"revoked_at": NOW})
    waiting = book(Move(samples.refund(), "taken_in_hand"), taken, held=[holding()])
    (held,) = waiting.changed.values()
    assert (lines(waiting), held.due_at, held.stopped_at) == ([], None, NOW)
    assert lines(returned(held, 30_000))[1:] == [("revenue_earned", "deferred", "revenue", 1_000)]


def disputed(event: str, held: Holding, before: tuple[int, int], after: tuple[int, int]) -> Booked:
    """(given back, under dispute)"""
    row = samples.payment("succeeded", id=held.payment_id)
    row = replace(row, **_sums(row, before))
    return book(Move(row, event, _sums(row, after)), held=[held])


def _sums(row: Any, sums: tuple[int, int]) -> dict[str, Any]:
    return dict(zip(("refunded_minor", "disputed_minor"), sums, strict=True))


def test_a_dispute_moves_the_money_and_only_its_loss_what_was_earned() -> None:
    held = holding()
    opened = disputed("disputed", held, (0, 0), (0, 31_000))
    assert lines(opened) == [("dispute_opened", "disputed", CLEARING, 31_000)]
    won = disputed("dispute_won", held, (0, 31_000), (0, 0))
    assert lines(won) == [("dispute_won", CLEARING, "disputed", 31_000)]
    lost = disputed("dispute_lost", held, (0, 31_000), (31_000, 0))
    assert lines(lost) == [("dispute_lost", "deferred", "disputed", 31_000)]


# Time earns


def test_a_month_s_end_books_the_days_of_that_month() -> None:
    held = holding()  # from 31 January, noon in Moscow
    assert held.due_at == datetime(2027, 1, 31, 21, tzinfo=UTC)
    after, found = ledger.earned(held, NOW + 60 * DAY, ZONE)
    assert [(one.day, one.amount_minor, one.debit, one.credit) for one in found] == [
        (date(2027, 1, 31), 500, "deferred", "revenue"),
        (date(2027, 2, 28), 28_000, "deferred", "revenue"),
        (date(2027, 3, 31), 2_500, "deferred", "revenue"),
    ]
    assert (after.deferred_minor, after.due_at) == (0, None)


def test_it_is_not_booked_before_the_month_is_over() -> None:
    held = holding()
    assert held.due_at is not None
    assert ledger.earned(held, held.due_at - DAY, ZONE) == (held, [])


CURRENCIES = st.sampled_from(["JPY", "RUB", "KWD"])  # 0, 2 and 3 decimals
MINORS = st.integers(1, 10**9)
STARTS = st.datetimes(datetime(2026, 1, 1), datetime(2028, 12, 31), timezones=st.just(UTC))
ZONES = st.sampled_from(["Europe/Moscow", "America/New_York", "Pacific/Apia", "Asia/Kathmandu"])


@thousands.of_cases
@given(MINORS, CURRENCIES, STARTS, st.integers(1, 800), ZONES, st.lists(st.integers(1, 120), max_size=8))
def test_however_often_it_is_asked_the_whole_sum_is_earned_and_no_more(
    minor: int, currency: str, start: datetime, days: int, zone: str, looks: list[int]
) -> None:
    first = earning.opened(replace(paid(minor, currency, start, days).opened[0], due_at=None), zone)
    held, found, now = first, list[tuple[date, int]](), start
    for after in [*looks, 2000]:
        now += after * DAY
        held, more = earning.earn(held, now, zone)
        found += more
    at_once, all_of_it = earning.earn(first, now, zone)
    assert found == all_of_it
    assert (held, sum(sum_ for _, sum_ in found)) == (at_once, minor)
    assert all(sum_ > 0 for _, sum_ in found)
    assert [day for day, _ in found] == sorted({day for day, _ in found})


ACTS = st.lists(
    st.tuples(st.sampled_from(["wait", "refund", "refund and end"]), st.integers(0, 50), st.integers(1, 10**6)),
    max_size=12,
)


@thousands.of_cases
@given(MINORS, CURRENCIES, st.integers(1, 400), ACTS)
def test_deferred_and_earned_are_what_was_paid_and_not_given_back(
    minor: int, currency: str, days: int, acts: list[tuple[str, int, int]]
) -> None:
    booked = paid(minor, currency, days=days)
    (held,), said, now = booked.opened, Counter[str](), NOW
    tally(said, booked.postings)
    for act, waited, share in acts:
        now += waited * DAY
        if act == "wait":
            held, postings = ledger.earned(held, now, ZONE)
        else:
            back = max(held.kept_minor * share // 10**6, 1)
            if back > held.kept_minor:
                continue
            end = [Set(samples.period(), {"revoked_at": now})] if act == "refund and end" else []
            after = returned(held, back, *end, at=now)
            held, postings = after.changed[held.payment_id], after.postings
        tally(said, postings)
        assert sum(said.values()) == 0
        assert -(said["deferred"] + said["revenue"]) == said[CLEARING] == held.kept_minor
        assert -said["revenue"] == held.earned_minor
        assert -said["deferred"] == held.deferred_minor >= 0
        if held.start and held.earned_until and not held.stopped_at:
            assert held.earned_minor == held.earned_by(held.earned_until)


def tally(said: Counter[str], postings: Sequence[Posting]) -> None:
    for one in postings:
        said[one.debit] += one.amount_minor
        said[one.credit] -= one.amount_minor


def test_what_is_read_before_is_what_may_change() -> None:
    other = UUID(int=99)
    changes = [
        change(Move(samples.payment("succeeded"), "refund_done", {"refunded_minor": 1})),
        change(Move(samples.refund("unknown", payment_id=other), "taken_in_hand")),
        change(Move(samples.payment(), "succeeded", {}), samples.invoice()),
    ]
    assert ledger.touched(changes) == {samples.PAYMENT_ID, other}


# Changes of plan


def quoted(**more: Any) -> ChangeQuote:
    given: dict[str, Any] = {
        "id": UUID(int=70),
        "user_id": "alice",
        "subscription_id": samples.SUBSCRIPTION_ID,
        "fingerprint": "",
        "from_plan_id": samples.PLAN_ID,
        "from_price_id": samples.PRICE_ID,
        "plan_id": samples.OTHER_PLAN_ID,
        "price_id": samples.PRICE_ID,
        "moment": "now",
        "anew": False,
        "gross_minor": 2_000,
        "credit_minor": 0,
        "waived_minor": 0,
        "currency": "RUB",
        "left": "1/2",
        "carried": {},
        "until": NOW + 10 * DAY,
        "then_at": NOW,
        "created_at": NOW,
        "expires_at": NOW,
    }
    return ChangeQuote(**(given | more))


def changed_plan(quote: ChangeQuote, *more: Write, held: Sequence[Holding] = (), at: datetime = NOW) -> Booked:
    """A change of plan that is paid."""
    invoice, payment = samples.invoice(id=UUID(int=71)), samples.payment(id=UUID(int=72), invoice_id=UUID(int=71))
    writes = Move(payment, "succeeded"), Move(invoice, "paid"), *more, Set(quote, {"applied_at": at})
    return book(*writes, held=held, at=at)


def test_a_better_plan_is_earned_over_the_time_that_was_paid_for_before() -> None:
    (held,) = changed_plan(quoted()).opened
    assert (held.start, held.end) == (NOW, NOW + 10 * DAY)


def test_unused_time_that_is_exchanged_is_earned_over_the_new_time() -> None:
    """A tenth of the old month has passed; the rest pays for a year."""
    at, end = NOW + 3 * DAY + timedelta(hours=2.4), NOW + 368 * DAY
    old, quote = holding(), quoted(anew=True, carried={str(samples.PAYMENT_ID): 27_900})
    assert ledger.touched([change(Set(quote, {"applied_at": at}))]) == {samples.PAYMENT_ID}
    new = samples.period(id=UUID(int=73), start=at, end=end, invoice_id=UUID(int=71))
    booked = changed_plan(quote, Set(samples.period(), {"end": at}), new, held=[old], at=at)
    assert lines(booked)[0] == ("revenue_earned", "deferred", "revenue", 3_100)
    (carried,) = booked.changed.values()
    assert (carried.start, carried.end, carried.deferred_minor) == (at, end, 27_900)
    later, found = ledger.earned(carried, end + 31 * DAY, ZONE)
    assert sum(one.amount_minor for one in found) == 27_900
    assert len(found) == 13
    assert later.deferred_minor == 0
    returned_too = returned(carried, 29_000).changed[carried.payment_id]
    assert (returned_too.earned_minor, returned_too.deferred_minor) == (2_000, 0)


def test_unused_time_that_was_taken_out_before_it_began_was_not_given_back() -> None:
    quote = quoted(anew=True, carried={str(samples.PAYMENT_ID): 31_000})
    ahead = replace(holding(), start=NOW + DAY, end=NOW + 32 * DAY, earned_until=NOW + DAY)
    new = samples.period(id=UUID(int=73), start=NOW, end=NOW + 365 * DAY, invoice_id=UUID(int=71))
    booked = changed_plan(quote, Set(samples.period(), {"revoked_at": NOW}), new, held=[ahead])
    (carried,) = booked.changed.values()
    assert (carried.stopped_at, carried.start, carried.deferred_minor) == (None, NOW, 31_000)


def test_a_better_plan_that_is_taken_back_was_for_the_time_that_has_passed() -> None:
    (held,) = changed_plan(quoted()).opened
    about = {"invoice_id": held.invoice_id}
    back = Move(samples.payment("succeeded", id=held.payment_id, **about), "refund_done", {"refunded_minor": 20_000})
    refund = Move(samples.refund(payment_id=held.payment_id, **about), "succeeded")
    booked = book(refund, back, Set(quoted(), {"returned_at": NOW}), held=[held])
    assert lines(booked)[1:] == [("revenue_earned", "deferred", "revenue", 9_900)]
