from __future__ import annotations

from datetime import UTC, datetime

import pytest

from portal.presentation.dates import clock_time, date, machine, moment

AT = datetime(2026, 11, 22, 11, 5, 59, 999999, tzinfo=UTC)
MOSCOW = "Europe/Moscow"


def test_a_day_is_written_in_words_to_the_code_point() -> None:
    assert date(AT, "ru", MOSCOW) == "22 ноября 2026\u00a0г."
    assert date(AT, "en", MOSCOW) == "22 November 2026"


def test_no_date_carries_the_narrow_gap_that_fonts_lack() -> None:
    for month in range(1, 13):
        assert "\u202f" not in date(datetime(2026, month, 1, tzinfo=UTC), "ru", MOSCOW)


def test_the_day_is_the_readers_day() -> None:
    late = datetime(2026, 12, 31, 22, 30, tzinfo=UTC)
    assert date(late, "en", MOSCOW) == "1 January 2027"
    assert date(late, "en", "America/New_York") == "31 December 2026"


def test_a_moment_names_its_zone() -> None:
    assert moment(AT, "ru", MOSCOW) == "22 ноября 2026\u00a0г., 14:05\u00a0МСК"
    assert moment(AT, "en", MOSCOW) == "22 November 2026, 14:05\u00a0MSK"


@pytest.mark.parametrize(
    ("zone", "written"),
    [
        ("UTC", "11:05\u00a0UTC"),
        ("Asia/Yekaterinburg", "16:05\u00a0UTC+5"),
        ("Asia/Kolkata", "16:35\u00a0UTC+5:30"),
        ("America/New_York", "06:05\u00a0UTC\u22125"),
        ("America/St_Johns", "07:35\u00a0UTC\u22123:30"),
    ],
)
def test_other_zones_are_named_by_their_distance(zone: str, written: str) -> None:
    assert clock_time(AT, "ru", zone) == written


def test_machines_read_utc_in_whole_seconds() -> None:
    assert machine(AT) == "2026-11-22T11:05:59Z"
