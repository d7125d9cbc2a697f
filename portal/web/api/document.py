"""GET /openapi.json: the API described by the models that check it, completed with what no model says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any, cast

from flask import Response, current_app, jsonify
from flask_openapi.models.tag import Tag
from flask_openapi.openapi import OpenAPI

from portal import runtime
from portal.web.api.answers import OF_A_POST, OF_A_TOKEN, OF_A_USER, OF_EVERY_CALL, add_refusal
from portal.web.api.blueprint import blueprint, caller_of

BUILT = "matinee.api_document"
VERSION = "3.1.0"
ABOUT = (
    "Times are RFC 3339 in UTC; sums are JSON numbers in major units beside an ISO 4217 currency. "
    "A refusal changes nothing and says why: `error_id` is a stable word, `error_desc` a sentence in the language of "
    "`Accept-Language` (ru, en), `request_id` names the request. What belongs to somebody else is answered as if it "
    "did not exist. Members and words may be added; ignore those you do not know."
)
SCHEMES = {
    "user": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The access token that Auth gave the user, in `Authorization`; never the cookie.",
    },
    "service": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of another service; the portal knows its SHA-256 from `SERVICE_TOKENS`.",
    },
}
PARAMETERS = {
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": "The caller's own name for this request. Sent again within 24 hours, it is done once and gets "
        "the first answer again.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "examples": ["order-1042"]},
    },
    "AcceptLanguage": {
        "name": "Accept-Language",
        "in": "header",
        "required": False,
        "description": "Of names and sentences.",
        "schema": {"type": "string", "examples": ["en"]},
    },
}
PAGING = {
    "X-Total-Count": {"description": "How many there are in all.", "schema": {"type": "integer"}},
    "Link": {"description": "RFC 8288: first, prev, next, last, as far as they exist.", "schema": {"type": "string"}},
}
RETRY = {"Retry-After": {"description": "In seconds.", "schema": {"type": "integer"}}}
CHALLENGE = {"WWW-Authenticate": {"description": "`Bearer`.", "schema": {"type": "string"}}}
ITSELF: dict[Any, Any] = {"200": {"description": "OK", "content": {"application/json": {"schema": {"type": "object"}}}}}


@blueprint.get("/openapi.json", tags=[Tag(name="about")], responses=ITSELF, summary="This document")
def openapi() -> Response:
    return jsonify(document())


def document() -> dict[str, Any]:
    """OpenAPI 3.1. Put together once per application."""
    extensions = current_app.extensions
    if BUILT not in extensions:
        extensions[BUILT] = _build(cast(OpenAPI, current_app))
    return cast("dict[str, Any]", extensions[BUILT])


def operations(made: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Path, method and operation of each call."""
    for path, item in made["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def sample(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:
    """An example of a schema, put together from those of its parts; optional parts without one are left out."""
    if "$ref" in schema:
        return sample(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if "examples" in schema:
        return schema["examples"][0]
    if "enum" in schema or "const" in schema:
        return schema["enum"][0] if "enum" in schema else schema["const"]
    if "anyOf" in schema:
        return sample(schema["anyOf"][0], schemas)
    if schema.get("type") == "array":
        return [sample(schema["items"], schemas)]
    if schema.get("type") == "object":
        return _sample_object(schema, schemas)
    return {"string": "...", "integer": 1, "number": 1.0, "boolean": True}.get(schema.get("type", ""))


def _sample_object(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> dict[str, Any]:
    required = schema.get("required", ())
    return {
        name: sample(member, schemas)
        for name, member in schema.get("properties", {}).items()
        if name in required or "examples" in member
    }


def _build(app: OpenAPI) -> dict[str, Any]:
    made = deepcopy(app.api_doc)
    made["openapi"] = VERSION
    made["info"]["description"] = ABOUT
    made["servers"] = [{"url": runtime.settings.origin}]
    schemas = {name: _flat(schema) for name, schema in made["components"]["schemas"].items()}
    schemas.pop("ValidationErrorModel", None)  # the library's own way to refuse, which is not ours
    made["components"] = {"schemas": schemas, "securitySchemes": SCHEMES, "parameters": PARAMETERS}
    for _, method, operation in operations(made):
        _complete(operation, method, schemas)
    return made


def _flat(schema: dict[str, Any]) -> dict[str, Any]:
    """Definitions inside a schema stand beside it too, and that is where references look for them."""
    return {name: value for name, value in schema.items() if name != "$defs"}


def _complete(operation: dict[str, Any], method: str, schemas: Mapping[str, Any]) -> None:
    name = operation["operationId"]
    caller = caller_of(name)
    operation["security"] = [] if caller == "anybody" else [{caller: []}]
    parameters = operation.setdefault("parameters", [])
    _refusals(operation["responses"], method, caller, takes_something=bool(parameters or "requestBody" in operation))
    parameters.append({"$ref": "#/components/parameters/AcceptLanguage"})
    if method == "post":
        parameters.append({"$ref": "#/components/parameters/IdempotencyKey"})
    if any(parameter.get("name") == "page_number" for parameter in parameters):
        operation["responses"]["200"]["headers"] = PAGING
    if "requestBody" in operation:
        _show(operation["requestBody"], schemas)
    _show(operation["responses"]["200"], schemas)


def _refusals(responses: dict[str, Any], method: str, caller: str, *, takes_something: bool) -> None:
    common = [*OF_EVERY_CALL]
    common += OF_A_TOKEN if caller != "anybody" else ()
    common += OF_A_USER if caller == "user" else ()
    common += OF_A_POST if method == "post" else ()
    for error_id in common:
        add_refusal(responses, error_id)
    if not takes_something:
        responses.pop("400")
    for status, headers in (("401", CHALLENGE), ("429", RETRY), ("503", RETRY)):
        if status in responses:
            responses[status]["headers"] = headers


def _show(described: dict[str, Any], schemas: Mapping[str, Any]) -> None:
    """Put an example beside the schema of a body."""
    content = described["content"]["application/json"]
    content["example"] = sample(content["schema"], schemas)
