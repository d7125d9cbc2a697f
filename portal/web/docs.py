"""GET /docs: the API's document as a page. One template, nothing from elsewhere, no script."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, redirect, render_template
from werkzeug.wrappers import Response

from portal.web.api.blueprint import PREFIX
from portal.web.api.document import document, operations, refusals

blueprint = Blueprint("docs", __name__)
TOKENS = {"user": "$TOKEN", "service": "$SERVICE_TOKEN"}
ORDER = ("plans", "purchases", "invoices", "refunds", "subscriptions", "entitlements", "about")


@dataclass(frozen=True)
class Member:
    """A parameter, or a member of a body; inner ones have dotted names, and [] stands for each of an array."""

    name: str
    kind: str
    required: bool
    description: str


@dataclass(frozen=True)
class Refusal:
    status: str
    error_id: str
    sentence: str


@dataclass(frozen=True)
class Call:
    id: str
    tag: str
    method: str
    path: str
    summary: str
    description: str
    caller: str  # user | service, "" for anybody
    parameters: list[Member]
    body: list[Member]
    answer: list[Member]
    request: str  # for a shell
    sample: str
    refusals: list[Refusal]


@blueprint.get("/docs")
def api() -> str:
    made = document()
    calls = [_call(made, *operation) for operation in operations(made)]
    groups = {tag: [call for call in calls if call.tag == tag] for tag in ORDER}
    words = [_refusal(made, word) for word in made["components"]["examples"]]
    return render_template("docs/api.html", info=made["info"], groups=groups, schemes=_schemes(made), words=words)


@blueprint.get(f"{PREFIX}/docs")
def beside_the_api() -> Response:
    return redirect("/docs", 308)


def _schemes(made: Mapping[str, Any]) -> dict[str, str]:
    return {name: scheme["description"] for name, scheme in made["components"]["securitySchemes"].items()}


def _call(made: Mapping[str, Any], path: str, method: str, operation: Mapping[str, Any]) -> Call:
    schemas, responses = made["components"]["schemas"], operation["responses"]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    answer = responses["200"]["content"]["application/json"]
    caller = next((name for demand in operation["security"] for name in demand), "")
    return Call(
        id=operation["operationId"],
        tag=operation["tags"][0],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        description=operation.get("description", ""),
        caller=caller,
        parameters=[_parameter(made, parameter) for parameter in operation["parameters"]],
        body=list(_members(body["schema"], schemas)) if body else [],
        answer=list(_members(answer["schema"], schemas)),
        request=_curl(made["servers"][0]["url"] + path, method, caller, body.get("example")),
        sample=_pretty(answer["example"]),
        refusals=[_refusal(made, word) for _, word in refusals(operation)],
    )


def _parameter(made: Mapping[str, Any], parameter: Mapping[str, Any]) -> Member:
    if "$ref" in parameter:
        parameter = made["components"]["parameters"][parameter["$ref"].rpartition("/")[2]]
    kind = f"{parameter['in']}, {_kind(parameter['schema'], made['components']['schemas'])}"
    return Member(parameter["name"], kind, parameter["required"], parameter.get("description", ""))


def _members(schema: Mapping[str, Any], schemas: Mapping[str, Any], prefix: str = "") -> Iterator[Member]:
    schema = _bare(schema, schemas)
    if schema.get("type") == "array":
        yield from _members(schema["items"], schemas, f"{prefix}[]")
        return
    required = schema.get("required", ())
    for name, member in schema.get("properties", {}).items():
        whole = f"{prefix}.{name}" if prefix else name
        yield Member(whole, _kind(member, schemas), name in required, _description(member, schemas))
        yield from _members(member, schemas, whole)


def _bare(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    """Without references, and without the null that it may be instead."""
    if "$ref" in schema:
        return _bare(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    options = [option for option in schema.get("anyOf", ()) if option.get("type") != "null"]
    return _bare(options[0], schemas) if options else schema


def _kind(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    bare = _bare(schema, schemas)
    words = str(bare.get("format") or bare.get("type", ""))
    if "enum" in bare:
        words = " | ".join(map(str, bare["enum"]))
    if bare.get("type") == "array":
        words = f"array of {_kind(bare['items'], schemas)}"
    nullable = any(option.get("type") == "null" for option in schema.get("anyOf", ()))
    return f"{words} or null" if nullable else words


def _description(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    return str(schema.get("description") or _bare(schema, schemas).get("description", ""))


def _curl(url: str, method: str, caller: str, body: object) -> str:
    lines = [f"curl {'-X POST ' if method == 'post' else ''}{url}"]
    if caller:
        lines.append(f'-H "Authorization: Bearer {TOKENS[caller]}"')
    if body is not None:
        lines += ['-H "Content-Type: application/json"', f"-d '{json.dumps(body)}'"]
    return " \\\n  ".join(lines)


def _pretty(example: object) -> str:
    return json.dumps(example, indent=2, ensure_ascii=False)


def _refusal(made: Mapping[str, Any], word: str) -> Refusal:
    """Its summary begins with the status."""
    shown = made["components"]["examples"][word]
    return Refusal(shown["summary"].partition(":")[0], word, shown["value"]["error_desc"])
