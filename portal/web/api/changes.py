"""POST /subscriptions/{id}/change/preview, /change, /change/cancel: another plan of the group."""

from __future__ import annotations

from typing import Literal

from flask import Response, g, jsonify
from flask_openapi.models.tag import Tag
from pydantic import BaseModel, ConfigDict, Field

from portal.domain.calendar import rfc3339
from portal.domain.errors import (
    NotChangeable,
    NotFound,
    PaymentInProgress,
    ProviderUnavailable,
    QuoteVoid,
    UnknownPaymentSystem,
    UnknownProduct,
)
from portal.domain.money import Money
from portal.presentation.language import in_language
from portal.services import change_plan
from portal.services.change_plan import Preview
from portal.web.api.answers import answers
from portal.web.api.blueprint import blueprint
from portal.web.api.idempotency import once
from portal.web.api.money import price_of
from portal.web.api.shapes import MONTH_LATER, Code, Guid, Moment, Price
from portal.web.api.subscriptions import SubscriptionOut, SubscriptionPath, card_of, shape
from portal.web.locale import language

TAG = Tag(name="subscriptions")


class PreviewIn(BaseModel):
    product_id: Code = Field(description="The plan to move to.", examples=["premium"])


class ChangeIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    product_id: Code = Field(description="The plan of the preview.", examples=["premium"])
    quote: Guid = Field(description="From the preview.")
    provider: Code | None = Field(
        default=None, description="Where the customer pays if no method can be charged; absent: the first."
    )


class LineOut(BaseModel):
    what: Literal["plan", "credit", "waived"] = Field(
        description="`plan`: the new plan for the time that is left, or for a whole interval. `credit`: what was paid "
        "for that time, or is unused. `waived`: too little to be charged.",
        examples=["plan"],
    )
    product_id: str = Field(examples=["premium"])
    product_name: str = Field(examples=["Premium"])
    price: Price = Field(description="Negative where it lowers the sum.")


class PreviewOut(BaseModel):
    quote: Guid
    expires_at: Moment = Field(
        description="Until then, and only while the subscription stays as it is.", examples=["2027-01-10T09:15:00Z"]
    )
    when: Literal["now", "period_end"] = Field(description="When the plan changes.", examples=["now"])
    lines: list[LineOut] = Field(description="They add up to `today`.")
    today: Price = Field(description="What is paid today.")
    then: Price | None = Field(description="What is charged from `at` on; null: it does not renew.")
    at: Moment = Field(examples=[MONTH_LATER])


class ChangedOut(BaseModel):
    subscription: SubscriptionOut = Field(description="As it stands now: the plan moves only when it is paid.")
    invoice_guid: Guid | None = Field(description="Of what is paid today; null: nothing is.")
    redirect_url: str | None = Field(
        description="Where the customer pays or confirms; null: nothing is left to do.",
        examples=["https://billing.example/sandbox/pay/co_6f1f"],
    )


REFUSALS = (NotFound, UnknownProduct, NotChangeable, PaymentInProgress)


@blueprint.post(
    "/subscriptions/<uuid:id>/change/preview",
    tags=[TAG],
    summary="What moving to another plan comes to",
    responses=answers(PreviewOut, *REFUSALS),
)
@once
def preview_change(path: SubscriptionPath, body: PreviewIn) -> Response:
    """Changes nothing. The quote is good for 15 minutes and for one use."""
    seen = change_plan.preview(g.person, path.id, body.product_id)
    quoted = seen.quote
    answer = PreviewOut(
        quote=quoted.id,
        expires_at=rfc3339(quoted.expires_at),
        when=quoted.moment,
        lines=_lines(seen),
        today=price_of(quoted.today),
        then=price_of(seen.new.price.amount) if seen.renews else None,
        at=rfc3339(quoted.then_at),
    )
    return jsonify(answer.model_dump(mode="json"))


@blueprint.post(
    "/subscriptions/<uuid:id>/change",
    tags=[TAG],
    summary="Move to another plan",
    responses=answers(ChangedOut, *REFUSALS, UnknownPaymentSystem, QuoteVoid, ProviderUnavailable),
)
@once
def change_subscription(path: SubscriptionPath, body: ChangeIn) -> Response:
    """What the preview said is what is charged. Declined: nothing has changed, and the invoice says so."""
    made = change_plan.change(g.person, path.id, body.product_id, body.quote, body.provider)
    answer = ChangedOut(
        subscription=shape(card_of(path.id)), invoice_guid=made.invoice_id, redirect_url=made.redirect_url
    )
    return jsonify(answer.model_dump(mode="json", by_alias=True))


@blueprint.post(
    "/subscriptions/<uuid:id>/change/cancel",
    tags=[TAG],
    summary="Call off a change that has not begun",
    responses=answers(SubscriptionOut, NotFound),
)
@once
def cancel_change(path: SubscriptionPath) -> Response:
    """Takes no body. The plan stays as it is. Repeating is no error."""
    change_plan.unbook(g.person, path.id)
    return jsonify(shape(card_of(path.id)).model_dump(mode="json", by_alias=True))


def _lines(seen: Preview) -> list[LineOut]:
    """Without those that are nothing."""
    quoted, old, new = seen.quote, seen.old.plan, seen.new.plan
    told = (
        ("plan", new, quoted.gross_minor),
        ("credit", old, -quoted.credit_minor),
        ("waived", new, -quoted.waived_minor),
    )
    return [
        LineOut(
            what=what,
            product_id=plan.code,
            product_name=in_language(plan.names, language()),
            price=price_of(Money(minor, quoted.currency)),
        )
        for what, plan, minor in told
        if minor
    ]
