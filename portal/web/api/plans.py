"""GET /plans."""

from __future__ import annotations

from typing import Literal

from flask import Response, jsonify, request
from flask_openapi.models.tag import Tag
from pydantic import BaseModel, Field, RootModel

from portal import runtime
from portal.presentation.language import in_language
from portal.queries import offers
from portal.queries.offers import Offer
from portal.web.api.answers import UNCHANGED, answers
from portal.web.api.blueprint import blueprint
from portal.web.api.money import price_of
from portal.web.api.shapes import Currency, Price
from portal.web.locale import language


class PlanOut(BaseModel):
    product_id: str = Field(description="The plan's stable code.", examples=["standard"])
    product_name: str = Field(examples=["Standard"])
    description: str = Field(examples=["Films and series in Full HD"])
    features: list[str] = Field(description="Codes that other services check.", examples=[["catalogue"]])
    group: str = Field(description="A user has at most one live subscription in a group.", examples=["main"])
    interval: Literal["day", "week", "month", "year"] = Field(examples=["month"])
    interval_count: int = Field(examples=[1])
    trial_days: int = Field(
        description="Days for nothing before the first charge: once for a user and a group, for one interval, with "
        "consent to renewal. The page then only saves a method. 0: none.",
        examples=[0],
    )
    price: Price = Field(description="Of one interval.")


class PlansOut(RootModel[list[PlanOut]]):
    pass


class PlansQuery(BaseModel):
    currency: Currency | None = Field(default=None, description="Absent: the portal's own.")


@blueprint.get("/plans", tags=[Tag(name="plans")], responses=answers(PlansOut) | UNCHANGED, summary="What is on sale")
def plans(query: PlansQuery) -> Response:
    """Plans without a price in the currency are left out. Keep the answer and ask with its `ETag`."""
    found = offers.on_sale(query.currency or runtime.policy.currency, runtime.clock.now())
    response = jsonify([_shape(offer).model_dump(mode="json") for offer in found])
    response.headers["Cache-Control"] = "no-cache"  # keep it, but ask: a price may have changed
    response.add_etag()
    response.make_conditional(request)
    return response


def _shape(offer: Offer) -> PlanOut:
    plan, locale = offer.plan, language()
    return PlanOut(
        product_id=plan.code,
        product_name=in_language(plan.names, locale),
        description=in_language(plan.descriptions, locale),
        features=list(plan.features),
        group=plan.group,
        interval=plan.interval,
        interval_count=plan.interval_count,
        trial_days=plan.trial_days,
        price=price_of(offer.price.amount),
    )
