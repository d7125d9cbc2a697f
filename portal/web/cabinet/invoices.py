"""Invoices: the list, and one of them with its lines, payments and refunds."""

from __future__ import annotations

from uuid import UUID

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from portal import runtime
from portal.domain.errors import NotFound
from portal.domain.offers import available
from portal.domain.payment import Payment
from portal.presentation import checkout
from portal.presentation.declines import Declined, declined
from portal.presentation.explanation import explain
from portal.queries import circumstances
from portal.queries import invoices as queries
from portal.services import close_invoice
from portal.web.auth import current_person, signed_in
from portal.web.cabinet.numbers import whole
from portal.web.cabinet.refunds import paid
from portal.web.locale import language, zone

PAGE_SIZE = 20
LAST_PAGE = 10_000


@signed_in
def invoices() -> str:
    page = whole(request.args, "page", default=1, most=LAST_PAGE)
    entries, total = queries.page_of_user(current_person().id, limit=PAGE_SIZE, offset=(page - 1) * PAGE_SIZE)
    return render_template(
        "cabinet/invoices.html",
        rows=[(e, checkout.invoice_label(e.invoice.state, e.invoice.fail_reason, language())) for e in entries],
        page=page,
        pages=max(1, -(-total // PAGE_SIZE)),
        total=total,
    )


@signed_in
def invoice(guid: UUID) -> str:
    detail = queries.detail(guid, current_person().id)
    if detail is None:
        raise NotFound(f"no invoice {guid}")
    shown = [payment for payment in detail.payments if payment.state != "aborted"]
    payment = paid(detail)
    purchase = detail.invoice.reason == "purchase" and detail.invoice.payable
    return render_template(
        "cabinet/invoice.html",
        detail=detail,
        why=explain(detail, circumstances.of_invoice(detail.invoice), language(), zone()),
        charged=any(one.state in ("succeeded", "duplicate") and one.amount_minor for one in detail.payments),
        payable=purchase and checkout.stage(detail, runtime.clock.now()) not in checkout.SETTLED,
        closable=purchase,
        receipt=detail.invoice.state == "paid",
        refundable=payment is not None and payment.disputed_at is None and bool(available(payment)),
        label=checkout.invoice_label(detail.invoice.state, detail.invoice.fail_reason, language()),
        payments=[(p, checkout.of_payment(p, language()), _declined(p)) for p in shown],
        refunds=[(r, checkout.refund_label(r.state, language())) for r in detail.refunds],
    )


@signed_in
def close(guid: UUID) -> Response:
    """Raises NotFound, NotCancellable, PaymentInProgress. Repeating is no error."""
    close_invoice.close(current_person(), guid)
    return redirect(url_for("cabinet.invoice", guid=guid), 303)


def _declined(payment: Payment) -> Declined | None:
    """A page that was merely closed says so by its label, and so does what a person has to look at."""
    told = payment.state == "failed" and payment.decline_kind != "closed" and payment.review_at is None
    return declined(payment, language()) if told else None
