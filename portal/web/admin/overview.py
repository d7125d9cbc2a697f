"""Where an operator's day begins: what waits for a person, each figure a link to exactly those rows."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import url_for
from flask_admin import expose
from flask_babel import lazy_gettext

from portal.queries.office import overview
from portal.services import heartbeat
from portal.web.admin.screen import Screen, needs

# name of the count: words, list, its filters, tone where there are any
TILES = (
    (
        "refunds_waiting",
        lazy_gettext("Refunds that wait for a decision"),
        "refunds.index",
        {"state": "requested"},
        "warn",
    ),
    ("refunds_failed", lazy_gettext("Refunds that did not go through"), "refunds.index", {"state": "failed"}, "bad"),
    ("refunds_in_review", lazy_gettext("Refunds of unknown outcome"), "refunds.index", {"review": "yes"}, "bad"),
    ("disputes_open", lazy_gettext("Open disputes"), "disputes.index", {"state": "open"}, "warn"),
    ("payments_in_review", lazy_gettext("Payments of unknown outcome"), "payments.index", {"review": "yes"}, "bad"),
    ("past_due", lazy_gettext("Renewals that were declined"), "subscriptions.index", {"state": "past_due"}, "warn"),
    ("suspended", lazy_gettext("Suspended subscriptions"), "subscriptions.index", {"state": "suspended"}, "warn"),
    ("parked", lazy_gettext("Parked subscriptions"), "subscriptions.index", {"parked": "yes"}, "bad"),
    ("events_unsent", lazy_gettext("Events that are not sent"), "outbox.index", {"state": "waiting"}, "warn"),
    ("webhooks_waiting", lazy_gettext("Webhooks that are not applied"), "inbox.index", {"state": "received"}, "warn"),
    ("webhooks_dead", lazy_gettext("Webhooks that could not be applied"), "inbox.index", {"state": "dead"}, "bad"),
)


class Overview(Screen):
    def __init__(self) -> None:
        super().__init__(name=lazy_gettext("Today"), endpoint="admin", url="/admin")

    @expose("/")
    @needs("see")
    def index(self) -> str:
        found = overview.overview()
        tiles = [
            (found.counts[name], words, f"{url_for(list_)}?{urlencode(asked)}", tone)
            for name, words, list_, asked, tone in TILES
        ]
        return self.render(
            "admin/overview.html", found=found, tiles=tiles, most=overview.MOST, silent=heartbeat.silent()
        )
