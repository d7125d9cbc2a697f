"""Money back: what is on offer for an invoice, asking for it, and how far it is."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from flask import Response, g, jsonify, request
from flask_openapi.models.tag import Tag
from pydantic import BaseModel, Field, RootModel, StrictStr, StringConstraints

from portal import runtime
from portal.domain.act import Act
from portal.domain.calendar import rfc3339
from portal.domain.errors import (
    CardNumberWritten,
    ExceedsRefundable,
    Forbidden,
    InvalidAmount,
    NotFound,
    NotRefundable,
)
from portal.domain.ids import new_id
from portal.domain.money import Money
from portal.domain.offers import available
from portal.domain.refund import GIVING, Refund
from portal.domain.refund_effects import Effect
from portal.queries import refunds
from portal.services import operator_refunds
from portal.services import refund as service
from portal.web.api.answers import answers
from portal.web.api.blueprint import blueprint
from portal.web.api.idempotency import once
from portal.web.api.invoices import RefundState
from portal.web.api.money import price_of
from portal.web.api.shapes import Amount, Currency, Guid, GuidPath, Moment, Price
from portal.web.edge import request_id
from portal.web.roles import may

TAG = Tag(name="refunds")


class PriceIn(BaseModel):
    amount: Amount
    currency: Currency


class RefundIn(BaseModel):
    invoice_guid: Guid
    price: PriceIn = Field(description="Not more than is left of the payment, in its currency.")
    # Without NUL, which PostgreSQL does not store.
    reason: Annotated[StrictStr, StringConstraints(max_length=1000, pattern=r"^[^\x00]*$")] | None = Field(
        default=None,
        description=f"In the customer's own words. With `access` one of: {', '.join(GIVING)}.",
        examples=["Bought by mistake"],
    )
    access: Literal["end_now", "period_end", "keep"] | None = Field(
        default=None, description="For operators only, who give anybody's money back: what happens to access."
    )


class RefundStarted(BaseModel):
    redirect_url: str = Field(
        description="The page that shows its progress.",
        examples=["https://billing.example/cabinet/refunds/018f6d1e-7c3a-7b1e-9d52-3f1f5a0c2b64"],
    )
    refund_guid: Guid
    state: RefundState = Field(description="`requested`: an operator looks at it first.", examples=["succeeded"])


class RefundOut(BaseModel):
    refund_guid: Guid
    invoice_guid: Guid
    state: RefundState = Field(examples=["succeeded"])
    reason: str = Field(
        description="duplicate, late: sent by itself; customer, operator; provider: made at the payment system.",
        examples=["customer"],
    )
    price: Price
    created_at: Moment
    modified_at: Moment


class OfferOut(BaseModel):
    kind: Literal["unused", "full"] = Field(
        description="`unused`: the time that is left. `full`: everything, soon after paying and once a year."
    )
    price: Price
    ends_access: bool = Field(
        description="False: only time that has not begun is taken back, and renewal stays.", examples=[True]
    )


class OffersOut(RootModel[list[OfferOut]]):
    pass


@blueprint.get(
    "/invoices/<uuid:guid>/refund-offers",
    tags=[TAG],
    summary="What can be had back without asking anybody",
    responses=answers(OffersOut, NotFound),
)
def refund_offers(path: GuidPath) -> Response:
    """An empty array: nothing; any sum is looked at by an operator."""
    found = service.offers_of(g.person, path.guid)
    shapes = [OfferOut(kind=offer.kind, price=price_of(offer.amount), ends_access=offer.ends_access) for offer in found]
    return jsonify([shape.model_dump(mode="json") for shape in shapes])


@blueprint.post(
    "/refunds",
    tags=[TAG],
    summary="Ask for money back",
    responses=answers(
        RefundStarted, InvalidAmount, CardNumberWritten, Forbidden, NotFound, NotRefundable, ExceedsRefundable
    ),
)
@once
def request_refund(body: RefundIn) -> Response:
    """A sum that equals an offer is that offer, and is sent at once where the policy says so; others wait."""
    amount = Money.parse(body.price.amount, body.price.currency)
    if body.access is not None:
        return _given(body, amount, body.access)
    refund = _mine(service.request(g.person, body.invoice_guid, amount, body.reason))
    return _started(refund, "/cabinet")


@blueprint.get(
    "/refunds/<uuid:guid>", tags=[TAG], summary="How far a refund is", responses=answers(RefundOut, NotFound)
)
def refund(path: GuidPath) -> Response:
    found = _mine(path.guid)
    shape = RefundOut(
        refund_guid=found.id,
        invoice_guid=found.invoice_id,
        state=found.state,
        reason=found.reason,
        price=price_of(found.amount),
        created_at=rfc3339(found.created_at),
        modified_at=rfc3339(found.modified_at),
    )
    return jsonify(shape.model_dump(mode="json"))


def _given(body: RefundIn, amount: Money, effect: Effect) -> Response:
    """By an operator, who alone decides what happens to access."""
    if not may(g.person.roles, "refund"):
        raise Forbidden("access: only an operator decides what happens to access")
    payment = refunds.refundable(body.invoice_guid)
    if payment is None:
        raise NotFound(f"nothing was paid for an invoice {body.invoice_guid}")
    act = Act(new_id(runtime.clock.now()), g.person.id, request_id(), request.remote_addr, reason=body.reason)
    refund_id = operator_refunds.give(act, payment.id, amount, available(payment), effect)
    refund = refunds.one(refund_id)
    assert refund is not None  # noqa: S101 - refunds are never deleted
    return _started(refund, "/admin")


def _started(refund: Refund, room: str) -> Response:
    shape = RefundStarted(
        redirect_url=f"{runtime.settings.origin}{room}/refunds/{refund.id}", refund_guid=refund.id, state=refund.state
    )
    return jsonify(shape.model_dump(mode="json"))


def _mine(guid: UUID) -> Refund:
    found = refunds.detail(guid, g.person.id)
    if found is None:
        raise NotFound(f"no refund {guid}")
    return found.refund
