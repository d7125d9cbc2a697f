"""Intervals in words: how long, per what, and how often."""

from __future__ import annotations

from fractions import Fraction

from portal.domain.calendar import Interval
from portal.domain.money import Money
from portal.presentation.language import words


def duration(interval: Interval, count: int, locale: str) -> str:
    """A length, as after a label: 3 months."""
    return _length(interval, count, locale) % {"n": count}


def per(interval: Interval, count: int, locale: str) -> str:
    """What a price is for, as after a sum: per month; for 3 months."""
    if count == 1:
        return _per_one(interval, locale)
    return _for_many(interval, count, locale) % {"n": count}


def monthly(price: Money, interval: Interval, count: int) -> Money | None:
    """What a month comes to in a plan paid for several; None where the price already is a month's, or for less."""
    months = count * {Interval.year: 12, Interval.month: 1}.get(interval, 0)
    return price.share(Fraction(1, months)) if months > 1 else None


def _per_one(interval: Interval, locale: str) -> str:
    gettext = words(locale).gettext
    match interval:
        case Interval.day:
            return gettext("per day")
        case Interval.week:
            return gettext("per week")
        case Interval.month:
            return gettext("per month")
        case Interval.year:
            return gettext("per year")


def _length(interval: Interval, count: int, locale: str) -> str:
    ngettext = words(locale).ngettext
    match interval:
        case Interval.day:
            return ngettext("%(n)d day", "%(n)d days", count)
        case Interval.week:
            return ngettext("%(n)d week", "%(n)d weeks", count)
        case Interval.month:
            return ngettext("%(n)d month", "%(n)d months", count)
        case Interval.year:
            return ngettext("%(n)d year", "%(n)d years", count)


def _for_many(interval: Interval, count: int, locale: str) -> str:
    ngettext = words(locale).ngettext
    match interval:
        case Interval.day:
            return ngettext("for %(n)d day", "for %(n)d days", count)
        case Interval.week:
            return ngettext("for %(n)d week", "for %(n)d weeks", count)
        case Interval.month:
            return ngettext("for %(n)d month", "for %(n)d months", count)
        case Interval.year:
            return ngettext("for %(n)d year", "for %(n)d years", count)
