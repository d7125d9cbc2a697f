"""GET /subscriptions."""

from __future__ import annotations

from flask import Response, g, jsonify
from flask_openapi.models import Tag

from portal import runtime
from portal.domain.calendar import rfc3339
from portal.presentation.language import in_language
from portal.queries import subscriptions as query
from portal.queries.subscriptions import SubscriptionCard
from portal.web.api.blueprint import blueprint
from portal.web.api.money import price_of
from portal.web.api.shapes import NextOut, PeriodOut, SubscriptionOut, SubscriptionsOut, at
from portal.web.locale import language


@blueprint.get(
    "/subscriptions", tags=[Tag(name="subscriptions")], responses={200: SubscriptionsOut}, summary="My subscriptions"
)
def subscriptions() -> Response:
    cards = query.of_user(g.person.id, runtime.clock.now(), runtime.policy)
    return jsonify([_shape(card).model_dump(mode="json", by_alias=True) for card in cards])


def _shape(card: SubscriptionCard) -> SubscriptionOut:
    subscription, step, period = card.subscription, card.next, card.period
    return SubscriptionOut(
        subscription_id=subscription.id,
        product_id=card.plan.code,
        product_name=in_language(card.plan.names, language()),
        status=subscription.state,
        auto_renew=subscription.auto_renew,
        current_period=PeriodOut(**{"from": rfc3339(period.start), "to": rfc3339(period.end)}) if period else None,
        access_until=at(card.access_until),
        next=NextOut(
            what=step.what,
            at=rfc3339(step.at),
            price=price_of(step.price) if step.price else None,
        )
        if step
        else None,
    )
