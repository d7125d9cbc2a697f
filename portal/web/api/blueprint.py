"""The JSON API. A bearer token says who calls, never a cookie; each path is a file beside this one."""

from __future__ import annotations

import json
from typing import Any

from flask import Response, current_app, jsonify, request
from flask_openapi.blueprint import APIBlueprint
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from portal.web.api.shapes import ErrorBody
from portal.web.auth import bearer_person

PUBLIC = frozenset({"api.plans", "api.openapi"})

blueprint = APIBlueprint(
    "api",
    __name__,
    url_prefix="/api/v1",
    abp_responses=dict.fromkeys((400, 401, 403, 404, 409, 413, 415, 422, 429, 503), ErrorBody),
)


@blueprint.before_request
def who_and_what() -> None:
    """Before a body is looked at: who calls? And is it JSON at all?"""
    if request.endpoint not in PUBLIC:
        bearer_person()
    if request.method in ("POST", "PUT", "PATCH"):
        if not request.is_json:
            raise UnsupportedMediaType
        try:
            json.loads(request.get_data(), object_pairs_hook=_once, parse_constant=_refuse)
        except (ValueError, RecursionError):
            raise BadRequest from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two readers could take two different values of a member that is there twice."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member twice")
    return members


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


@blueprint.get("/openapi.json", doc_ui=False)
def openapi() -> Response:
    return jsonify(current_app.api_doc)  # type: ignore[attr-defined]  # the application is flask_openapi's
