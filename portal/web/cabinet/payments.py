"""The return page: where the payment of an invoice stands, as our rows say, whatever the address bar claims."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import wraps
from typing import ParamSpec, TypeVar
from uuid import UUID

from flask import Response, jsonify, redirect, render_template, url_for
from werkzeug.wrappers import Response as AnyResponse

from portal import runtime
from portal.domain.errors import InvoiceNotPayable, NotFound, PaymentInProgress, ProviderUnavailable
from portal.presentation import checkout
from portal.presentation.declines import declined
from portal.queries import invoices, subscriptions
from portal.queries.invoices import InvoiceDetail
from portal.queries.subscriptions import SubscriptionCard
from portal.services import ask, buy
from portal.web.auth import current_person, signed_in
from portal.web.locale import language

LONG_WAIT = timedelta(minutes=5)
RETRY_AFTER = "5"  # seconds
STATUS = {ProviderUnavailable: 503, PaymentInProgress: 409, InvoiceNotPayable: 409}

P = ParamSpec("P")
R = TypeVar("R")


def shows_its_invoice(view: Callable[P, R]) -> Callable[P, R | Response]:
    """A refusal that concerns an invoice is answered with that invoice's page: it says how things stand and goes on."""

    @wraps(view)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R | Response:
        try:
            return view(*args, **kwargs)
        except (ProviderUnavailable, PaymentInProgress, InvoiceNotPayable) as refused:
            invoice_id = refused.facts.get("invoice_id")
            if not isinstance(invoice_id, UUID):
                raise
            return _refused(refused, invoice_id)

    return wrapped


@signed_in
def payment(guid: UUID) -> str:
    return _page(_mine(guid))


@signed_in
def state(guid: UUID) -> Response:
    """For the page's own polling: the word changes, and the page loads itself anew."""
    detail, now = _mine(guid), runtime.clock.now()
    where = checkout.stage(detail, now)
    return jsonify(state=where, settled=where in checkout.SETTLED, text=checkout.title(detail, now, language()))


@signed_in
def check(guid: UUID) -> AnyResponse:
    """Ask the payment system now instead of waiting for it to tell. Silence is no news: the page still says waiting."""
    _mine(guid)
    with suppress(ProviderUnavailable):
        ask.ask_about_invoice(guid)
    return redirect(url_for("cabinet.payment", guid=guid), 303)


@signed_in
@shows_its_invoice
def retry(guid: UUID) -> AnyResponse:
    return redirect(buy.pay_again(current_person(), guid).redirect_url, 303)


def _mine(guid: UUID) -> InvoiceDetail:
    detail = invoices.detail(guid, current_person().id)
    if detail is None:
        raise NotFound(f"no invoice {guid}")
    return detail


def _refused(refused: Exception, invoice_id: UUID) -> Response:
    status = STATUS[type(refused)]  # type: ignore[index]  # only these are caught
    response = Response(_page(_mine(invoice_id)), status)
    if status == 503:
        response.headers["Retry-After"] = RETRY_AFTER
    return response


def _page(detail: InvoiceDetail) -> str:
    last, now = detail.last_payment, runtime.clock.now()
    return render_template(
        "cabinet/payment.html",
        detail=detail,
        stage=checkout.stage(detail, now),
        heading=checkout.title(detail, now, language()),
        long_wait=_long_wait(detail),
        switched_off=_asked(detail) not in runtime.providers,
        declined=declined(last, language()) if last and last.state == "failed" else None,
        refunds=[(checkout.refund_sentence(refund, language()), refund.open) for refund in detail.refunds],
        card=_card(detail),
        this_page=url_for("cabinet.payment", guid=detail.invoice.id),
    )


def _asked(detail: InvoiceDetail) -> str:
    """The payment system that what happens next depends on."""
    last = detail.last_payment
    return last.provider if last is not None and last.open else detail.invoice.provider


def _long_wait(detail: InvoiceDetail) -> bool:
    last = detail.last_payment
    return last is not None and runtime.clock.now() - last.modified_at > LONG_WAIT


def _card(detail: InvoiceDetail) -> SubscriptionCard | None:
    cards = subscriptions.of_user(current_person().id, runtime.clock.now(), runtime.policy)
    return next((card for card in cards if card.subscription.id == detail.invoice.subscription_id), None)
