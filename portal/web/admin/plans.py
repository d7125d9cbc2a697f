"""Plans: made, priced, put on sale, taken off, and deleted as long as nobody has bought them."""

from __future__ import annotations

from uuid import UUID

from flask import request, url_for
from flask_admin import expose
from flask_babel import gettext, lazy_gettext
from werkzeug.wrappers import Response

from portal import runtime
from portal.domain.calendar import Interval
from portal.domain.errors import CodeTaken, PlanNotSellable, PlanSold, PriceExists
from portal.domain.money import EXPONENTS
from portal.queries.office import plans as queries
from portal.queries.office.plans import PlanDetail
from portal.services import plans as service
from portal.web import own_words
from portal.web.admin.plan_form import PlanForm, PriceForm
from portal.web.admin.screen import Screen, act, attempt, done, form_id, found, needs

Answer = str | Response | tuple[str, int]
INTERVALS = {
    Interval.day: lazy_gettext("day"),
    Interval.week: lazy_gettext("week"),
    Interval.month: lazy_gettext("month"),
    Interval.year: lazy_gettext("year"),
}
STATES = {
    "draft": ("calm", lazy_gettext("Draft")),
    "on_sale": ("good", lazy_gettext("On sale")),
    "archived": ("warn", lazy_gettext("Archived")),
}


class Plans(Screen):
    def __init__(self) -> None:
        super().__init__(name=lazy_gettext("Price list"), endpoint="plans")

    @expose("/")
    @needs("see")
    def index(self) -> str:
        return self.render("admin/plans.html", lines=queries.listed(runtime.clock.now()), states=STATES)

    @expose("/<uuid:guid>")
    @needs("see")
    def plan(self, guid: UUID) -> str:
        return self.render("admin/plan.html", detail=_detail(guid), states=STATES, now=runtime.clock.now())

    @expose("/new", methods=("GET", "POST"))
    @needs("plans")
    def new(self) -> Answer:
        if request.method == "GET":
            return self._form(PlanForm(), {}, None)
        form = PlanForm.read(request.form, None)
        errors = _errors(form)
        if not errors:
            made = act(note=form.note)
            try:
                with attempt(made, "plan.create", "plan", form.code):
                    plan_id = service.create(made, form.draft())
                    return done(url_for(".plan", guid=plan_id), gettext("The plan is made. Now give it a price."))
                return done(url_for(".index"))
            except CodeTaken:
                errors = {"code": gettext("Another plan has this code")}
        return self._form(form, errors, None), 422

    @expose("/<uuid:guid>/edit", methods=("GET", "POST"))
    @needs("plans")
    def edit(self, guid: UUID) -> Answer:
        detail = _detail(guid)
        if request.method == "GET":
            return self._form(PlanForm.of(detail.plan), {}, detail)
        form = PlanForm.read(request.form, detail.plan if detail.sold else None)
        errors = _errors(form)
        if not errors:
            made = act(note=form.note)
            try:
                with attempt(made, "plan.edit", "plan", guid):
                    service.edit(made, guid, form.draft())
                return done(url_for(".plan", guid=guid), gettext("The plan is changed."))
            except CodeTaken:
                errors = {"code": gettext("Another plan has this code")}
            except PlanSold:  # while the form was open
                detail = _detail(guid)
                errors = {"code": gettext("Somebody has bought it meanwhile: what was sold stays as it was sold.")}
        return self._form(form, errors, detail), 422

    @expose("/<uuid:guid>/price", methods=("GET", "POST"))
    @needs("plans")
    def price(self, guid: UUID) -> Answer:
        detail = _detail(guid)
        if request.method == "GET":
            return self._price(detail, PriceForm(currency=runtime.settings.billing_currency), {})
        form = PriceForm.read(request.form)
        currencies = _currencies()
        errors = form.errors(currencies) | ({"note": wrong} if (wrong := own_words.error(form.note)) else {})
        moment = form.moment()
        if not errors and moment is not None:
            made = act(note=form.note)
            try:
                with attempt(made, "plan.price", "plan", guid):
                    service.add_price(made, guid, form.sum(), moment)
                return done(url_for(".plan", guid=guid), gettext("The price is set."))
            except PriceExists:
                errors = {"valid_from": gettext("There is a price in this currency from this very moment already")}
        return self._price(detail, form, errors), 422

    @expose("/<uuid:guid>/sell", methods=("GET", "POST"))
    @needs("plans")
    def sell(self, guid: UUID) -> Answer:
        detail = _detail(guid)
        if request.method == "POST":
            made = act(note=request.form.get("note", ""))
            try:
                with attempt(made, "plan.sell", "plan", guid):
                    service.put_on_sale(made, guid)
                return done(url_for(".plan", guid=guid), gettext("The plan is on sale."))
            except PlanNotSellable:
                return self._confirm("admin/plan_sell.html", detail, refused=True), 409
        return self._confirm("admin/plan_sell.html", detail)

    @expose("/<uuid:guid>/archive", methods=("GET", "POST"))
    @needs("plans")
    def archive(self, guid: UUID) -> Answer:
        detail = _detail(guid)
        if request.method == "POST":
            made = act(note=request.form.get("note", ""))
            with attempt(made, "plan.archive", "plan", guid):
                service.archive(made, guid)
            return done(url_for(".plan", guid=guid), gettext("The plan is archived: nobody can buy it any more."))
        return self._confirm("admin/plan_archive.html", detail)

    @expose("/<uuid:guid>/delete", methods=("GET", "POST"))
    @needs("plans")
    def delete(self, guid: UUID) -> Answer:
        detail = _detail(guid)
        if request.method == "POST":
            made = act(note=request.form.get("note", ""))
            try:
                with attempt(made, "plan.delete", "plan", guid):
                    service.delete(made, guid)
                return done(url_for(".index"), gettext("The plan is deleted."))
            except PlanSold:
                return self._confirm("admin/plan_delete.html", _detail(guid), refused=True), 409
        return self._confirm("admin/plan_delete.html", detail)

    def _form(self, form: PlanForm, errors: dict[str, str], detail: PlanDetail | None) -> str:
        return self.render(
            "admin/plan_form.html",
            form=form,
            errors=errors,
            detail=detail,
            fixed=detail is not None and detail.sold,
            intervals=INTERVALS,
            form_id=form_id(),
        )

    def _price(self, detail: PlanDetail, form: PriceForm, errors: dict[str, str]) -> str:
        return self.render(
            "admin/plan_price.html",
            detail=detail,
            form=form,
            errors=errors,
            currencies=_currencies(),
            zone=runtime.settings.billing_timezone,
            form_id=form_id(),
        )

    def _confirm(self, template: str, detail: PlanDetail, refused: bool = False) -> str:
        return self.render(
            template,
            detail=detail,
            refused=refused,
            note=request.form.get("note", ""),
            currency=runtime.settings.billing_currency,
            form_id=form_id(),
        )


def _detail(guid: UUID) -> PlanDetail:
    detail: PlanDetail = found(queries.detail(guid, runtime.clock.now()))
    return detail


def _currencies() -> dict[str, str]:
    """What a price may be in, the portal's own first."""
    own = runtime.settings.billing_currency
    return {code: code for code in (own, *(code for code in sorted(EXPONENTS) if code != own))}


def _errors(form: PlanForm) -> dict[str, str]:
    errors = form.errors()
    wrong = own_words.error(form.note)
    return errors | ({"note": wrong} if wrong else {})
