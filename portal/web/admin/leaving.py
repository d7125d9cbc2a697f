"""Why customers cancelled: counts by reason, and what they wrote. Here one only looks."""

from __future__ import annotations

from datetime import timedelta

from flask_admin import expose
from flask_babel import gettext, lazy_gettext

from portal import runtime
from portal.presentation.leaving import REASONS
from portal.presentation.operators import said
from portal.queries.office import leaving as queries
from portal.web.admin import lists
from portal.web.admin.lists import Choice, Days
from portal.web.admin.screen import Screen, needs
from portal.web.locale import language

LATELY = timedelta(days=30)  # where no day is asked for


class Leaving(Screen):
    def __init__(self) -> None:
        super().__init__(name=lazy_gettext("Reasons for leaving"), endpoint="leaving")

    @expose("/")
    @needs("see")
    def index(self) -> str:
        words = said(REASONS, language())
        asked = lists.read((Days(gettext("Cancelled")), Choice("reason", gettext("Reason"), words)))
        since, until = (None, None) if asked.errors else asked.moments()
        now = runtime.clock.now()
        from_, to = since or (until or now) - LATELY, until or now + timedelta(microseconds=1)
        return self.render(
            "admin/leaving.html",
            asked=asked,
            counted=queries.counted(from_, to),
            from_=from_,
            to_=to,
            words=words,
            page=queries.listed(asked.window, since=from_, until=to, reason=asked.get("reason")),
            list_address=lists.here(),
        )
