"""Calendar arithmetic in a subscription's zone. Period n is always reckoned from the anchor, never from period n-1."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta


class Interval(StrEnum):
    day = "day"
    week = "week"
    month = "month"
    year = "year"


def step(anchor: datetime, zone: str, interval: Interval, count: int) -> datetime:
    """The moment `count` intervals after the anchor, at the anchor's local time of day. UTC in, UTC out.

    31 January plus one month is the last day of February, plus two is 31 March. A local time that does not exist
    becomes the next that does; one that exists twice is the first.
    """
    if count == 0:
        return anchor
    local = anchor.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    return instant_of(local + _delta(interval, count), zone)


def instant_of(local: datetime, zone: str) -> datetime:
    """The UTC moment of a naive local time (rules: `step`)."""
    tz = ZoneInfo(zone)
    earlier = local.replace(tzinfo=tz, fold=0).astimezone(UTC)
    if earlier.astimezone(tz).replace(tzinfo=None) == local:
        return earlier
    return _end_of_gap(local, tz)


def rfc3339(moment: datetime, timespec: str = "seconds") -> str:
    """UTC with `Z`, as every time on the wire is written."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec=timespec) + "Z"


def whole_second_up(moment: datetime) -> datetime:
    """The same, or the next whole second."""
    return moment if moment.microsecond == 0 else moment.replace(microsecond=0) + timedelta(seconds=1)


def zone_or(default: str, name: str | None) -> str:
    """`name` where it is a zone we know, else the default: a token may carry anything."""
    if not name:
        return default
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return default
    return name


def _delta(interval: Interval, count: int) -> relativedelta:
    match interval:
        case Interval.day:
            return relativedelta(days=count)
        case Interval.week:
            return relativedelta(weeks=count)
        case Interval.month:
            return relativedelta(months=count)
        case Interval.year:
            return relativedelta(years=count)


def _end_of_gap(local: datetime, tz: ZoneInfo) -> datetime:
    """The first moment after the gap that swallowed `local`: between its readings with the new and the old offset."""
    before = local.replace(tzinfo=tz, fold=1).astimezone(UTC)
    after = local.replace(tzinfo=tz, fold=0).astimezone(UTC)
    old = before.astimezone(tz).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // 2
        if middle.astimezone(tz).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)
