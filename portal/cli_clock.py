"""`flask clock`: the portal's time, and travelling through it (demo and test only)."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from portal import logs, runtime, starting
from portal.cli_voice import JSON, CouldNotRun, FoundWrong, pretending, refuse, say
from portal.clock import FRESH_FOR, real_now
from portal.domain.calendar import rfc3339
from portal.presentation.dates import date
from portal.presentation.diary import diary, stamp
from portal.queries.happenings import Happening
from portal.services.clock import SomebodyTravels, somebody_travels

if TYPE_CHECKING:
    from portal.demo.travel import Trip

UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
SPAN = re.compile(r"(?:\d{1,6}[wdhms])+")
FARTHEST = timedelta(days=3660)
SIGN_OF_LIFE = 2.0  # seconds between two lines of progress
USER = click.option("--user", metavar="LOGIN", help="Tell only what happens to this user; it happens to all.")


class Span(click.ParamType[timedelta]):
    """31d, 12h, 1d12h"""

    name = "span"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if not isinstance(value, str) or not SPAN.fullmatch(value):
            self.fail(f"{value!r} is no span of time: write 31d, 12h or 1d12h", param, ctx)
        parts = re.findall(r"(\d+)([wdhms])", value)
        span = sum((timedelta(**{UNITS[unit]: int(number)}) for number, unit in parts), timedelta(0))
        if not timedelta(0) < span <= FARTHEST:
            self.fail(f"{value} is not between a second and ten years", param, ctx)
        return span


class Moment(click.ParamType[datetime]):
    """2027-01-31T10:00:00Z"""

    name = "moment"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no moment: write 2027-01-31T10:00:00Z", param, ctx)
        if moment.tzinfo is None:
            self.fail(f"{value} has no zone: write {value}Z for UTC", param, ctx)
        if moment > runtime.clock.now() + FARTHEST:
            self.fail(f"{value} is more than ten years ahead", param, ctx)
        return moment.astimezone(UTC)


@click.group("clock")
def clock() -> None:
    """The portal's time, and travelling through it (demo and test only)."""
    settings = pretending()
    try:
        somebody_travels()
    except SQLAlchemyError as error:
        why = f"there is no clock in {make_url(settings.database)!r}: start the demo, or run `flask db upgrade`"
        raise CouldNotRun(why) from error


@clock.command("show")
@JSON
def show(as_json: bool) -> None:
    """Portal time, and how far it is from real time."""
    now = runtime.clock.now()
    offset = round((now - real_now()).total_seconds())
    told = {"now": rfc3339(now), "offset": str(timedelta(seconds=offset)), "travelling": somebody_travels()}
    say(told, as_json)


@clock.command("set")
@click.argument("moment", type=Moment())
@USER
@JSON
def set_(moment: datetime, user: str | None, as_json: bool) -> None:
    """Travel to a moment, as in 2027-01-31T10:00:00Z. Time only goes forward."""
    _travel(moment, user, as_json)


@clock.command("advance")
@click.argument("span", type=Span())
@USER
@JSON
def advance(span: timedelta, user: str | None, as_json: bool) -> None:
    """Travel a span ahead, as in 31d, 12h or 1d12h. Everything due on the way is done at its moment."""
    _travel(runtime.clock.now() + span, user, as_json)


@clock.command("reset")
@JSON
def reset(as_json: bool) -> None:
    """Back to real time, where nothing has happened later than that."""
    from portal.demo import travel  # loaded only where it is allowed to exist

    try:
        travel.reset()
    except SomebodyTravels as error:
        refuse(CouldNotRun, error, as_json)
    except travel.LaterRows as error:
        refuse(FoundWrong, error, as_json)
    let_all_see()
    say({"now": rfc3339(runtime.clock.now()), "offset": str(timedelta(0))}, as_json)


def _travel(target: datetime, user: str | None, as_json: bool) -> None:
    from portal.demo import travel  # loaded only where it is allowed to exist

    logs.setup()
    starting.enter()
    try:
        trip = travel.travel(target, _teller(user, as_json), _Progress())
    except (travel.NotForward, SomebodyTravels) as error:
        refuse(CouldNotRun, error, as_json)
    except travel.Stuck as error:
        refuse(FoundWrong, error, as_json)
    let_all_see()
    _sum_up(trip, as_json)


def _teller(user: str | None, as_json: bool) -> Callable[[list[Happening]], None]:
    zone = runtime.settings.billing_timezone

    def tell(happened: list[Happening]) -> None:
        for line in diary((one for one in happened if user in (None, one.user_id)), zone):
            click.echo(line, err=as_json)

    return tell


class _Progress:
    """A line on stderr every few seconds of a long journey."""

    def __init__(self) -> None:
        self._said_at = time.monotonic()

    def __call__(self, moment: datetime, steps: int) -> None:
        if time.monotonic() - self._said_at > SIGN_OF_LIFE:
            self._said_at = time.monotonic()
            click.echo(f"... {stamp(moment, runtime.settings.billing_timezone)}, {steps} steps", err=True)


def let_all_see() -> None:
    """Every process looks at the clock's row anew before we say that we have arrived."""
    threading.Event().wait(FRESH_FOR)


def _sum_up(trip: Trip, as_json: bool) -> None:
    now = runtime.clock.now()
    if as_json:
        told = {"now": rfc3339(now), "steps": trip.steps, "done": dict(+trip.done), "happened": dict(trip.happened)}
        say(told, as_json)
    else:
        click.echo(f"It is {date(now, 'en', runtime.settings.billing_timezone)}.")
