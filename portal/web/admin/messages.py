"""Events out and webhooks in: where each stands, and once more on request."""

from __future__ import annotations

from flask import request, url_for
from flask_admin import expose
from flask_babel import gettext, lazy_gettext
from werkzeug.wrappers import Response

from portal import runtime
from portal.domain.access import RESTATED
from portal.domain.states import EDGES
from portal.queries.office import inbox, outbox
from portal.services import again
from portal.web.admin import lists
from portal.web.admin.lists import Choice, Text
from portal.web.admin.screen import Screen, act, attempt, done, form_id, found, needs

LARGEST = 2**63 - 1  # a row's number
EVENTS = {
    "sent": ("good", lazy_gettext("Sent")),
    "waiting": ("calm", lazy_gettext("Waits to be sent")),
    "stuck": ("bad", lazy_gettext("Waits after a failed try")),
}
WEBHOOKS = {
    "received": ("calm", lazy_gettext("Received")),
    "processed": ("good", lazy_gettext("Applied")),
    "ignored": ("calm", lazy_gettext("Ignored")),
    "dead": ("bad", lazy_gettext("Given up")),
}
TYPES = sorted({edge.tells for edges in EDGES.values() for edge in edges if edge.tells} | {RESTATED})


class Outbox(Screen):
    def __init__(self) -> None:
        super().__init__(name=lazy_gettext("Events sent"), endpoint="outbox")

    @expose("/")
    @needs("see")
    def index(self) -> str:
        asked = lists.read(
            (
                Choice("state", gettext("State"), {state: str(words) for state, (_, words) in EVENTS.items()}),
                Choice("type", gettext("Type"), {name: name for name in TYPES}),
                Text("user", gettext("Customer's id")),
            )
        )
        page = outbox.listed(asked.window, state=asked.get("state"), type_=asked.get("type"), user_id=asked.get("user"))
        return self.render("admin/outbox.html", page=page, asked=asked, states=EVENTS, list_address=lists.here())

    @expose("/<int:seq>")
    @needs("see")
    def event(self, seq: int) -> str:
        detail = found(outbox.detail(seq) if seq <= LARGEST else None)
        return self.render(
            "admin/event.html",
            detail=detail,
            states=EVENTS,
            form_id=form_id(),
            back=lists.back(url_for(".index")),
            list_address=lists.here(),
        )

    @expose("/<int:seq>/again", methods=("POST",))
    @needs("deliver")
    def again(self, seq: int) -> Response:
        detail = found(outbox.detail(seq) if seq <= LARGEST else None)
        made = act(note=request.form.get("note", ""))
        with attempt(made, "event.replay", "event", seq, detail.event.user_id):
            again.send_again(made, seq)
        told = gettext("The event will be sent once more in a moment, with the same id and the same content.")
        return done(url_for(".event", seq=seq, back=lists.back(url_for(".index"))), told)


class Inbox(Screen):
    def __init__(self) -> None:
        super().__init__(name=lazy_gettext("Webhooks received"), endpoint="inbox")

    @expose("/")
    @needs("see")
    def index(self) -> str:
        asked = lists.read(
            (
                Choice("state", gettext("State"), {state: str(words) for state, (_, words) in WEBHOOKS.items()}),
                Choice("provider", gettext("Payment system"), {name: name for name in runtime.providers}),
                Text("user", gettext("Customer's id")),
            )
        )
        page = inbox.listed(
            asked.window, state=asked.get("state"), provider=asked.get("provider"), user_id=asked.get("user")
        )
        return self.render("admin/inbox.html", page=page, asked=asked, states=WEBHOOKS, list_address=lists.here())

    @expose("/<int:seq>")
    @needs("see")
    def webhook(self, seq: int) -> str:
        detail = found(inbox.detail(seq) if seq <= LARGEST else None)
        return self.render(
            "admin/webhook.html",
            detail=detail,
            states=WEBHOOKS,
            form_id=form_id(),
            back=lists.back(url_for(".index")),
            list_address=lists.here(),
        )

    @expose("/<int:seq>/again", methods=("POST",))
    @needs("deliver")
    def again(self, seq: int) -> Response:
        detail = found(inbox.detail(seq) if seq <= LARGEST else None)
        made = act(note=request.form.get("note", ""))
        with attempt(made, "webhook.again", "webhook", seq, detail.webhook.user_id):
            again.process_again(made, seq)
        told = gettext("The webhook will be applied once more in a moment. What is known already changes nothing.")
        return done(url_for(".webhook", seq=seq, back=lists.back(url_for(".index"))), told)
