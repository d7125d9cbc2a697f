"""The one date formatter. A day is written in words, a time of day never without its zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from babel.dates import format_date

from portal.presentation.language import NBSP

CLDR = {"ru": "ru", "en": "en_GB"}
CLDR_GAP = "\N{NARROW NO-BREAK SPACE}"  # which CLDR puts before «г.» and many fonts do not have
MOSCOW = {"ru": "МСК", "en": "MSK"}


def date(at: datetime, locale: str, zone: str) -> str:
    """22 November 2026; 22 ноября 2026 г."""
    written: str = format_date(_local(at, zone), "long", locale=CLDR[locale])
    return written.replace(CLDR_GAP, NBSP)


def moment(at: datetime, locale: str, zone: str) -> str:
    """22 November 2026, 14:05 MSK"""
    return f"{date(at, locale, zone)}, {clock_time(at, locale, zone)}"


def clock_time(at: datetime, locale: str, zone: str) -> str:
    """14:05 MSK"""
    local = _local(at, zone)
    return f"{local:%H:%M}{NBSP}{_zone_name(local, locale)}"


def machine(at: datetime) -> str:
    """For <time datetime> and JSON: RFC 3339, UTC, whole seconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _local(at: datetime, zone: str) -> datetime:
    return at.astimezone(ZoneInfo(zone))


def _zone_name(local: datetime, locale: str) -> str:
    """Moscow by its name, everybody else by the distance from UTC: letters like IST mean three different clocks."""
    if local.tzname() == "MSK":
        return MOSCOW[locale]
    offset = local.utcoffset() or timedelta(0)
    if not offset:
        return "UTC"
    hours, minutes = divmod(abs(offset) // timedelta(minutes=1), 60)
    sign = "+" if offset > timedelta(0) else "\N{MINUS SIGN}"
    return f"UTC{sign}{hours}" + (f":{minutes:02}" if minutes else "")
