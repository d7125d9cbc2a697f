"""The books: the trial balance of a range of days, the postings behind it, and a file of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

from flask import request, stream_with_context
from flask_admin import expose
from flask_babel import gettext, lazy_gettext
from werkzeug.wrappers import Response

from portal import runtime
from portal.domain.earning import day_of
from portal.domain.ids import new_id
from portal.domain.money import EXPONENTS
from portal.presentation import ledger as words
from portal.presentation.dates import date as date_words
from portal.queries.office import ledger as queries
from portal.queries.office.ledger import Chosen
from portal.services import export_ledger
from portal.services.export_ledger import MOST, TooManyRows, days_of
from portal.web.admin import ledger_csv, lists
from portal.web.admin.lists import Asked, Choice, Days, Text
from portal.web.admin.screen import Screen, act, attempt, done, form_id, needs
from portal.web.locale import language

DAY = timedelta(days=1)


class Ledger(Screen):
    def __init__(self) -> None:
        super().__init__(name=lazy_gettext("Ledger"), endpoint="ledger")

    @expose("/")
    @needs("see")
    def index(self) -> str:
        asked = _asked()
        since, until = _last_month()
        days = {
            "from_day": asked.get("since") or since.isoformat(),
            "to_day": asked.get("until") or until.isoformat(),
        }
        return self._index(asked, days, {})

    @expose("/export", methods=("POST",))
    @needs("export")
    def export(self) -> Response | tuple[str, int]:
        days = {name: request.form.get(name, "").strip() for name in ("from_day", "to_day")}
        errors = _errors(days)
        if errors:
            return self._index(_asked(), days, errors), 422
        chosen = Chosen(date.fromisoformat(days["from_day"]), date.fromisoformat(days["to_day"]))
        # The page stays as it is while the file is saved, so the same form may be sent again for another file.
        made = replace(act(), id=new_id(runtime.clock.now()))
        try:
            with attempt(made, "ledger.export", "ledger", days_of(chosen)):
                return _file(chosen, export_ledger.begin(made, chosen))
        except TooManyRows:
            errors = {"to_day": gettext("These days have more than %(n)s postings: choose fewer days.", n=MOST)}
            return self._index(_asked(), days, errors), 422
        return done(request.path)

    def _index(self, asked: Asked, days: dict[str, str], errors: dict[str, str]) -> str:
        chosen = _chosen(asked)
        return self.render(
            "admin/ledger.html",
            asked=asked,
            balances=queries.trial_balance(chosen),
            page=queries.listed(chosen, asked.window),
            account=lambda code: words.account(code, language()),
            event=lambda code: words.event(code, language()),
            day=lambda day: date_words(lists.midnight(day), language(), runtime.policy.zone),
            days=days,
            errors=errors,
            most=MOST,
            form_id=form_id(),
            list_address=lists.here(),
        )


def _file(chosen: Chosen, through: int) -> Response:
    chunks = queries.in_order(chosen, through)
    name = f"ledger-{chosen.since}-{chosen.until}-{runtime.clock.now():%Y%m%dT%H%M%SZ}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(stream_with_context(ledger_csv.written(chunks)), headers=headers, mimetype="text/csv")


def _asked() -> Asked:
    return lists.read(
        (
            Days(gettext("Day")),
            Choice("currency", gettext("Currency"), {code: code for code in EXPONENTS}),
            Text("subscription", gettext("Subscription's id")),
        )
    )


def _chosen(asked: Asked) -> Chosen:
    since, until = (date.fromisoformat(day) if (day := asked.get(name)) else None for name in ("since", "until"))
    return Chosen(since, until, asked.get("currency"), _guid(asked.get("subscription")))


def _guid(typed: str | None) -> UUID | None:
    """What is none of our ids names a subscription that nobody has."""
    try:
        return UUID(typed) if typed else None
    except ValueError:
        return UUID(int=0)


def _last_month() -> tuple[date, date]:
    first = day_of(runtime.clock.now(), runtime.policy.zone).replace(day=1)
    return (first - DAY).replace(day=1), first - DAY


def _errors(days: dict[str, str]) -> dict[str, str]:
    wrong = gettext("Enter a day as year-month-day, like 2026-11-22")
    errors = {name: wrong for name, typed in days.items() if not lists.is_day(typed)}
    if not errors and days["from_day"] > days["to_day"]:
        return {"to_day": gettext("The last day is not before the first")}
    return errors
