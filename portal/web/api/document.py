"""GET /openapi.json: the API described by the models that check it, completed with what no model says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any, cast

from flask import Response, current_app, jsonify
from flask_openapi.models.tag import Tag
from flask_openapi.openapi import OpenAPI

from portal import runtime
from portal.web.api.answers import (
    OF_A_POST,
    OF_A_TOKEN,
    OF_A_USER,
    OF_EVERY_CALL,
    OF_NO_CALL,
    OF_WHAT_IS_CHECKED,
    STATUS_OF_WORD,
    add_refusal,
    refusal,
)
from portal.web.api.blueprint import blueprint, caller_of
from portal.web.api.headers import HEADERS, OF_A_STATUS, OF_EVERY_ANSWER, PARAMETERS, header, parameter
from portal.web.api.samples import sample

BUILT = "matinee.api_document"
VERSION = "3.1.0"
ABOUT = (
    "Times are RFC 3339 in UTC; sums are JSON numbers in major units beside an ISO 4217 currency. "
    "A refusal changes nothing and says why: `error_id` is a stable word, `error_desc` a sentence in the language of "
    "`Accept-Language` (ru, en), `request_id` names the request; `components/examples` has every word there is. "
    "What belongs to somebody else is answered as if it did not exist. Members and words may be added; ignore those "
    "you do not know."
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
START = {"openapi": VERSION, "info": {"title": "Matinee billing API", "version": "1"}, "paths": {}}
ITSELF: dict[Any, Any] = {
    "200": {
        "description": "OK",
        "content": {"application/json": {"schema": {"type": "object", "examples": [START]}}},
    }
}


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


def refusals(operation: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Status and word of each refusal of a call. What it looks like is told once, in `components/examples`."""
    for status, response in sorted(operation["responses"].items()):
        for error_id in response.get("content", {}).get("application/json", {}).get("examples", {}):
            yield status, error_id


def _build(app: OpenAPI) -> dict[str, Any]:
    made = deepcopy(app.api_doc)
    made["openapi"] = VERSION
    made["info"]["description"] = ABOUT
    made["servers"] = [{"url": runtime.settings.origin}]
    schemas = {name: _flat(schema) for name, schema in made["components"]["schemas"].items()}
    schemas.pop("ValidationErrorModel", None)  # the library's own way to refuse, which is not ours
    made["components"] = {
        "schemas": schemas,
        "securitySchemes": SCHEMES,
        "parameters": PARAMETERS,
        "headers": HEADERS,
    }
    for _, method, operation in operations(made):
        _complete(operation, method, schemas)
    made["components"]["examples"] = _every_refusal(made)
    return made


def _every_refusal(made: Mapping[str, Any]) -> dict[str, Any]:
    words = {word for _, _, operation in operations(made) for _, word in refusals(operation)} | {*OF_NO_CALL}
    return {word: refusal(word) for word in sorted(words, key=lambda word: (STATUS_OF_WORD[word], word))}


def _flat(schema: dict[str, Any]) -> dict[str, Any]:
    """Definitions inside a schema stand beside it too, and that is where references look for them."""
    return {name: value for name, value in schema.items() if name != "$defs"}


def _complete(operation: dict[str, Any], method: str, schemas: Mapping[str, Any]) -> None:
    name = operation["operationId"]
    caller = caller_of(name)
    operation["security"] = [] if caller == "anybody" else [{caller: []}]
    parameters = operation.setdefault("parameters", [])
    for one in parameters:
        _without_null(one["schema"])
    checked = "requestBody" in operation or any(one["schema"].get("format") != "uuid" for one in parameters)
    _refusals(operation["responses"], method, caller, checked=checked)
    parameters += [parameter("AcceptLanguage"), parameter("RequestId")]
    if method == "post":
        parameters.append(parameter("IdempotencyKey"))
    if "304" in operation["responses"]:
        parameters.append(parameter("IfNoneMatch"))
    _head(operation["responses"], paged=any(one.get("name") == "page_number" for one in parameters))
    if "requestBody" in operation:
        _show(operation["requestBody"], schemas)
    _show(operation["responses"]["200"], schemas)


def _without_null(schema: dict[str, Any]) -> None:
    """A parameter may be left out; there is no way to write null in an address."""
    options = [option for option in schema.pop("anyOf", ()) if option != {"type": "null"}]
    if options:
        schema.update(options[0] | schema)


def _refusals(responses: dict[str, Any], method: str, caller: str, *, checked: bool) -> None:
    """What is no uuid in a path is an address that does not exist; everything else is checked and may be wrong."""
    common = [*OF_EVERY_CALL]
    common += OF_WHAT_IS_CHECKED if checked else ()
    common += OF_A_TOKEN if caller != "anybody" else ()
    common += OF_A_USER if caller == "user" else ()
    common += OF_A_POST if method == "post" else ()
    for error_id in common:
        add_refusal(responses, error_id)
    if "examples" not in responses["400"].get("content", {}).get("application/json", {}):
        responses.pop("400")  # the library's; this call cannot be asked wrongly


def _head(responses: Mapping[str, dict[str, Any]], *, paged: bool) -> None:
    """Say which headers each answer has."""
    for status, response in responses.items():
        names = [*OF_EVERY_ANSWER, *OF_A_STATUS.get(status, ())]
        if status == "200":
            names += ["X-Total-Count", "Link"] if paged else []
            names += ["ETag"] if "304" in responses else []
        response["headers"] = {name: header(name) for name in names}


def _show(described: dict[str, Any], schemas: Mapping[str, Any]) -> None:
    """Put an example beside the schema of a body."""
    content = described["content"]["application/json"]
    content["example"] = sample(content["schema"], schemas)
