"""What Auth has been told: compared with the rows, and told again."""

from __future__ import annotations

from collections.abc import Mapping

from flask import request, url_for
from flask_admin import expose
from flask_babel import gettext, lazy_gettext, ngettext
from werkzeug.wrappers import Response

from portal import runtime
from portal.domain.errors import InvalidRequest
from portal.domain.ids import new_id
from portal.services import parity
from portal.services.audit import CouldNotCheck, auth_view
from portal.services.parity import CHUNK, Compared
from portal.services.replay import AT_A_PRESS, TooManyUsers, replay_by_hand
from portal.web import own_words
from portal.web.admin import lists
from portal.web.admin.screen import Screen, act, attempt, done, form_id, needs

Answer = str | tuple[str, int] | Response
HOW = {
    "behind": lazy_gettext("Auth has missed an event"),
    "ahead": lazy_gettext("Auth has had events that are not in our database"),
    "other": lazy_gettext("Auth gives something else under the same version"),
}
WHOM = {"since": lazy_gettext("Those told something since a moment"), "all": lazy_gettext("Everybody")}


class AuthRights(Screen):
    def __init__(self) -> None:
        super().__init__(name=lazy_gettext("Rights at Auth"), endpoint="auth_rights", url="/admin/auth")

    @expose("/")
    @needs("see")
    def index(self) -> Answer:
        return self._page({})

    @expose("/compare")
    @needs("deliver")
    def compare(self) -> Answer:
        """Some hundred users at a time; `after` says after whom."""
        try:
            compared = parity.compare(auth_view(), _id(request.args.get("after", "")))
        except CouldNotCheck as why:
            return self._page({}, unheard=str(why)), 503
        return self._page({}, compared=compared)

    @expose("/settle", methods=("POST",))
    @needs("deliver")
    def settle(self) -> Answer:
        users = [_id(one) for one in request.form.getlist("user")[:CHUNK]]
        made = act(note=request.form.get("note", ""))
        try:
            with attempt(made, "auth.settle", "auth", "parity"):
                count = parity.settle_by_hand(made, auth_view(), users)
                return done(url_for(".index"), _told(count))
        except CouldNotCheck as why:
            return self._page({}, unheard=str(why)), 503
        return done(url_for(".index"))

    @expose("/replay", methods=("POST",))
    @needs("deliver")
    def replay(self) -> Answer:
        note, since = request.form.get("note", ""), lists.moment(request.form.get("since", ""))
        errors: dict[str, str] = {}
        if request.form.get("whom") not in WHOM:
            errors["whom"] = gettext("Choose one of the list")
        elif request.form["whom"] == "since" and since is None:
            errors["since"] = gettext("Enter a day and a time")
        if wrong := own_words.error(note):
            errors["note"] = wrong
        if errors:
            return self._page(errors), 422
        made = act(note=note)
        try:
            with attempt(made, "auth.replay", "auth", "replay"):
                count = replay_by_hand(made, since if request.form["whom"] == "since" else None)
                return done(url_for(".index"), _told(count))
        except TooManyUsers:
            many = gettext(
                "These are more than %(n)s customers. flask events replay tells any number and shows how far it is.",
                n=AT_A_PRESS,
            )
            return self._page({"whom": many}), 422
        return done(url_for(".index"))

    def _page(self, errors: Mapping[str, str], *, compared: Compared | None = None, unheard: str = "") -> str:
        return self.render(
            "admin/auth_rights.html",
            compared=compared,
            unheard=unheard,
            how=HOW,
            whom={"": gettext("Choose")} | {name: str(words) for name, words in WHOM.items()},
            chunk=CHUNK,
            most=AT_A_PRESS,
            typed=request.form,
            errors=errors,
            zone=runtime.settings.billing_timezone,
            form_id=form_id(),
            settle_id=new_id(runtime.clock.now()),
            list_address=lists.here(),
        )


def _id(typed: str) -> str:
    """Raises InvalidRequest for what no database could compare with."""
    if "\x00" in typed:
        raise InvalidRequest("no id has a NUL in it")
    return typed


def _told(count: int) -> str:
    return str(ngettext("%(num)s customer is told to Auth again.", "%(num)s customers are told to Auth again.", count))
