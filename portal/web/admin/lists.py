"""A list's filters and its place, as they stand in the address: every view of a list can be sent to a colleague."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit
from zoneinfo import ZoneInfo

from flask import request
from flask_babel import gettext

from portal import runtime
from portal.domain.calendar import instant_of
from portal.domain.ids import first_id
from portal.queries.pages import Page, Window
from portal.web.auth import safe_next

PLACE = ("before", "after", "oldest")
LONGEST = 255


@dataclass(frozen=True)
class Choice:
    """One of a closed list. `options`: value -> words."""

    name: str
    label: str
    options: Mapping[str, str]


@dataclass(frozen=True)
class Text:
    """Exactly these characters."""

    name: str
    label: str


@dataclass(frozen=True)
class Days:
    """From the beginning of one day to the end of another, in the portal's zone: `since` and `until`."""

    label: str
    name: str = "days"


@dataclass(frozen=True)
class Kept:
    """No filter: it says whose list this is, and stays when the filters are cleared."""

    name: str


Filter = Choice | Text | Days | Kept


@dataclass(frozen=True)
class Asked:
    filters: Sequence[Filter]
    values: Mapping[str, str] = field(default_factory=dict)  # as typed, only those that are filled in
    errors: Mapping[str, str] = field(default_factory=dict)
    window: Window = field(default_factory=Window)

    def get(self, name: str) -> str | None:
        return None if self.errors else self.values.get(name)

    def moments(self) -> tuple[datetime | None, datetime | None]:
        """What `since` and `until` come to: from the first moment of one to the first after the other."""
        since, until = (_day(self.values.get(name)) for name in ("since", "until"))
        return (
            midnight(since) if since else None,
            midnight(until + timedelta(days=1)) if until else None,
        )

    def ids(self) -> tuple[Any, Any]:
        """The same for what is ordered by id."""
        since, until = self.moments()
        return first_id(since) if since else None, first_id(until) if until else None

    def here(self, **place: str) -> str:
        """This list's address with another place in it."""
        query = urlencode({**self.values, **place})
        return f"{request.path}?{query}" if query else request.path

    def cleared(self) -> str:
        """This list's address without its filters."""
        kept = [one.name for one in self.filters if isinstance(one, Kept)]
        query = urlencode({name: self.values[name] for name in kept if name in self.values})
        return f"{request.path}?{query}" if query else request.path

    @property
    def filtered(self) -> bool:
        kept = {one.name for one in self.filters if isinstance(one, Kept)}
        return not kept.issuperset(self.values)


def read(filters: Sequence[Filter]) -> Asked:
    """What the address asks for. What cannot be understood is an error beside its field, and nothing is filtered."""
    names = [name for one in filters for name in (("since", "until") if isinstance(one, Days) else (one.name,))]
    values = {name: text for name in names if (text := request.args.get(name, "").strip())}
    values |= {one.name: kept for one in filters if isinstance(one, Kept) and (kept := request.args.get(one.name))}
    errors: dict[str, str] = {}
    for one in filters:
        errors |= _errors(one, values)
    place = {name: value for name in PLACE if (value := request.args.get(name))}
    window = Window(place.get("before"), place.get("after"), "oldest" in place)
    return Asked(filters, values, errors, window)


def back(default: str) -> str:
    """The list from which a page was opened, with its filters."""
    asked = safe_next(request.values.get("back"))
    return asked if urlsplit(asked).path.startswith("/admin/") else default


def here() -> str:
    """This very page, for the `back` of the pages it leads to."""
    return request.full_path.rstrip("?")


def empty(asked: Asked, page: Page[Any]) -> bool:
    return not page.rows and not asked.errors


def _errors(one: Filter, values: Mapping[str, str]) -> dict[str, str]:
    match one:
        case Choice(name, _, options):
            wrong = name in values and values[name] not in options
            return {name: gettext("Choose one of the list")} if wrong else {}
        case Text(name):
            wrong = len(values.get(name, "")) > LONGEST or not values.get(name, "").isprintable()
            return {name: gettext("Nothing of ours is written like that")} if wrong else {}
        case Days():
            wrong_days = [name for name in ("since", "until") if name in values and _day(values[name]) is None]
            return {name: gettext("Enter a day as year-month-day, like 2026-11-22") for name in wrong_days}
    return {}


def _day(text: str | None) -> date | None:
    try:
        day = date.fromisoformat(text or "")
        return day if 2000 <= day.year <= 2200 else None
    except ValueError:
        return None


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(runtime.settings.billing_timezone))


def moment(text: str) -> datetime | None:
    """As a field for a day and a time has it, in the portal's zone; None for what is no moment."""
    try:
        naive = datetime.fromisoformat(text)
    except ValueError:
        return None
    if naive.tzinfo is not None or not 2000 <= naive.year <= 2200:
        return None
    return instant_of(naive, runtime.settings.billing_timezone)


def is_day(text: str) -> bool:
    return _day(text) is not None
