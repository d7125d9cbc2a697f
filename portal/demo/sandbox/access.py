"""Who may speak to the API: the one shop that has the key."""

from __future__ import annotations

import hmac

from flask import Blueprint, Response, request

from portal.demo.sandbox import reply
from portal.demo.sandbox.refusal import Refusal
from portal.demo.sandbox.silence import send


def only_for(api: Blueprint, api_key: str) -> None:
    """Guard every route of `api`, and answer its refusals as JSON."""
    expected = f"Bearer {api_key}".encode()

    def check() -> None:
        given = request.headers.get("Authorization", "").encode()
        if not hmac.compare_digest(given, expected):
            raise Refusal(401, "unauthorized", "the API key is missing or not ours")

    api.before_request(check)
    api.register_error_handler(Refusal, _refused)


def _refused(refused: Refusal) -> Response:
    return send(reply.as_json(refused.status, refused.as_json()))
