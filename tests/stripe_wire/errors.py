"""What Stripe says when it will not or cannot, in the shape of its own errors."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Final

from portal.demo.sandbox.refusal import Refusal
from portal.demo.sandbox.reply import Reply


class Refused(Refusal):
    """Nothing was changed. Nothing is remembered under the key either, unless the work had `begun`."""

    begun = False

    def __init__(self, status: int, code: str | None, message: str, **more: Any) -> None:
        super().__init__(status, code or "", message)
        self._error = {"type": "invalid_request_error", "message": message, **more}
        if code is not None:
            self._error["code"] = code

    def as_json(self) -> dict[str, object]:
        return {"error": self._error}


def unknown_parameter(name: str) -> Refused:
    return Refused(400, "parameter_unknown", f"Received unknown parameter: {name}", param=name)


def missing_parameter(name: str) -> Refused:
    return Refused(400, "parameter_missing", f"Missing required param: {name}.", param=name)


def invalid_parameter(name: str, message: str, code: str | None = None) -> Refused:
    return Refused(400, code, message, param=name)


def no_such(kind: str, guid: str, param: str = "id") -> Refused:
    """404 where the address names it, 400 where a parameter does: who looked for that has begun to work."""
    status = 404 if param in ("id", "intent") else 400
    refused = Refused(status, "resource_missing", f"No such {kind}: '{guid}'", param=param)
    refused.begun = status == 400
    return refused


# What the sandbox calls its refusals, and Stripe its own.
IN_STRIPES_WORDS: Final[dict[str, tuple[int, dict[str, str]]]] = {
    "rate_limited": (429, {"type": "invalid_request_error", "code": "rate_limit"}),
    "internal_error": (500, {"type": "api_error"}),
    "idempotency_mismatch": (400, {"type": "idempotency_error"}),
    "key_in_use": (409, {"type": "invalid_request_error", "code": "idempotency_key_in_use"}),
    "payment_disputed": (400, {"type": "invalid_request_error", "code": "charge_disputed"}),
    "payment_not_refundable": (400, {"type": "invalid_request_error", "code": "charge_not_refundable"}),
    "refund_exceeds_payment": (400, {"type": "invalid_request_error", "code": "charge_already_refunded"}),
    "not_found": (404, {"type": "invalid_request_error", "code": "resource_missing"}),
}
RETRY: Final = {409: "true", 429: "true"}


def translated(reply: Reply) -> Reply:
    """An error of the sandbox's as Stripe says it; anything else, also half an answer, as it is."""
    retry = (("Stripe-Should-Retry", RETRY[reply.status]),) if reply.status in RETRY else ()
    try:
        error = json.loads(reply.body)["error"]
    except (ValueError, KeyError, TypeError):
        return reply
    if "type" in error:
        return replace(reply, headers=(*reply.headers, *retry))
    status, said = IN_STRIPES_WORDS.get(error["code"], (reply.status, {"type": "invalid_request_error"}))
    body = json.dumps({"error": {**said, "message": error["message"]}})
    return replace(reply, status=status, body=body, headers=(*reply.headers, *retry))
