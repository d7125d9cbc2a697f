"""The receipt of a paid invoice: a page that prints, and the same as a file."""

from __future__ import annotations

from uuid import UUID

from flask import Response, render_template

from portal import runtime
from portal.domain.errors import NotFound
from portal.domain.invoice import Invoice
from portal.presentation.explanation import explain
from portal.presentation.receipt import Receipt, receipt_of
from portal.queries import circumstances, invoices
from portal.web.auth import current_person, signed_in
from portal.web.cabinet.receipt_pdf import pdf_of
from portal.web.locale import language, zone


@signed_in
def receipt(guid: UUID) -> str:
    """Raises NotFound also for what is not paid."""
    invoice, told = _told(guid)
    return render_template("cabinet/receipt.html", invoice=invoice, receipt=told)


@signed_in
def receipt_pdf(guid: UUID) -> Response:
    invoice, told = _told(guid)
    name = f"receipt-{invoice.number}.pdf"
    headers = {"Content-Disposition": f'inline; filename="{name}"'}
    return Response(pdf_of(told, language(), runtime.clock.now()), headers=headers, mimetype="application/pdf")


def _told(guid: UUID) -> tuple[Invoice, Receipt]:
    person, settings = current_person(), runtime.settings
    detail = invoices.detail(guid, person.id)
    if detail is None or detail.invoice.state != "paid":
        raise NotFound(f"no receipt of {guid}")
    buyer = person.email or person.id
    why = explain(detail, circumstances.of_invoice(detail.invoice), language(), zone())
    told = receipt_of(detail, why, buyer, settings.brand_name, settings.support_email, language(), zone())
    return detail.invoice, told
