"""`Idempotency-Key` on a POST: the first answer is given again, for 24 hours."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Response, g, jsonify, make_response, request
from pydantic import BaseModel
from werkzeug.exceptions import BadRequest

from portal import failpoints
from portal.domain.errors import Refused
from portal.services import idempotency
from portal.web.errors import answer_refusal


def once(view: Callable[..., Any]) -> Callable[..., Response]:
    """Only where the caller sends a key; the key is the caller's own, two users may use the same."""

    @wraps(view)
    def wrapper(**arguments: BaseModel) -> Response:
        key = request.headers.get("Idempotency-Key")
        if key is None:
            return make_response(view(**arguments))
        if not 1 <= len(key) <= 255 or not key.isprintable():
            raise BadRequest
        caller = str(g.person.id)
        asked = f"{request.method} {request.path}\n".encode() + request.get_data()
        given = idempotency.begin(caller, key, asked)
        if given is not None:
            return make_response(jsonify(given.body), given.status)
        failpoints.reached("key.taken")
        try:
            response = make_response(view(**arguments))
        except Refused as refusal:
            response = answer_refusal(refusal)
        except Exception:  # a process that is being ended leaves its lease to run out
            idempotency.finish(caller, key, 500, {})
            raise
        failpoints.reached("reply.made")
        idempotency.finish(caller, key, response.status_code, response.get_json())
        failpoints.reached("reply.kept")
        return response

    return wrapper
