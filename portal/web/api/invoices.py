"""GET /invoices/{guid}: one invoice with its payments and refunds. POST /invoices/{guid}/cancel."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from flask import Response, g, jsonify
from flask_openapi.models.tag import Tag
from pydantic import BaseModel, Field

from portal.domain.calendar import rfc3339
from portal.domain.errors import NotCancellable, NotFound, PaymentInProgress, ProviderUnavailable
from portal.domain.payment import Payment
from portal.domain.refund import Refund
from portal.presentation.language import in_language
from portal.queries import invoices
from portal.queries.invoices import InvoiceDetail
from portal.services import close_invoice
from portal.web.api.answers import answers
from portal.web.api.blueprint import blueprint
from portal.web.api.idempotency import once
from portal.web.api.money import price_of
from portal.web.api.shapes import Guid, GuidPath, Moment, Price, ProductOut, at
from portal.web.locale import language

TAG = Tag(name="invoices")

PaymentState = Literal[
    "created", "requires_action", "pending", "unknown", "succeeded", "duplicate", "failed", "aborted"
]
RefundState = Literal["requested", "rejected", "submitted", "pending", "unknown", "succeeded", "failed"]


class PaymentOut(BaseModel):
    payment_guid: Guid
    state: PaymentState = Field(examples=["succeeded"])
    provider: str = Field(examples=["sandbox"])
    created_at: Moment
    price: Price
    decline_code: str | None = Field(description="Why the bank refused, where it said.", examples=[None])


class RefundEntry(BaseModel):
    refund_guid: Guid
    state: RefundState = Field(examples=["succeeded"])
    reason: str = Field(
        description="duplicate, late: sent by itself; customer, operator; provider: made at the payment system.",
        examples=["customer"],
    )
    created_at: Moment
    price: Price


class InvoiceOut(BaseModel):
    invoice_guid: Guid
    number: str = Field(examples=["M-2027-000001"])
    state: Literal["not_paid", "paid", "fail"] = Field(examples=["paid"])
    fail_reason: Literal["cancelled", "expired", "declined", "superseded"] | None = Field(examples=[None])
    reason: Literal["purchase", "renewal", "plan_change"]
    created_at: Moment
    modified_at: Moment
    sent_to_queue: bool | None = Field(
        description="Whether Auth's queue has what followed from it; null: nothing had to be sent.", examples=[True]
    )
    product: ProductOut
    payments: list[PaymentOut] = Field(description="Newest first.")
    refunds: list[RefundEntry] = Field(description="Newest first.", examples=[[]])


@blueprint.get("/invoices/<uuid:guid>", tags=[TAG], summary="One invoice", responses=answers(InvoiceOut, NotFound))
def invoice(path: GuidPath) -> Response:
    return answer(path.guid)


@blueprint.post(
    "/invoices/<uuid:guid>/cancel",
    tags=[TAG],
    summary="Close an unpaid invoice",
    responses=answers(InvoiceOut, NotFound, NotCancellable, PaymentInProgress, ProviderUnavailable),
)
@once
def cancel_invoice(path: GuidPath) -> Response:
    """Takes no body. Its payment page is closed first. Repeating is no error. For a renewal cancel the subscription."""
    close_invoice.close(g.person, path.guid)
    return answer(path.guid)


def answer(guid: UUID) -> Response:
    found = invoices.detail(guid, g.person.id)
    if found is None:
        raise NotFound(f"no invoice {guid}")
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
        payments=[_payment(payment) for payment in detail.payments],
        refunds=[_refund(refund) for refund in detail.refunds],
    )


def _payment(payment: Payment) -> PaymentOut:
    return PaymentOut(
        payment_guid=payment.id,
        state=payment.state,
        provider=payment.provider,
        created_at=rfc3339(payment.created_at),
        price=price_of(payment.amount),
        decline_code=payment.decline_code,
    )


def _refund(refund: Refund) -> RefundEntry:
    return RefundEntry(
        refund_guid=refund.id,
        state=refund.state,
        reason=refund.reason,
        created_at=rfc3339(refund.created_at),
        price=price_of(refund.amount),
    )
