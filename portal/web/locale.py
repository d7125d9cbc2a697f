"""The reader's language and zone, and the formatters of `presentation` as template filters."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from flask import Flask, g, has_request_context, request
from flask_babel import Babel, get_locale
from markupsafe import Markup
from sqlalchemy.exc import SQLAlchemyError

from portal import runtime
from portal.domain.calendar import Interval, zone_or
from portal.domain.errors import Refused
from portal.domain.money import Money
from portal.domain.user import Person
from portal.presentation import dates, features, intervals, operators
from portal.presentation import money as money_words
from portal.presentation.language import DIRECTORY, NBSP, in_language, known
from portal.queries import people
from portal.web.auth import optional_person

COOKIE = "lang"


def init(app: Flask) -> None:
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(DIRECTORY)
    Babel(app, default_locale="en", locale_selector=choose)
    app.jinja_env.filters.update(FILTERS)
    app.jinja_env.globals["monthly"] = intervals.monthly


def choose() -> str:
    """Pages: what the reader chose, else what Auth knows, else what the browser asks for. The API: as it asks.

    What they chose while signed in goes before this browser's cookie: it may be newer, made on another device.
    """
    if not has_request_context():
        return runtime.settings.default_locale
    asked = _browsers() or runtime.settings.default_locale
    if request.path.startswith("/api/"):
        return asked
    person = reader()
    told = known(person.locale) if person else None
    return (_chosen(person) if person else None) or known(request.cookies.get(COOKIE)) or told or asked


def _chosen(person: Person) -> str | None:
    """A page that tells that the database is away is told in the cookie's language."""
    try:
        return known(people.chosen_locale(person.id))
    except SQLAlchemyError:
        return None


def _browsers() -> str | None:
    """The first language of the browser's list that we speak. en-GB is English, whatever comes behind it."""
    return next((found for tag, weight in request.accept_languages if weight and (found := known(tag))), None)


def reader() -> Person | None:
    """Who reads this page, if we know. Without keys or clock pages for all stay open, as do error pages."""
    if "person" not in g:
        try:
            g.person = optional_person()
        except (Refused, SQLAlchemyError):
            g.person = None
    return cast("Person | None", g.person)


def language() -> str:
    """`ru` or `en`."""
    return known(str(get_locale())) or runtime.settings.default_locale


def zone() -> str:
    """In whose time dates are shown."""
    default = runtime.settings.billing_timezone
    person = reader()
    return zone_or(default, person.zone if person else None)


def money(amount: Money) -> str:
    return money_words.money(amount, language())


def minor(units: int, currency: str) -> str:
    """For rows that keep bare minor units beside one currency."""
    return money(Money(units, currency))


def date(at: datetime) -> Markup:
    return _time(at, _whole_date(at))


def moment(at: datetime) -> Markup:
    return _time(at, f"{_whole_date(at)}, {dates.clock_time(at, language(), zone())}")


def clock_time(at: datetime) -> Markup:
    return _time(at, dates.clock_time(at, language(), zone()))


def duration(interval: Interval, count: int) -> str:
    return intervals.duration(interval, count, language())


def per(interval: Interval, count: int) -> str:
    return intervals.per(interval, count, language())


def _whole_date(at: datetime) -> str:
    """No line ends inside it."""
    return dates.date(at, language(), zone()).replace(" ", NBSP)


def _time(at: datetime, text: str) -> Markup:
    return Markup('<time datetime="{}">{}</time>').format(dates.machine(at), text)


FILTERS = {
    "money": money,
    "minor": minor,
    "date": date,
    "moment": moment,
    "clock_time": clock_time,
    "duration": duration,
    "per": per,
    "in_language": lambda texts: in_language(texts, language()),
    "feature": lambda code: features.feature(code, language()),
    "group": lambda code: features.group(code, language()),
    "act": lambda code: operators.say(operators.ACTS, code, language()),
    "grounds": lambda code: operators.say({**operators.GIVING, **operators.REFUSING}, code, language()),
}
