"""The cinema's door: how another service reads the token and decides, with one question to Auth about withdrawal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from flask import Flask, jsonify, make_response, redirect, render_template, request

from portal.demo.films import BY_SLUG, FILMS, WORDS, Film
from portal.demo.rooms import language, new_room
from portal.entitlements import BadToken, allows, read_claims

# Says that this browser was just sent to renew its token: if that did not help, sending it again will not either.
SENT = "cinema_sent_to_refresh"
SENT_FOR = 60  # seconds


@dataclass(frozen=True)
class Door:
    """What the cinema knows of Auth. `is_current`: whether a good token was not withdrawn meanwhile."""

    key: str  # public, PEM
    issuer: str
    audience: str
    cookie_name: str
    is_current: Callable[[str], bool]
    now: Callable[[], datetime]
    login_url: str = "/auth/login"
    refresh_url: str = "/auth/refresh"
    logout_url: str = "/auth/logout"
    plans_url: str = "/"

    def claims(self) -> dict[str, Any]:
        """Of whoever is calling; {} for nobody. Raises BadToken, `expired` also for a withdrawn token."""
        token = self._token()
        if not token:
            return {}
        claims = read_claims(token, at=self.now(), key=self.key, issuer=self.issuer, audience=self.audience)
        if not self.is_current(token):
            raise BadToken("withdrawn", expired=True)
        return claims

    def _token(self) -> str:
        if is_program():
            return request.headers["Authorization"].partition(" ")[2].strip()
        return request.cookies.get(self.cookie_name, "")


def create_cinema(door: Door) -> Flask:
    """To be mounted under a path of its own."""
    app = new_room(__name__)
    app.add_url_rule("/", "films", lambda: _films(door))
    app.add_url_rule("/<slug>", "film", lambda slug: _film(door, slug))
    app.register_error_handler(HTTPStatus.NOT_FOUND, lambda _: _page("missing", door, {}, HTTPStatus.NOT_FOUND))
    return app


def is_program() -> bool:
    """Programs show the token in a header and want a status, not a way to some page."""
    return request.headers.get("Authorization", "").lower().startswith("bearer ")


def _films(door: Door) -> Any:
    try:
        claims = door.claims()
    except BadToken as bad:
        if is_program():
            return _not_let_in(bad)
        claims = {}  # the list is for all
    return _page("list", door, claims, films=FILMS)


def _film(door: Door, slug: str) -> Any:
    film = BY_SLUG.get(slug)
    if film is None:
        return _page("missing", door, {}, HTTPStatus.NOT_FOUND)
    try:
        claims = door.claims()
    except BadToken as bad:
        if is_program():
            return _not_let_in(bad)
        if bad.expired:
            return _renew(door, film)
        claims = {}  # what nobody should believe is nobody's
    if allows(claims, film.feature, door.now()):
        return _settled(_page("film", door, claims, film=film))
    return _settled(_page("offer", door, claims, HTTPStatus.FORBIDDEN, film=film))


def _renew(door: Door, film: Film) -> Any:
    if SENT in request.cookies:
        return _settled(_page("again", door, {}, HTTPStatus.FORBIDDEN, film=film))
    answer = redirect(f"{door.refresh_url}?{urlencode({'next': f'{request.script_root}/{film.slug}'})}")
    answer.set_cookie(SENT, "1", max_age=SENT_FOR, httponly=True, samesite="Lax")
    return answer


def _settled(answer: Any) -> Any:
    """The next withdrawal may be answered with a refresh again."""
    if SENT in request.cookies:
        answer.delete_cookie(SENT)
    return answer


def _not_let_in(bad: BadToken) -> Any:
    answer = jsonify(error_id="token_expired" if bad.expired else "unauthorized", error_desc=str(bad))
    answer.status_code = HTTPStatus.UNAUTHORIZED
    answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def _page(name: str, door: Door, claims: dict[str, Any], status: int = HTTPStatus.OK, **more: Any) -> Any:
    lang = language(claims.get("locale"))
    here = request.script_root + request.path
    page = render_template(
        f"cinema/{name}.html",
        lang=lang,
        words=WORDS[lang],
        door=door,
        person=claims.get("sub"),
        here=here,
        login=f"{door.login_url}?{urlencode({'next': here})}",
        **more,
    )
    return make_response(page, status)
