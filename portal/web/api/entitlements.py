"""GET /users/{guid}/entitlements, for services: the same fields that events carry."""

from __future__ import annotations

from flask import Response, jsonify
from flask_openapi.models.tag import Tag
from pydantic import BaseModel, Field

from portal import runtime
from portal.outbox.append import as_json
from portal.queries import entitlements as query
from portal.web.api.answers import answers
from portal.web.api.blueprint import blueprint
from portal.web.api.shapes import Guid, Moment, UserPath


class EntitlementOut(BaseModel):
    subscription_id: Guid
    plan: str = Field(description="The plan's code.", examples=["standard"])
    features: list[str] = Field(examples=[["catalogue"]])
    from_: Moment = Field(alias="from", description="Since when this access runs without a break.")
    until: Moment = Field(examples=["2027-02-17T09:00:00Z"])
    auto_renew: bool = Field(examples=[True])
    status: str = Field(examples=["active"])


class EntitlementsOut(BaseModel):
    user_id: str = Field(examples=["alice"])
    version: int = Field(description="Rises with every change; 0: a user we have never seen.", examples=[1])
    tokens_from_version: int = Field(
        description="Access tokens formed from an older version are to be refused.", examples=[1]
    )
    subscriptions: list[EntitlementOut] = Field(description="Everything the user may use now.")


# Ids come from Auth, and there are those with a slash in them.
@blueprint.get(
    "/users/<other:guid>/entitlements",
    tags=[Tag(name="entitlements")],
    summary="What a user may use until when",
    responses=answers(EntitlementsOut),
)
def entitlements(path: UserPath) -> Response:
    """For other services. An unknown user has version 0 and nothing: that is no error."""
    rights = query.of_user(path.guid, runtime.clock.now(), runtime.policy)
    return jsonify(
        user_id=rights.user_id,
        version=rights.version,
        tokens_from_version=rights.tokens_from_version,
        subscriptions=[as_json(right) for right in rights.entitlements],
    )
