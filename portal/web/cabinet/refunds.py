"""Money back: what can be had, asking for it, and the page that shows how far it is."""

from __future__ import annotations

from uuid import UUID

from flask import redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from portal import runtime
from portal.domain import free_text, refunding
from portal.domain.errors import ExceedsRefundable, NotFound, NotRefundable
from portal.domain.money import Money
from portal.domain.offers import Offer, available
from portal.domain.payment import Payment
from portal.domain.refund import Refund
from portal.presentation import refunds as presentation
from portal.presentation.checkout import refund_label
from portal.queries import invoices, subscriptions
from portal.queries import refunds as queries
from portal.queries.invoices import InvoiceDetail
from portal.queries.subscriptions import SubscriptionCard
from portal.services import refund as service
from portal.web.auth import current_person, signed_in
from portal.web.cabinet.refund_form import OTHER, RefundForm
from portal.web.locale import language, zone


@signed_in
def refund(guid: UUID) -> str | Response | tuple[str, int]:
    detail = invoices.detail(guid, current_person().id)
    if detail is None:
        raise NotFound(f"no invoice {guid}")
    offers = service.offers_of(current_person(), guid)
    if request.method == "POST":
        return _ask(detail, offers, RefundForm.read(request.form))
    return _page(detail, offers, RefundForm.fresh(offers), {})


@signed_in
def refund_state(guid: UUID) -> str:
    detail = queries.detail(guid, current_person().id)
    if detail is None:
        raise NotFound(f"no refund {guid}")
    return render_template(
        "cabinet/refund_state.html",
        detail=detail,
        told=presentation.tracker(detail.refund, runtime.policy, language(), zone()),
        label=refund_label(detail.refund.state, language()),
    )


def _ask(detail: InvoiceDetail, offers: list[Offer], form: RefundForm) -> Response | tuple[str, int]:
    """Raises NotRefundable, ExceedsRefundable. The same once more leads to what the first time started."""
    before = _asked_before(detail, form)
    if before is not None:
        return _to(before.id)
    payment = paid(detail)
    if payment is None:
        raise NotRefundable("nothing was paid for this invoice")
    refunding.refuse_disputed(payment)
    errors = form.errors(offers, available(payment))
    if errors:
        return _page(detail, offers, form, errors), 422
    try:
        return _to(_send(detail, form, payment.currency))
    except (NotRefundable, ExceedsRefundable):
        return _overtaken(detail, form)


def _send(detail: InvoiceDetail, form: RefundForm, currency: str) -> UUID:
    person, comment = current_person(), form.comment or None
    if form.choice == OTHER:
        return service.request(person, detail.invoice.id, form.sum(currency), comment)
    return service.accept(person, detail.invoice.id, form.choice, comment)


def _overtaken(detail: InvoiceDetail, form: RefundForm) -> Response | tuple[str, int]:
    """Another request was faster: perhaps the very same one, sent by a second click."""
    fresh = invoices.detail(detail.invoice.id, current_person().id) or detail
    same = _asked_before(fresh, form)
    if same is not None:
        return _to(same.id)
    errors = {"choice": gettext("Something has changed in the meantime. Nothing has been sent; please choose again.")}
    return _page(fresh, service.offers_of(current_person(), fresh.invoice.id), form, errors), 409


def _asked_before(detail: InvoiceDetail, form: RefundForm) -> Refund | None:
    """The refund that this form has already started, if it has."""
    mine = [r for r in detail.refunds if r.reason == "customer" and r.state not in ("rejected", "failed")]
    if form.choice == OTHER:
        return next((r for r in mine if r.state == "requested" and r.offer is None and _equals(r, form)), None)
    return next((r for r in mine if r.offer == form.choice), None)


def _equals(refund: Refund, form: RefundForm) -> bool:
    return not form.errors([], refund.amount) and form.sum(refund.currency) == refund.amount


def _to(refund_id: UUID) -> Response:
    return redirect(url_for("cabinet.refund_state", guid=refund_id), 303)


def _page(detail: InvoiceDetail, offers: list[Offer], form: RefundForm, errors: dict[str, str]) -> str:
    payment, now = paid(detail), runtime.clock.now()
    left = available(payment) if payment else Money.zero(detail.invoice.currency)
    return render_template(
        "cabinet/refund.html",
        detail=detail,
        payment=payment,
        left=left,
        offers=offers,
        form=form,
        errors=errors,
        why=None if offers or not left else _why_nothing(detail),
        later=_later(detail),
        manual=runtime.policy.refund_policy == "manual",
        window_days=runtime.policy.refund_window_days,
        answer_by=presentation.answer_by(now, runtime.policy),
        longest=free_text.LONGEST,
        refunds=[(r, refund_label(r.state, language())) for r in detail.refunds],
    )


def paid(detail: InvoiceDetail) -> Payment | None:
    """The payment whose money can be given back."""
    return next((payment for payment in detail.payments if payment.state == "succeeded"), None)


def _why_nothing(detail: InvoiceDetail) -> str:
    """later, ended or over: why nothing is offered although money is left. Sentences are the template's."""
    card = _card(detail)
    if card is None or not card.subscription.live:
        return "ended"
    return "later" if _later(detail) else "over"


def _later(detail: InvoiceDetail) -> UUID | None:
    """The invoice of time that was bought after this: that comes back first."""
    card = _card(detail)
    if card is None or not card.subscription.live or detail.period is None or detail.period.revoked_at:
        return None
    return card.last_invoice_id if card.last_invoice_id != detail.invoice.id else None


def _card(detail: InvoiceDetail) -> SubscriptionCard | None:
    cards = subscriptions.of_user(current_person().id, runtime.clock.now(), runtime.policy)
    return next((card for card in cards if card.subscription.id == detail.invoice.subscription_id), None)
