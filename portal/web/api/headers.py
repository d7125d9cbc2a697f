"""What calls take and give beside bodies, for the document: each header once, under the name that refers to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PARAMETERS: Mapping[str, dict[str, Any]] = {
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
    "RequestId": {
        "name": "X-Request-Id",
        "in": "header",
        "required": False,
        "description": "The caller's own id for this request: 8 to 64 letters, digits, dots, dashes and underscores. "
        "Anything else is left aside, and we make one.",
        "schema": {"type": "string", "examples": ["4f1d2c0e9b7a4c55a1d3f0e6b8c92d17"]},
    },
    "IfNoneMatch": {
        "name": "If-None-Match",
        "in": "header",
        "required": False,
        "description": "The `ETag` of an answer that the caller has kept: 304 says that it still holds.",
        "schema": {"type": "string", "examples": ['"5a1b6f0c"']},
    },
}
HEADERS: Mapping[str, dict[str, Any]] = {
    "X-Request-Id": {
        "description": "The request's id, taken from it or made by us.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{8,64}$"},
    },
    "RateLimit-Policy": {
        "description": "The limits this request was counted against: of each its quota `q` in a window of `w` seconds. "
        "`calls`: of an address; `writes`: of a user.",
        "schema": {"type": "string", "examples": ['"calls";q=6000;w=60, "writes";q=120;w=60']},
    },
    "RateLimit": {
        "description": "What remains of each, `r`, and the seconds until there is more, `t`.",
        "schema": {"type": "string", "examples": ['"calls";r=5999;t=60, "writes";r=119;t=60']},
    },
    "Retry-After": {"description": "In seconds.", "schema": {"type": "integer", "examples": [30]}},
    "WWW-Authenticate": {"description": "`Bearer`.", "schema": {"type": "string", "examples": ["Bearer"]}},
    "X-Total-Count": {"description": "How many there are in all.", "schema": {"type": "integer", "examples": [41]}},
    "Link": {
        "description": "RFC 8288: first, prev, next, last, as far as they exist.",
        "schema": {
            "type": "string",
            "examples": ['<https://billing.example/api/v1/purchases?page_number=2>; rel="next"'],
        },
    },
    "ETag": {"description": "Names exactly this answer.", "schema": {"type": "string", "examples": ['"5a1b6f0c"']}},
}
OF_EVERY_ANSWER = ("X-Request-Id", "RateLimit-Policy", "RateLimit")
OF_A_STATUS = {
    "304": ("ETag",),
    "401": ("WWW-Authenticate",),
    "409": ("Retry-After",),  # where waiting helps
    "429": ("Retry-After",),
    "503": ("Retry-After",),
}


def parameter(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/parameters/{name}"}


def header(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/headers/{name}"}
