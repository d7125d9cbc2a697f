"""GET /invoices/{guid}."""

from __future__ import annotations

from flask import Response, g, jsonify
from flask_openapi.models import Tag

from portal.domain.calendar import rfc3339
from portal.domain.errors import NotFound
from portal.presentation.language import in_language
from portal.queries import invoices
from portal.queries.invoices import InvoiceDetail
from portal.web.api.blueprint import blueprint
from portal.web.api.money import price_of
from portal.web.api.shapes import InvoiceOut, InvoicePath, PaymentOut, ProductOut, RefundOut, at
from portal.web.locale import language


@blueprint.get("/invoices/<uuid:guid>", tags=[Tag(name="invoices")], responses={200: InvoiceOut}, summary="One invoice")
def invoice(path: InvoicePath) -> Response:
    found = invoices.detail(path.guid, g.person.id)
    if found is None:
        raise NotFound("no such invoice")
    return jsonify(_shape(found).model_dump(mode="json", by_alias=True))


def _shape(detail: InvoiceDetail) -> InvoiceOut:
    invoice, period = detail.invoice, detail.period
    return InvoiceOut(
        invoice_guid=invoice.id,
        number=invoice.number,
        state=invoice.state,
        fail_reason=invoice.fail_reason,
        reason=invoice.reason,
        created_at=rfc3339(invoice.created_at),
        modified_at=rfc3339(invoice.modified_at),
        sent_to_queue=detail.sent_to_queue,
        product=ProductOut(
            **{"from": at(period.start if period else None)},
            product_id=detail.plan.code,
            product_name=in_language(detail.lines[0].names, language()),
            to=at(period.end if period else None),
            price=price_of(invoice.total),
        ),
        payments=[
            PaymentOut(
                payment_guid=payment.id,
                state=payment.state,
                provider=payment.provider,
                created_at=rfc3339(payment.created_at),
                price=price_of(payment.amount),
                decline_code=payment.decline_code,
            )
            for payment in detail.payments
        ],
        refunds=[
            RefundOut(
                refund_guid=refund.id,
                state=refund.state,
                reason=refund.reason,
                created_at=rfc3339(refund.created_at),
                price=price_of(refund.amount),
            )
            for refund in detail.refunds
        ],
    )
