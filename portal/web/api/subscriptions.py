"""GET /subscriptions, and what a customer does to one: cancel, resume."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from flask import Response, g, jsonify
from flask_openapi.models.tag import Tag
from pydantic import BaseModel, Field, RootModel

from portal import runtime
from portal.domain.calendar import rfc3339, whole_second_up
from portal.domain.errors import AlreadyEnded, MethodRequired, NotFound, NotResumable
from portal.presentation.language import in_language
from portal.queries import subscriptions as query
from portal.queries.subscriptions import SubscriptionCard
from portal.services import cancel
from portal.web.api.answers import answers
from portal.web.api.blueprint import blueprint
from portal.web.api.idempotency import once
from portal.web.api.money import price_of
from portal.web.api.shapes import MONTH_LATER, Guid, Moment, Price, at
from portal.web.locale import language

TAG = Tag(name="subscriptions")


class PeriodOut(BaseModel):
    from_: Moment = Field(alias="from")
    to: Moment = Field(examples=[MONTH_LATER])


class NextOut(BaseModel):
    what: Literal["renewal", "retry", "end"] = Field(examples=["renewal"])
    at: Moment = Field(examples=[MONTH_LATER])
    price: Price | None = Field(description="What is charged then; null: nothing.")


class SubscriptionOut(BaseModel):
    subscription_id: Guid
    product_id: str = Field(examples=["standard"])
    product_name: str = Field(examples=["Standard"])
    status: Literal["pending", "trialing", "active", "past_due", "suspended", "paused", "ended"] = Field(
        examples=["active"]
    )
    auto_renew: bool = Field(description="False: it ends with the paid time.", examples=[True])
    current_period: PeriodOut | None = Field(description="The paid time that runs now, else the last.")
    access_until: Moment | None = Field(
        description="With the days of grace; null: no access.", examples=["2027-02-17T09:00:00Z"]
    )
    next: NextOut | None = Field(description="What happens by itself; null: nothing.")
    next_product_id: str | None = Field(
        description="The plan it goes on as, where another one was chosen for then; else null.", examples=[None]
    )


class SubscriptionsOut(RootModel[list[SubscriptionOut]]):
    pass


class SubscriptionPath(BaseModel):
    id: Guid


class CancelIn(BaseModel):
    when: Literal["now", "period_end"] = Field(
        description="`now`: access ends at once, no money is returned by itself. `period_end`: renewal stops at once, "
        "access stays for the paid time.",
        examples=["period_end"],
    )


@blueprint.get("/subscriptions", tags=[TAG], summary="The caller's subscriptions", responses=answers(SubscriptionsOut))
def subscriptions() -> Response:
    """Live ones first, then the newest first."""
    return jsonify([shape(card).model_dump(mode="json", by_alias=True) for card in _cards()])


@blueprint.post(
    "/subscriptions/<uuid:id>/cancel",
    tags=[TAG],
    summary="Cancel a subscription",
    responses=answers(SubscriptionOut, NotFound, AlreadyEnded),
)
@once
def cancel_subscription(path: SubscriptionPath, body: CancelIn) -> Response:
    """The caller always says when. Repeating is no error."""
    cancel.cancel(g.person, path.id, body.when)
    return _answer(path.id)


@blueprint.post(
    "/subscriptions/<uuid:id>/resume",
    tags=[TAG],
    summary="Let a cancelled subscription renew again",
    responses=answers(SubscriptionOut, NotFound, NotResumable, MethodRequired),
)
@once
def resume_subscription(path: SubscriptionPath) -> Response:
    """Takes no body. Only while it still runs, and with a method that may be charged. Repeating is no error."""
    cancel.resume(g.person, path.id)
    return _answer(path.id)


def _cards() -> list[SubscriptionCard]:
    return query.of_user(g.person.id, runtime.clock.now(), runtime.policy)


def _answer(subscription_id: UUID) -> Response:
    return jsonify(shape(card_of(subscription_id)).model_dump(mode="json", by_alias=True))


def card_of(subscription_id: UUID) -> SubscriptionCard:
    """The caller's own. Raises NotFound."""
    card = next((card for card in _cards() if card.subscription.id == subscription_id), None)
    if card is None:
        raise NotFound(f"no subscription {subscription_id}")
    return card


def shape(card: SubscriptionCard) -> SubscriptionOut:
    subscription, step, period = card.subscription, card.next, card.period
    return SubscriptionOut(
        subscription_id=subscription.id,
        product_id=card.plan.code,
        product_name=in_language(card.plan.names, language()),
        status=subscription.state,
        auto_renew=subscription.auto_renew,
        current_period=PeriodOut(**{"from": rfc3339(period.start), "to": rfc3339(period.end)}) if period else None,
        access_until=at(whole_second_up(card.access_until) if card.access_until else None),
        next=NextOut(
            what=step.what,
            at=rfc3339(step.at),
            price=price_of(step.price) if step.price else None,
        )
        if step
        else None,
        next_product_id=card.booked.code if card.booked and step and step.price else None,
    )
