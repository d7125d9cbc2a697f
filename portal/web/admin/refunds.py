"""Refunds: those on their way, those that are over, and those that wait for an operator's decision."""

from __future__ import annotations

from uuid import UUID

from flask import request, url_for
from flask_admin import expose
from flask_babel import format_timedelta, gettext, lazy_gettext
from werkzeug.wrappers import Response

from portal import runtime
from portal.domain import refunding
from portal.domain.act import Act
from portal.domain.calendar import Interval
from portal.domain.errors import NotDecidable, NotRefundable, SumChanged
from portal.domain.offers import available
from portal.domain.refund import OPEN, Refund
from portal.presentation import office_money, operators
from portal.presentation import refunds as presentation
from portal.presentation.checkout import refund_label
from portal.presentation.intervals import duration
from portal.queries.office import refunds as queries
from portal.queries.office.refunds import RefundFile, RefundListed
from portal.services import activity, operator_refunds
from portal.web.admin import lists, shown
from portal.web.admin.deciding_form import ApprovalForm, RefusalForm, effects
from portal.web.admin.lists import Choice, Days, Filter, Text
from portal.web.admin.screen import Screen, act, attempt, done, form_id, found, needs, plain
from portal.web.locale import language, money

Answer = str | Response | tuple[str, int]
WAITING = "requested"  # for a decision


class Refunds(Screen):
    def __init__(self) -> None:
        super().__init__(name=lazy_gettext("Refunds"), endpoint="refunds")

    @expose("/")
    @needs("see")
    def index(self) -> str:
        asked = lists.read(_filters())
        since, until = asked.ids()
        page = queries.listed(
            asked.window,
            state=asked.get("state"),
            reason=asked.get("reason"),
            in_review=asked.get("review") is not None,
            customer=asked.get("user"),
            since=since,
            until=until,
        )
        return self.render(
            "admin/refunds.html",
            page=page,
            asked=asked,
            lines=[(row, refund_label(row.state, language()), _age(row), _overdue(row)) for row in page.rows],
            reasons=operators.said(office_money.REFUND_REASONS, language()),
            list_address=lists.here(),
        )

    @expose("/<uuid:guid>")
    @needs("see")
    def refund(self, guid: UUID) -> str:
        file = _file(guid)
        return self.render(
            "admin/refund.html",
            **_told(file),
            records=shown.told(file.records),
            raw=shown.raw(file.refund),
            back=lists.back(url_for(".index")),
            list_address=lists.here(),
        )

    @expose("/<uuid:guid>/approve", methods=("GET", "POST"))
    @needs("refund")
    def approve(self, guid: UUID) -> Answer:
        file = _file(guid)
        if request.method == "GET":
            return self._approval(file, ApprovalForm.fresh(file, request.args.get("back", "")), {})
        return self._approve(file, ApprovalForm.read(request.form))

    @expose("/<uuid:guid>/reject", methods=("GET", "POST"))
    @needs("refund")
    def reject(self, guid: UUID) -> Answer:
        file = _file(guid)
        if request.method == "GET":
            return self._refusal(file, RefusalForm(back=request.args.get("back", "")), {})
        return self._reject(file, RefusalForm.read(request.form))

    def _approve(self, file: RefundFile, form: ApprovalForm) -> Response | tuple[str, int]:
        refund, made = file.refund, act(note=plain(form.note))
        left = form.shown_left(refund.currency)
        told = None
        try:
            with attempt(made, "refund.approve", "refund", refund.id, refund.user_id):
                _refuse_decided(made, refund)
                refunding.refuse_disputed(file.paid.payment)
                refunding.refuse_changed(file.paid.payment, left)
                if errors := form.errors(file):
                    return self._approval(file, form, errors), 422
                operator_refunds.approve(made, refund.id, form.effect_of(), left)
                told = gettext("The refund of %(sum)s is on its way.", sum=money(refund.amount))
        except SumChanged:
            return self._approval(_file(refund.id), form, {"left": _changed(refund.id)}), 409
        except NotRefundable:
            return self._approval(_file(refund.id), form, {"left": shown.disputed()}), 409
        except NotDecidable:
            return self._approval(_file(refund.id), form, {}), 409
        return done(url_for(".refund", guid=refund.id, back=form.back or None), told)

    def _reject(self, file: RefundFile, form: RefusalForm) -> Response | tuple[str, int]:
        refund, made = file.refund, act(form.grounds, plain(form.note))
        told = None
        try:
            with attempt(made, "refund.reject", "refund", refund.id, refund.user_id):
                _refuse_decided(made, refund)
                if errors := form.errors():
                    return self._refusal(file, form, errors), 422
                operator_refunds.reject(made, refund.id)
                told = gettext("The refund of %(sum)s is refused.", sum=money(refund.amount))
        except NotDecidable:
            return self._refusal(_file(refund.id), form, {}), 409
        return done(url_for(".refund", guid=refund.id, back=form.back or None), told)

    def _approval(self, file: RefundFile, form: ApprovalForm, errors: dict[str, str]) -> str:
        return self.render(
            "admin/refund_approve.html",
            **_told(file),
            form=form,
            errors=errors,
            form_id=form_id(),
            effects=[(key, *office_money.effect(key, language())) for key in effects(file)],
        )

    def _refusal(self, file: RefundFile, form: RefusalForm, errors: dict[str, str]) -> str:
        return self.render(
            "admin/refund_reject.html",
            **_told(file),
            form=form,
            errors=errors,
            form_id=form_id(),
            refusals={"": gettext("Choose"), **operators.said(operators.REFUSING, language())},
        )


