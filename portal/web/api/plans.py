"""GET /plans."""

from __future__ import annotations

from flask import Response, jsonify
from flask_openapi.models import Tag

from portal import runtime
from portal.presentation.language import in_language
from portal.queries import offers
from portal.queries.offers import Offer
from portal.web.api.blueprint import blueprint
from portal.web.api.money import price_of
from portal.web.api.shapes import PlanOut, PlansOut, PlansQuery
from portal.web.locale import language


@blueprint.get("/plans", tags=[Tag(name="plans")], responses={200: PlansOut}, summary="What is on sale")
def plans(query: PlansQuery) -> Response:
    found = offers.on_sale(query.currency or runtime.policy.currency, runtime.clock.now())
    return jsonify([_shape(offer).model_dump(mode="json") for offer in found])


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
