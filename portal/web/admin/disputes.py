"""Disputes: what customers contest at their banks. The bank decides; here one only looks."""

from __future__ import annotations

from flask_admin import expose
from flask_babel import gettext, lazy_gettext

from portal.presentation import office_money
from portal.presentation.checkout import dispute_label
from portal.queries.office import disputes as queries
from portal.web.admin import lists
from portal.web.admin.lists import Choice, Days, Filter, Text
from portal.web.admin.screen import Screen, needs
from portal.web.locale import language


class Disputes(Screen):
    def __init__(self) -> None:
        super().__init__(name=lazy_gettext("Disputes"), endpoint="disputes")

    @expose("/")
    @needs("see")
    def index(self) -> str:
        asked = lists.read(_filters())
        since, until = asked.ids()
        page = queries.listed(
            asked.window, state=asked.get("state"), customer=asked.get("user"), since=since, until=until
        )
        return self.render(
            "admin/disputes.html",
            page=page,
            asked=asked,
            lines=[(row, dispute_label(row.state, language())) for row in page.rows],
            list_address=lists.here(),
        )


def _filters() -> tuple[Filter, ...]:
    return (
        Choice("state", gettext("State"), office_money.dispute_states(language())),
        Days(gettext("Heard of")),
        Text("user", gettext("Customer's id or e-mail")),
    )