def _refuse_decided(made: Act, refund: Refund) -> None:
    """What was decided is told before anything is found wrong with what was chosen then."""
    activity.refuse_repeat(made)
    if refund.state != WAITING:
        raise NotDecidable(f"the refund is {refund.state}")


def _file(guid: UUID) -> RefundFile:
    file: RefundFile = found(queries.find(guid))
    return file


def _told(file: RefundFile) -> dict[str, object]:
    """What the page of a refund and both its forms say of it."""
    refund = file.refund
    return {
        "file": file,
        "told": shown.refund_told(refund),
        "payment": shown.payment_told(file.paid.payment),
        "left": available(file.paid.payment),
        "offer": operators.say(office_money.OFFERS, refund.offer, language()),
        "grounds": operators.say({**operators.GIVING, **operators.REFUSING}, refund.grounds, language()),
        "waits": refund.state == WAITING,
        "answer_by": presentation.answer_by(refund.created_at, runtime.policy),
        "overdue": _overdue(refund),
    }


def _changed(refund_id: UUID) -> str:
    left = available(_file(refund_id).paid.payment)
    return str(
        gettext(
            "What is left of the payment has changed while the page was open: beside this refund it is %(sum)s now. "
            "Nothing was sent.",
            sum=money(left),
        )
    )


def _age(row: RefundListed) -> str:
    """How long it has been waiting, while it does."""
    if row.state not in OPEN:
        return ""
    waited = runtime.clock.now() - row.created_at
    return duration(Interval.day, waited.days, language()) if waited.days else format_timedelta(waited, "minute")


def _overdue(row: RefundListed | Refund) -> bool:
    """The customer was told by when a person answers."""
    return row.state == WAITING and runtime.clock.now() > presentation.answer_by(row.created_at, runtime.policy)


def _filters() -> tuple[Filter, ...]:
    return (
        Choice("state", gettext("State"), office_money.refund_states(language())),
        Choice("review", gettext("Needs a look"), {"yes": gettext("Only those that need a look")}),
        Choice("reason", gettext("Who began it"), operators.said(office_money.REFUND_REASONS, language())),
        Days(gettext("Begun")),
        Text("user", gettext("Customer's id or e-mail")),
    )
