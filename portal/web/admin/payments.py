"""Payments: what was charged, why just this sum, what came of it, and giving it back."""

from __future__ import annotations

from uuid import UUID

from flask import flash, request, url_for
from flask_admin import expose
from flask_babel import gettext, lazy_gettext
from werkzeug.wrappers import Response

from portal import runtime
from portal.domain import refunding
from portal.domain.errors import ExceedsRefundable, NotAskable, NotRefundable, SumChanged
from portal.domain.offers import Offer, available
from portal.presentation import office_money, operators
from portal.queries.office import payments as queries
from portal.queries.office.payments import PaymentFile
from portal.services import activity, operator_refunds, refund
from portal.services.ask import Heard
from portal.services.ask_again import ask_again
from portal.web import own_words
from portal.web.admin import lists, shown
from portal.web.admin.giving_form import GivingForm, effects
from portal.web.admin.lists import Choice, Days, Filter, Text
from portal.web.admin.screen import Screen, act, attempt, done, form_id, found, needs, plain
from portal.web.locale import language, money

PAID = ("succeeded", "duplicate")  # money that is ours as long as nobody gives it back


class Payments(Screen):
    def __init__(self) -> None:
        super().__init__(name=lazy_gettext("Payments"), endpoint="payments")

    @expose("/")
    @needs("see")
    def index(self) -> str:
        asked = lists.read(_filters())
        since, until = asked.ids()
        page = queries.listed(
            asked.window,
            state=asked.get("state"),
            in_review=asked.get("review") is not None,
            provider=asked.get("provider"),
            customer=asked.get("user"),
            since=since,
            until=until,
        )
        return self.render(
            "admin/payments.html",
            page=page,
            asked=asked,
            lines=[(row, office_money.payment_label(row.state, language(), row.decline_kind)) for row in page.rows],
            list_address=lists.here(),
        )

    @expose("/<uuid:guid>")
    @needs("see")
    def payment(self, guid: UUID) -> str:
        file: PaymentFile = found(queries.find(guid))
        return self.render(
            "admin/payment.html",
            file=file,
            told=shown.payment_told(file.payment),
            left=available(file.payment),
            paid=file.payment.state in PAID,
            refunds=[shown.refund_told(one) for one in file.refunds],
            disputes=[shown.dispute_told(one) for one in file.disputes],
            records=shown.told(file.records),
            raw=shown.raw(file.payment),
            back=lists.back(url_for(".index")),
            list_address=lists.here(),
        )

    @expose("/<uuid:guid>/review")
    @needs("see")
    def review(self, guid: UUID) -> str:
        return self._review(found(queries.find(guid)), {})

    @expose("/<uuid:guid>/review", methods=("POST",))
    @needs("deliver")
    def ask(self, guid: UUID) -> Response | tuple[str, int]:
        file: PaymentFile = found(queries.find(guid))
        note = request.form.get("note", "").strip()
        if wrong := own_words.error(note):
            return self._review(file, {"note": wrong}), 422
        made = act(note=note)
        try:
            with attempt(made, "payment.ask", "payment", guid, file.payment.user_id):
                flash(HEARD[ask_again(made, guid)])
        except NotAskable:
            return self._review(found(queries.find(guid)), {}), 409
        return done(url_for(".payment", guid=guid, back=lists.back("") or None))

    def _review(self, file: PaymentFile, errors: dict[str, str]) -> str:
        payment = file.payment
        return self.render(
            "admin/payment_review.html",
            file=file,
            told=shown.payment_told(payment),
            askable=payment.askable,
            switched_off=payment.provider not in runtime.providers,
            errors=errors,
            note=request.form.get("note", ""),
            form_id=form_id(),
            back=lists.back(""),
            list_address="",
        )

    @expose("/<uuid:guid>/refund", methods=("GET", "POST"))
    @needs("refund")
    def refund(self, guid: UUID) -> str | Response | tuple[str, int]:
        file: PaymentFile = found(queries.find(guid))
        offer = _unused(file)
        if request.method == "GET":
            return self._form(file, offer, GivingForm.fresh(file, request.args.get("back", "")), {})
        return self._give(file, offer, GivingForm.read(request.form))

    def _give(self, file: PaymentFile, offer: Offer | None, form: GivingForm) -> Response | tuple[str, int]:
        payment, made = file.payment, act(form.grounds, plain(form.note))
        shown_left = form.shown_left(payment.currency)
        try:
            with attempt(made, "refund.give", "payment", payment.id, payment.user_id):
                # What was done, or has changed, is told before anything is found wrong with what was chosen then.
                activity.refuse_repeat(made)
                refunding.refuse_disputed(payment)
                refunding.refuse_changed(payment, shown_left)
                if errors := form.errors(file, offer):
                    return self._form(file, offer, form, errors), 422
                amount = form.amount_of(payment.currency)
                refund_id = operator_refunds.give(made, payment.id, amount, shown_left, form.effect_of())
                told = gettext("A refund of %(sum)s is on its way.", sum=money(amount))
                return done(url_for("refunds.refund", guid=refund_id, back=form.back or None), told)
        except (SumChanged, ExceedsRefundable, NotRefundable):
            return self._overtaken(payment.id, form)
        return done(url_for(".payment", guid=payment.id, back=form.back or None))

    def _overtaken(self, payment_id: UUID, form: GivingForm) -> tuple[str, int]:
        """Somebody else was faster. What was typed stays; the sums are those of now."""
        file: PaymentFile = found(queries.find(payment_id))
        errors = {form.sum_field(): shown.disputed() if file.payment.disputed_at else _changed(file)}
        return self._form(file, _unused(file), form, errors), 409

    def _form(self, file: PaymentFile, offer: Offer | None, form: GivingForm, errors: dict[str, str]) -> str:
        return self.render(
            "admin/refund_give.html",
            file=file,
            form=form,
            errors=errors,
            form_id=form_id(),
            left=available(file.payment),
            paid=file.payment.state in PAID,
            offer=offer,
            reasons={"": gettext("Choose"), **operators.said(operators.GIVING, language())},
            effects=[(key, *office_money.effect(key, language())) for key in effects(file)],
        )


HEARD = {
    Heard.told: lazy_gettext("The payment system has answered; what it says is settled."),
    Heard.absent: lazy_gettext("The payment system knows no such payment."),
    Heard.silent: lazy_gettext("The payment system still cannot tell."),
}


def _changed(file: PaymentFile) -> str:
    return str(
        gettext(
            "The sum has changed while the page was open: %(sum)s can be given back now. Nothing was sent.",
            sum=money(available(file.payment)),
        )
    )


def _unused(file: PaymentFile) -> Offer | None:
    """The unused part, where there is time left that this payment bought, and it is not just all that is left."""
    if file.payment.state != "succeeded":
        return None
    found = next((one for one in refund.offered(file.invoice, file.payment) if one.kind == "unused"), None)
    return found if found and found.amount != available(file.payment) else None


def _filters() -> tuple[Filter, ...]:
    return (
        Choice("state", gettext("State"), office_money.payment_states(language())),
        Choice("review", gettext("Needs a look"), {"yes": gettext("Only those that need a look")}),
        Choice("provider", gettext("Payment system"), {name: name for name in runtime.providers}),
        Days(gettext("Made")),
        Text("user", gettext("Customer's id or e-mail")),
    )
