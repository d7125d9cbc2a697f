"""What a call answers, for the document: its schema, and the refusals that are its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel

from portal.domain.errors import Refused
from portal.presentation import sentences
from portal.web.errors import HTTP_WORDS, status_of

ERROR_SCHEMA = {"$ref": "#/components/schemas/ErrorBody"}
PHRASES = {
    400: "The body, the query or an amount is wrong",
    401: "No good token",
    403: "Not for this caller",
    404: "Unknown, or somebody else's",
    409: "Not possible as things stand",
    413: "Too large",
    415: "Not JSON",
    422: "The `Idempotency-Key` came with another request before",
    429: "Too many requests",
    503: "Something behind us does not answer; `Retry-After` says when to come back",
}
UNCHANGED: dict[Any, Any] = {"304": {"description": "What `If-None-Match` names is still what would be answered"}}
HTTP_STATUS = {word: status for status, word in HTTP_WORDS.items()}

OF_EVERY_CALL = ("rate_limited", "unavailable")
OF_WHAT_IS_CHECKED = ("invalid_request",)
OF_NO_CALL = ("method_not_allowed", "internal_error")  # of a call that is none; of none by design
OF_A_TOKEN = ("unauthorized",)
OF_A_USER = ("token_expired",)
OF_A_POST = ("bad_request", "too_large", "unsupported_media_type", "request_in_progress", "idempotency_key_reused")


def _words(kind: type[Refused]) -> Iterable[tuple[str, int]]:
    yield kind.error_id, status_of(kind())
    for narrower in kind.__subclasses__():
        yield from _words(narrower)


WORDS = {word: status for kind in Refused.__subclasses__() for word, status in _words(kind)}
STATUS_OF_WORD = HTTP_STATUS | WORDS | {"internal_error": 500}


def answers(given: type[BaseModel], *refusals: type[Refused]) -> dict[Any, Any]:
    """As flask_openapi takes it."""
    found: dict[Any, Any] = {}
    for refusal in refusals:
        add_refusal(found, refusal.error_id)
    return {200: given} | found


def add_refusal(responses: dict[Any, Any], error_id: str) -> None:
    """Put a refusal beside those of the same status."""
    status = str(STATUS_OF_WORD[error_id])
    answer = responses.setdefault(status, {"description": PHRASES[int(status)]})
    answer["description"] = PHRASES[int(status)]
    content = answer.setdefault("content", {}).setdefault("application/json", {"schema": ERROR_SCHEMA})
    content.setdefault("examples", {})[error_id] = {"$ref": f"#/components/examples/{error_id}"}


def refusal(error_id: str) -> dict[str, Any]:
    """An example of it, for the document's list of all."""
    told = sentences.refusal(error_id, defaultdict(lambda: "..."), "en")
    body = {"error_id": error_id, "error_desc": told.sentence, "request_id": "4f1d2c0e9b7a4c55a1d3f0e6b8c92d17"}
    return {"summary": f"{STATUS_OF_WORD[error_id]}: {told.title}", "value": body}
