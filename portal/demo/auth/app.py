"""The demo Auth: a stand-in for the real one, and documentation by example of what the portal expects of it."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Any, cast

from flask import Flask, Response, current_app, jsonify, request
from werkzeug.exceptions import HTTPException

from portal.demo.auth.events import BadMessage, parse
from portal.demo.auth.issuing import LIVES_FOR, Issuer
from portal.demo.auth.pages import add_pages
from portal.demo.auth.people import EVERYBODY
from portal.demo.auth.service import AuthService, Tokens, UnknownPerson
from portal.demo.auth.store import Store
from portal.demo.rooms import new_room
from portal.entitlements import BadToken

SERVICE = "auth"
Answer = Response | tuple[Response, int]


def create_auth(
    *,
    database_url: str,
    private_key_pem: str,
    issuer: str,
    audience: str,
    now: Callable[[], datetime],
    cookie_name: str,
    secure_cookies: bool,
    events_token: str,
) -> Flask:
    """To be mounted under a path of its own. `events_token`: the bearer token of those who may post events."""
    app = new_room(__name__)
    app.extensions[SERVICE] = AuthService(
        Store(database_url, EVERYBODY), Issuer(private_key_pem, issuer, audience), now
    )
    app.config.update(EVENTS_TOKEN=events_token)
    add_pages(app, service_of(app), cookie_name=cookie_name, secure_cookies=secure_cookies)
    app.add_url_rule("/token", view_func=token, methods=["POST"])
    app.add_url_rule("/refresh", view_func=refresh, methods=["POST"])
    app.add_url_rule("/jwks.json", view_func=jwks)
    app.add_url_rule("/check", view_func=check)
    app.add_url_rule("/users/<path:user_id>", view_func=user)
    app.add_url_rule("/events", view_func=events, methods=["POST"])
    app.register_error_handler(UnknownPerson, lambda _: _refused(HTTPStatus.NOT_FOUND, "not_found", "nobody"))
    app.register_error_handler(BadMessage, lambda bad: _refused(HTTPStatus.BAD_REQUEST, "invalid_request", str(bad)))
    app.register_error_handler(BadToken, _not_let_in)
    app.register_error_handler(HTTPException, _http_error)
    return app


def service_of(app: Flask) -> AuthService:
    return cast(AuthService, app.extensions[SERVICE])


def _service() -> AuthService:
    return service_of(current_app)


def token() -> Answer:
    return _tokens(_service().sign_in(parse(request.get_data()).get("login")))


def refresh() -> Answer:
    try:
        return _tokens(_service().refresh(parse(request.get_data()).get("refresh_token")))
    except UnknownPerson:
        return _refused(HTTPStatus.UNAUTHORIZED, "unauthorized", "this refresh token is not known, or no longer")


def jwks() -> Answer:
    return jsonify(_service().issuer.jwks())


def check() -> Answer:
    account = _service().current(_bearer())
    return jsonify(user_id=account.id, version=account.version)


def user(user_id: str) -> Answer:
    account = _service().person(user_id)
    return jsonify(
        user_id=account.id,
        version=account.version,
        tokens_from_version=account.tokens_from_version,
        entitlements=account.entitlements,
    )


def events() -> Answer:
    """2xx only after the commit: whoever posts may then forget the message."""
    expected = current_app.config["EVENTS_TOKEN"]
    if not hmac.compare_digest(_bearer().encode(errors="replace"), expected.encode()):
        raise BadToken("not the token of the portal's relay")
    return jsonify(result=_service().apply_event(parse(request.get_data())))


def _tokens(tokens: Tokens) -> Response:
    return jsonify(
        access_token=tokens.access,
        refresh_token=tokens.refresh,
        token_type="Bearer",  # noqa: S106 - a word of RFC 6750, not a secret
        expires_in=int(LIVES_FOR.total_seconds()),
    )


def _bearer() -> str:
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not value.strip():
        raise BadToken("no bearer token")
    return value.strip()


def _not_let_in(bad: BadToken) -> Answer:
    word = "token_expired" if bad.expired else "unauthorized"
    response, status = _refused(HTTPStatus.UNAUTHORIZED, word, str(bad))
    response.headers["WWW-Authenticate"] = "Bearer"
    return response, status


def _http_error(error: HTTPException) -> Any:
    """The same body for what Flask refuses by itself: an unknown address, a wrong method, a body too large."""
    response = error.get_response()
    word = (error.name or "error").lower().replace(" ", "_")
    response.data = json.dumps({"error_id": word, "error_desc": error.description})
    response.content_type = "application/json"
    return response


def _refused(status: HTTPStatus, error_id: str, error_desc: str) -> tuple[Response, int]:
    return jsonify(error_id=error_id, error_desc=error_desc), status
