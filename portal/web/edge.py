"""What every answer carries: a request id, and headers that keep browsers and caches out of trouble."""

from __future__ import annotations

import re
from uuid import uuid4

from flask import Flask, Response, g, request

from portal import failpoints, runtime

MAX_BODY = 256 * 1024  # the largest thing anybody sends us is a webhook of a few kilobytes
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
PUBLIC = frozenset({"static", "brand.stylesheet", "health.healthz", "health.readyz"})


def init(app: Flask) -> None:
    app.before_request(_name_request)
    app.after_request(_ready)  # the last of all: they run from the last to the first
    app.after_request(_headers)


def request_id() -> str:
    return str(g.get("request_id") or "-")


def _name_request() -> None:
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else uuid4().hex


def _ready(response: Response) -> Response:
    failpoints.reached("reply.ready")
    return response


def _headers(response: Response) -> Response:
    headers = response.headers
    headers["X-Request-Id"] = request_id()
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "same-origin"
    headers["X-Frame-Options"] = "DENY"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers.setdefault("Content-Security-Policy", _content_policy())
    if request.endpoint not in PUBLIC or response.status_code >= 400:
        # Pages and answers are somebody's, refusals too: no cache keeps them, no search engine shows them.
        headers.setdefault("Cache-Control", "no-store")
        headers.setdefault("X-Robots-Tag", "noindex")
        response.vary.update({"Cookie", "Authorization", "Accept-Language"})
    if runtime.settings.origin.startswith("https"):
        headers["Strict-Transport-Security"] = "max-age=31536000"
    return response


def _content_policy() -> str:
    """No inline code, nothing from elsewhere. A form may end on the payment system's page, and only there."""
    pages = " ".join(sorted({provider.checkout_origin for provider in runtime.providers.values()}))
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        f"form-action 'self' {pages}; base-uri 'none'; frame-ancestors 'none'"
    )
