"""The activity log: every act of an operator, and every one that was refused."""

from __future__ import annotations

from flask import url_for
from flask_admin import expose
from flask_babel import gettext, lazy_gettext

from portal.presentation import operators
from portal.queries.office import activity
from portal.web.admin import lists
from portal.web.admin.lists import Choice, Text
from portal.web.admin.screen import Screen, found, needs
from portal.web.locale import language

LARGEST = 2**63 - 1
KINDS = {
    "plan": lazy_gettext("Plan"),
    "subscription": lazy_gettext("Subscription"),
    "payment": lazy_gettext("Payment"),
    "refund": lazy_gettext("Refund"),
    "ledger": lazy_gettext("Ledger"),
    "event": lazy_gettext("Event"),
    "auth": lazy_gettext("Rights at Auth"),
    "webhook": lazy_gettext("Webhook"),
    "screen": lazy_gettext("Page that was forbidden"),
}


class ActivityLog(Screen):
    def __init__(self) -> None:
        super().__init__(name=lazy_gettext("Activity log"), endpoint="activity")

    @expose("/")
    @needs("see")
    def index(self) -> str:
        asked = lists.read(
            (
                Text("operator", gettext("Operator")),
                Choice("kind", gettext("What it was about"), {kind: str(words) for kind, words in KINDS.items()}),
                Text("subject", gettext("Its id")),
                Text("user", gettext("Customer's id")),
            )
        )
        page = activity.listed(
            asked.window,
            operator=asked.get("operator"),
            kind=asked.get("kind"),
            subject_id=asked.get("subject"),
            user_id=asked.get("user"),
        )
        return self.render("admin/activity.html", page=page, asked=asked, kinds=KINDS, list_address=lists.here())

    @expose("/<int:seq>")
    @needs("see")
    def entry(self, seq: int) -> str:
        entry = found(activity.entry(seq) if seq <= LARGEST else None)
        return self.render(
            "admin/activity_entry.html",
            entry=entry,
            outcome=operators.outcome(entry.outcome, language()),
            kinds=KINDS,
            back=lists.back(url_for(".index")),
            list_address=lists.here(),
        )
