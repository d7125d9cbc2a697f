"""The JSON API. A bearer token says who calls, never a cookie; each path is a file beside this one."""

from __future__ import annotations

import logging
from typing import Literal

from flask import Response, g, request
from flask.blueprints import BlueprintSetupState
from flask_openapi.blueprint import APIBlueprint
from werkzeug.exceptions import BadRequest, UnsupportedMediaType
from werkzeug.routing import PathConverter

from portal.web.api import exact_json
from portal.web.api.shapes import ErrorBody
from portal.web.auth import bearer_person
from portal.web.edge import request_id
from portal.web.service_tokens import calling_service

log = logging.getLogger(__name__)

PREFIX = "/api/v1"
FOR_ALL = frozenset({"plans", "openapi"})
FOR_SERVICES = frozenset({"entitlements"})
WITHOUT_BODY = frozenset({"resume_subscription", "cancel_change", "cancel_invoice"})

Caller = Literal["anybody", "user", "service"]


def _named_after_its_view(name: str, path: str, method: str) -> str:
    return name


blueprint = APIBlueprint(
    "api",
    __name__,
    url_prefix=PREFIX,
    abp_responses={400: ErrorBody},
    operation_id_callback=_named_after_its_view,
)


class OthersId(PathConverter):
    """An id that others made: with slashes, and not unheard of because of a line break in it."""

    regex = r"(?s:[^/].*?)"


@blueprint.record_once
def _know_others_ids(state: BlueprintSetupState) -> None:
    state.app.url_map.converters["other"] = OthersId


def caller_of(operation: str) -> Caller:
    """Whose token a call takes."""
    if operation in FOR_ALL:
        return "anybody"
    return "service" if operation in FOR_SERVICES else "user"


@blueprint.before_request
def who_and_what() -> None:
    """Before a body is looked at: who calls? And is it JSON at all?"""
    operation = (request.endpoint or "").removeprefix("api.")
    match caller_of(operation):
        case "user":
            g.caller = f"user:{bearer_person().id}"
        case "service":
            g.caller = f"service:{calling_service()}"
    if request.method == "POST" and not (operation in WITHOUT_BODY and not request.get_data()):
        _read_json()


@blueprint.after_request
def note(response: Response) -> Response:
    """One line in the log for each call. Without its query, where people put what they should not."""
    who = {"request_id": request_id(), "caller": g.get("caller", "anybody")}
    log.info("%s %s %d", request.method, request.path, response.status_code, extra=who)
    return response


def _read_json() -> None:
    """Read once; the view's model is filled from what is read here."""
    if not request.is_json:
        raise UnsupportedMediaType
    request.json_module = exact_json
    try:
        exact_json.loads(request.get_data())
    except (ValueError, RecursionError):
        raise BadRequest from None
