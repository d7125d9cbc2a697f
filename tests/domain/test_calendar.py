"""Periods are steps from one anchor, at one local time of day, whatever the calendar does on the way."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.calendar import Interval, instant_of, rfc3339, step, whole_second_up, zone_or

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Europe/Moscow", "Pacific/Apia", "UTC")
# Far enough back and ahead for every rule of today; Apia's lost day of 2011 has tests of its own.
moments = st.datetimes(datetime(2022, 1, 1), datetime(2044, 1, 1), timezones=st.just(UTC))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def local(moment: datetime, zone: str) -> datetime:
    return moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


@pytest.mark.fault("S7")
@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("year", [2026, 2027, 2028])
@pytest.mark.parametrize("day", [28, 29, 30, 31])
def test_months_from_the_end_of_january_never_lose_their_day(zone: str, year: int, day: int) -> None:
    anchor = instant_of(datetime(year, 1, day, 12, 30), zone)
    for count in range(25):
        years, month = divmod(count, 12)
        last = calendar.monthrange(year + years, month + 1)[1]
        expected = datetime(year + years, month + 1, min(day, last), 12, 30)
        assert local(step(anchor, zone, Interval.month, count), zone) == expected


@pytest.mark.parametrize(
    ("anchor", "interval", "count", "expected"),
    [
        ("2027-01-31", Interval.month, 1, "2027-02-28"),
        ("2027-01-31", Interval.month, 2, "2027-03-31"),
        ("2027-01-31", Interval.month, 3, "2027-04-30"),
        ("2027-01-31", Interval.month, 4, "2027-05-31"),
        ("2028-01-31", Interval.month, 1, "2028-02-29"),
        ("2028-01-30", Interval.month, 1, "2028-02-29"),
        ("2027-01-29", Interval.month, 13, "2028-02-29"),
        ("2027-01-31", Interval.month, 12, "2028-01-31"),
        ("2028-02-29", Interval.year, 1, "2029-02-28"),
        ("2028-02-29", Interval.year, 3, "2031-02-28"),
        ("2028-02-29", Interval.year, 4, "2032-02-29"),
        ("2028-02-29", Interval.month, 12, "2029-02-28"),
        ("2027-12-30", Interval.week, 1, "2028-01-06"),
        ("2028-02-24", Interval.week, 1, "2028-03-02"),
        ("2028-02-28", Interval.day, 2, "2028-03-01"),
        ("2027-02-28", Interval.day, 1, "2027-03-01"),
        ("2027-12-31", Interval.day, 1, "2028-01-01"),
    ],
)
def test_steps_land_on_the_day_a_calendar_shows(anchor: str, interval: Interval, count: int, expected: str) -> None:
    start = at(f"{anchor}T09:00:00+00:00")
    assert step(start, "Europe/Moscow", interval, count) == at(f"{expected}T09:00:00+00:00")


CHAINS = [
    *((Interval.month, month_day, 24) for month_day in ("01-28", "01-29", "01-30", "01-31")),
    (Interval.year, "02-29", 12),
    (Interval.week, "03-01", 110),
    (Interval.day, "03-01", 800),
]


@pytest.mark.fault("S5")
@pytest.mark.fault("S6")
@pytest.mark.fault("S7")
@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("year", [2027, 2028])
@pytest.mark.parametrize(("interval", "month_day", "count"), CHAINS)
def test_periods_from_one_anchor_touch_and_keep_their_local_time_of_day(
    zone: str, year: int, interval: Interval, month_day: str, count: int
) -> None:
    """Across every change of the clocks on the way; a year that has no such day begins with its last one."""
    month, day = map(int, month_day.split("-"))
    first = min(day, calendar.monthrange(year, month)[1])
    anchor = instant_of(datetime(year, month, first, 9, 30), zone)
    edges = [step(anchor, zone, interval, n) for n in range(count + 1)]
    assert edges == sorted(set(edges)), "a gap or an overlap"
    assert {local(moment, zone).time() for moment in edges} == {time(9, 30)}
    if interval in (Interval.day, Interval.week):
        days = 7 if interval is Interval.week else 1
        gaps = {local(end, zone).date() - local(start, zone).date() for start, end in pairwise(edges)}
        assert gaps == {timedelta(days=days)}
    else:
        last = [calendar.monthrange(one.year, one.month)[1] for one in (local(moment, zone) for moment in edges)]
        assert [local(moment, zone).day for moment in edges] == [min(first, end) for end in last]


def test_three_months_bought_on_31_january_end_on_30_april_and_the_next_on_31_may() -> None:
    anchor = at("2027-01-31T09:00:00+00:00")
    first, second = (step(anchor, "Europe/Moscow", Interval.month, count) for count in (3, 4))
    assert (first, second) == (at("2027-04-30T09:00:00+00:00"), at("2027-05-31T09:00:00+00:00"))
    from_the_previous = step(first, "Europe/Moscow", Interval.month, 1)
    assert from_the_previous == at("2027-05-30T09:00:00+00:00"), "reckoned from the last period, a day would be lost"


@pytest.mark.parametrize(
    ("zone", "anchor", "interval", "count", "expected"),
    [
        # The day before the clocks move, ten in the morning; afterwards it is still ten, at another UTC hour.
        ("Europe/Berlin", "2027-03-27T09:00:00+00:00", Interval.day, 1, "2027-03-28T08:00:00+00:00"),
        ("Europe/Berlin", "2027-10-30T08:00:00+00:00", Interval.day, 1, "2027-10-31T09:00:00+00:00"),
        ("Europe/Berlin", "2027-03-24T09:00:00+00:00", Interval.week, 1, "2027-03-31T08:00:00+00:00"),
        ("Europe/Berlin", "2027-01-31T09:00:00+00:00", Interval.month, 6, "2027-07-31T08:00:00+00:00"),
        ("America/New_York", "2027-03-13T15:00:00+00:00", Interval.day, 1, "2027-03-14T14:00:00+00:00"),
        ("America/New_York", "2027-11-06T14:00:00+00:00", Interval.day, 1, "2027-11-07T15:00:00+00:00"),
        # Half an hour only.
        ("Australia/Lord_Howe", "2027-10-01T23:30:00+00:00", Interval.day, 1, "2027-10-02T23:00:00+00:00"),
        ("Australia/Lord_Howe", "2027-04-02T23:00:00+00:00", Interval.day, 1, "2027-04-03T23:30:00+00:00"),
        ("Europe/Moscow", "2027-03-27T07:00:00+00:00", Interval.day, 1, "2027-03-28T07:00:00+00:00"),
        ("Pacific/Apia", "2027-09-24T21:00:00+00:00", Interval.week, 4, "2027-10-22T21:00:00+00:00"),
        # The date is the local one: 23:30 UTC on the 30th is the 31st in Moscow.
        ("Europe/Moscow", "2027-01-30T23:30:00+00:00", Interval.month, 1, "2027-02-27T23:30:00+00:00"),
        ("Europe/Moscow", "2027-01-30T23:30:00+00:00", Interval.month, 2, "2027-03-30T23:30:00+00:00"),
    ],
)
def test_the_local_time_of_day_stays_when_the_clocks_move(
    zone: str, anchor: str, interval: Interval, count: int, expected: str
) -> None:
    assert step(at(anchor), zone, interval, count) == at(expected)


@pytest.mark.fault("S5")
@pytest.mark.parametrize(
    ("zone", "missing", "expected"),
    [
        ("Europe/Berlin", "2027-03-28T02:00:00", "2027-03-28T01:00:00+00:00"),
        ("Europe/Berlin", "2027-03-28T02:30:00", "2027-03-28T01:00:00+00:00"),
        ("Europe/Berlin", "2027-03-28T02:59:59.999999", "2027-03-28T01:00:00+00:00"),
        ("America/New_York", "2027-03-14T02:30:00", "2027-03-14T07:00:00+00:00"),
        ("Australia/Lord_Howe", "2027-10-03T02:15:00", "2027-10-02T15:30:00+00:00"),
        ("Pacific/Apia", "2011-12-30T10:00:00", "2011-12-30T10:00:00+00:00"),  # a whole day was left out
    ],
)
def test_a_local_time_that_does_not_exist_becomes_the_next_that_does(zone: str, missing: str, expected: str) -> None:
    assert instant_of(at(missing), zone) == at(expected)


def test_a_step_into_a_gap_starts_when_the_gap_ends_and_the_next_one_is_not_moved() -> None:
    anchor = instant_of(datetime(2027, 2, 28, 2, 30), "Europe/Berlin")
    steps = [local(step(anchor, "Europe/Berlin", Interval.month, count), "Europe/Berlin") for count in (1, 2)]
    assert steps == [datetime(2027, 3, 28, 3, 0), datetime(2027, 4, 28, 2, 30)]


@pytest.mark.fault("S5")
@pytest.mark.parametrize(
    ("zone", "double", "expected"),
    [
        ("Europe/Berlin", "2027-10-31T02:30:00", "2027-10-31T00:30:00+00:00"),
        ("America/New_York", "2027-11-07T01:30:00", "2027-11-07T05:30:00+00:00"),
        ("Australia/Lord_Howe", "2027-04-04T01:45:00", "2027-04-03T14:45:00+00:00"),
    ],
)
def test_a_local_time_that_exists_twice_is_the_first(zone: str, double: str, expected: str) -> None:
    assert instant_of(at(double), zone) == at(expected)


@given(moments, st.sampled_from(ZONES), st.sampled_from(Interval))
def test_no_step_is_no_change(anchor: datetime, zone: str, interval: Interval) -> None:
    assert step(anchor, zone, interval, 0) == anchor


@given(moments, st.sampled_from(ZONES), st.sampled_from(Interval), st.integers(0, 60))
def test_each_step_lies_after_the_one_before(anchor: datetime, zone: str, interval: Interval, count: int) -> None:
    here, there = (step(anchor, zone, interval, n) for n in (count, count + 1))
    assert here < there
    assert there.tzinfo is UTC


@given(moments, st.sampled_from(ZONES), st.sampled_from(Interval), st.integers(1, 60))
def test_steps_keep_the_time_of_day_unless_the_day_has_no_such_time(
    anchor: datetime, zone: str, interval: Interval, count: int
) -> None:
    wanted, found = local(anchor, zone).time(), local(step(anchor, zone, interval, count), zone)
    if found.time() != wanted:
        asked_for = datetime.combine(found.date(), wanted)
        assert not exists(asked_for, zone)
        assert asked_for < found <= asked_for + timedelta(hours=1)
        assert exists(found, zone)


@given(moments, st.sampled_from(ZONES), st.integers(1, 60))
def test_a_day_is_a_date_and_a_week_is_seven(anchor: datetime, zone: str, count: int) -> None:
    first, days = local(anchor, zone).date(), local(step(anchor, zone, Interval.day, count * 7), zone).date()
    assert days - first == timedelta(days=7 * count)
    assert step(anchor, zone, Interval.week, count) == step(anchor, zone, Interval.day, count * 7)
    assert step(anchor, zone, Interval.year, count // 5) == step(anchor, zone, Interval.month, count // 5 * 12)


@given(st.datetimes(datetime(2022, 1, 1), datetime(2044, 1, 1)), st.sampled_from(ZONES))
def test_an_existing_local_time_is_found_again(moment: datetime, zone: str) -> None:
    found = instant_of(moment, zone)
    assert local(found, zone) == moment or not exists(moment, zone)
    assert local(found, zone) >= moment


def exists(moment: datetime, zone: str) -> bool:
    """A clock on the wall shows it at some time."""
    tz = ZoneInfo(zone)
    readings = (moment.replace(tzinfo=tz, fold=fold).astimezone(UTC).astimezone(tz) for fold in (0, 1))
    return any(reading.replace(tzinfo=None) == moment for reading in readings)


def test_times_on_the_wire_are_utc_with_a_z() -> None:
    moment = datetime.combine(datetime(2027, 1, 31), time(12, 0, 1, 234_567), tzinfo=ZoneInfo("Europe/Moscow"))
    assert rfc3339(moment) == "2027-01-31T09:00:01Z"
    assert rfc3339(moment, "milliseconds") == "2027-01-31T09:00:01.234Z"


def test_the_end_of_access_is_never_told_too_early() -> None:
    whole = datetime(2027, 1, 31, 9, 0, 1, tzinfo=UTC)
    assert whole_second_up(whole) == whole
    assert whole_second_up(whole - timedelta(microseconds=1)) == whole
    assert whole_second_up(whole + timedelta(microseconds=1)) == whole + timedelta(seconds=1)


@pytest.mark.parametrize(
    "name", [None, "", "Nowhere/City", "../../etc/passwd", "/etc/localtime", "Europe", "a\0b", "x" * 300]
)
def test_a_zone_we_do_not_know_is_the_default(name: str | None) -> None:
    assert zone_or("Europe/Moscow", name) == "Europe/Moscow"


@pytest.mark.parametrize("name", ZONES)
def test_a_zone_we_know_is_kept(name: str) -> None:
    assert zone_or("Europe/Moscow", name) == name
