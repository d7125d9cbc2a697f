"""The history of all subscriptions: every line that was ever written, technical ones included."""

from __future__ import annotations

from flask import url_for
from flask_admin import expose
from flask_babel import gettext, lazy_gettext

from portal.domain.states import EDGES
from portal.presentation import timeline
from portal.queries.office import history as queries
from portal.queries.office.timeline import KINDS
from portal.web.admin import lists
from portal.web.admin.lists import Choice, Days, Text
from portal.web.admin.screen import Screen, found, needs
from portal.web.locale import language, zone

LARGEST = 2**63 - 1


class History(Screen):
    def __init__(self) -> None:
        super().__init__(name=lazy_gettext("History"), endpoint="history")

    @expose("/")
    @needs("see")
    def index(self) -> str:
        asked = lists.read(
            (
                Choice("kind", gettext("About"), {kind: timeline.source(kind, language()) for kind in KINDS}),
                Choice("event", gettext("Event"), {event: event for event in _events()}),
                Text("user", gettext("Customer's id or e-mail")),
                Text("actor", gettext("Who, like worker or user:alice")),
                Days(gettext("When")),
            )
        )
        since, until = asked.moments()
        page = queries.listed(
            asked.window,
            kind=asked.get("kind"),
            event=asked.get("event"),
            customer=asked.get("user"),
            actor=asked.get("actor"),
            since=since,
            until=until,
        )
        return self.render(
            "admin/history.html",
            asked=asked,
            page=page,
            line=lambda told: timeline.history_line(told, language(), zone()),
            list_address=lists.here(),
        )

    @expose("/<int:seq>")
    @needs("see")
    def entry(self, seq: int) -> str:
        told = found(queries.find(seq) if seq <= LARGEST else None)
        return self.render(
            "admin/history_entry.html",
            told=told,
            line=timeline.history_line(told, language(), zone()),
            back=lists.back(url_for(".index")),
            list_address=lists.here(),
        )


def _events() -> list[str]:
    """Every event that history can tell, `created` first."""
    return ["created", *sorted({edge.event for kind in KINDS for edge in EDGES[kind]})]
