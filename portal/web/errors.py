"""Refusals become HTTP here: one table, two audiences (programs get JSON, people get a page)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta

from flask import Flask, Response, jsonify, make_response, render_template, request
from flask_wtf.csrf import CSRFError
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException

from portal.db.session import AWAY
from portal.domain import errors
from portal.domain.errors import Refused
from portal.presentation import sentences
from portal.web.edge import request_id
from portal.web.expired_form import WayOn, way_on
from portal.web.locale import language

log = logging.getLogger(__name__)

STATUS: Mapping[type[Refused], int] = {
    errors.InvalidRequest: 400,
    errors.BadSignature: 400,
    errors.Unauthorized: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.IdempotencyKeyReused: 422,
    errors.RateLimited: 429,
    errors.ProviderUnavailable: 503,
}
HTTP_WORDS = {
    400: "bad_request",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
    429: "rate_limited",
    503: "unavailable",
}
FOR_PROGRAMS = ("/api/", "/webhooks/", "/healthz", "/readyz", "/metrics")


def init(app: Flask) -> None:
    app.register_error_handler(Refused, answer_refusal)
    app.register_error_handler(CSRFError, _csrf_expired)
    app.register_error_handler(HTTPException, _http)
    for kind in AWAY:
        app.register_error_handler(kind, _database_down)
    app.register_error_handler(Exception, _unexpected)


def status_of(refusal: Refused) -> int:
    """The status of the nearest class in the table."""
    return next(STATUS[kind] for kind in type(refusal).__mro__ if kind in STATUS)


def invalid_body(error: ValidationError) -> Response:
    """What a body or a query that does not fit its schema is told: the first field that is wrong, and why."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"]) or "body"
    return _answer("invalid_request", 400, {}, detail=f"{where}: {first['msg']}")


def answer_refusal(refusal: Refused) -> Response:
    status = status_of(refusal)
    log.info("refused %s: %s", refusal.error_id, refusal, extra={"request_id": request_id()})
    # Somebody else's and nobody's are answered word for word alike.
    response = _answer(refusal.error_id, status, refusal.facts, detail="" if status == 404 else refusal.detail)
    wait = refusal.facts.get("retry_after")
    if isinstance(wait, timedelta):
        response.headers["Retry-After"] = str(int(wait.total_seconds()))
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _csrf_expired(error: CSRFError) -> Response:
    return _answer("csrf_expired", 400, {}, expired=way_on())


def _http(error: HTTPException) -> Response:
    if error.response is not None:
        return make_response(error.response)
    status = error.code or 500
    if status < 400:
        return make_response(error.get_response())
    response = _answer(HTTP_WORDS.get(status, "bad_request" if status < 500 else "internal_error"), status, {})
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            response.headers[name] = value
    return response


def _database_down(error: Exception) -> Response:
    log.error("the database did not answer: %s", error, exc_info=error, extra={"request_id": request_id()})
    response = _answer("unavailable", 503, {})
    response.headers["Retry-After"] = "5"
    return response


def _unexpected(error: Exception) -> Response:
    log.exception("unexpected error in request %s", request_id(), extra={"request_id": request_id()})
    return _answer("internal_error", 500, {})


def _answer(
    error_id: str, status: int, facts: Mapping[str, object], detail: str = "", expired: WayOn | None = None
) -> Response:
    told = sentences.refusal(error_id, facts, language())
    if request.path.startswith(FOR_PROGRAMS):
        described = f"{told.sentence} ({detail})" if detail else told.sentence
        body = {"error_id": error_id, "error_desc": described, "request_id": request_id()}
        return make_response(jsonify(body), status)
    page = render_template(
        "errors/page.html",
        error_id=error_id,
        status=status,
        title=told.title,
        sentence=told.sentence,
        hint=told.hint,
        request_id=request_id(),
        expired=expired,
    )
    return make_response(page, status)
