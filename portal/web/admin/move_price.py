"""Those who pay one price of a plan pay another one from a date on."""

from __future__ import annotations

from uuid import UUID

from flask import redirect, request, url_for
from flask_admin import expose
from flask_babel import gettext
from werkzeug.wrappers import Response

from portal import runtime
from portal.domain.errors import InvalidRequest, PriceExists
from portal.domain.plan import Price
from portal.queries.office import plans as queries
from portal.queries.office.plans import PlanDetail
from portal.services.move_price import move_price
from portal.web.admin.move_price_form import MovePriceForm
from portal.web.admin.screen import Screen, act, attempt, done, form_id, found, needs

Answer = str | Response | tuple[str, int]


class MovePrice(Screen):
    def __init__(self) -> None:
        super().__init__(name="", endpoint="move_price", url="/admin/prices")

    def is_visible(self) -> bool:
        """It is reached from the page of its plan."""
        return False

    @expose("/")
    @needs("see")
    def index(self) -> Answer:
        return redirect(url_for("plans.index"), 303)

    @expose("/<uuid:guid>/move", methods=("GET", "POST"))
    @needs("plans")
    def move(self, guid: UUID) -> Answer:
        detail: PlanDetail = found(queries.of_price(guid, runtime.clock.now()))
        old: Price = next(one for one in detail.prices if one.id == guid)
        targets = [one for one in detail.prices if one.currency == old.currency and one.id != old.id]
        if request.method == "GET":
            return self._form(detail, old, targets, MovePriceForm(), {})
        form = MovePriceForm.read(request.form)
        errors = form.errors(targets)
        to, starts_at = form.price(targets), form.moment()
        if not errors and to is not None and starts_at is not None:
            made = act(note=form.note)
            try:
                with attempt(made, "plan.move_price", "plan", detail.plan.id):
                    move_price(made, detail.plan.id, old.id, to, starts_at)
                return done(url_for("plans.plan", guid=detail.plan.id), gettext("The price moves on that day."))
            except PriceExists:
                errors = {"starts_at": gettext("From this very moment this price is moved already")}
            except InvalidRequest as refused:
                if refused.facts.get("field") != "to":
                    raise
                errors = {"to": gettext("Those who pay that price are moved to this one: add a new price instead")}
        return self._form(detail, old, targets, form, errors), 422

    def _form(
        self, detail: PlanDetail, old: Price, targets: list[Price], form: MovePriceForm, errors: dict[str, str]
    ) -> str:
        return self.render(
            "admin/plan_move_price.html",
            detail=detail,
            old=old,
            targets=targets,
            form=form,
            errors=errors,
            zone=runtime.settings.billing_timezone,
            form_id=form_id(),
        )
