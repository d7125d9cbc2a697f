"""Who is calling: pages carry the token in a cookie, the API in `Authorization`, and neither looks at the other's."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar, cast
from urllib.parse import urlencode, urlsplit

from flask import current_app, g, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from portal import runtime
from portal.domain.errors import Refused, TokenExpired, Unauthorized
from portal.domain.user import Person
from portal.web.tokens import TokenReader, reader_from

READER = "matinee.token_reader"
LONGEST_NEXT = 2000  # characters; a longer address goes home instead

P = ParamSpec("P")
R = TypeVar("R")


def bearer_person() -> Person:
    """For the API. Raises Unauthorized or TokenExpired."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthorized("no bearer token")
    return _known(_read(token.strip()))


def page_person() -> Person:
    """For pages. Raises Unauthorized or TokenExpired."""
    token = request.cookies.get(runtime.settings.auth_cookie, "")
    if not token:
        raise Unauthorized("no cookie")
    return _known(_read(token))


def optional_person() -> Person | None:
    """For pages open to all: a token that is not good is no token."""
    try:
        return page_person()
    except Unauthorized:
        g.person = None
        return None


def subject() -> str | None:
    """Whose token came with the request, be it to be let in or not; None where none is good."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        token = request.cookies.get(runtime.settings.auth_cookie, "")
    try:
        return _read(token.strip()).id if token else None
    except Refused:
        return None


def current_person() -> Person:
    """The person a guard above this view let in."""
    return cast(Person, g.person)


def signed_in(view: Callable[P, R]) -> Callable[P, R | AnyResponse]:
    """Nobody gets past this without a good token: they are sent to sign in, or to renew one that has expired."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R | AnyResponse:
        return require_person() or view(*args, **kwargs)

    return guarded


def require_person() -> AnyResponse | None:
    """The same for a whole blueprint, as its `before_request`."""
    try:
        page_person()
    except TokenExpired:
        return _away(runtime.settings.refresh_url)
    except Unauthorized:
        return _away(runtime.settings.login_url)
    return None


def sign_in_url() -> str:
    """Where a page that is open to all sends those who want to sign in and come back to it."""
    return _with_next(runtime.settings.login_url)


def safe_next(value: str | None) -> str:
    """A path on this site, or `/`. Browsers read `//host`, `/\\host` and `/<tab>/host` as another site's address."""
    if not value or len(value) > LONGEST_NEXT or not value.startswith("/") or value.startswith("//"):
        return "/"
    if "\\" in value or not value.isprintable() or " " in value:
        return "/"
    try:
        parts = urlsplit(value)
    except ValueError:
        return "/"
    return "/" if parts.scheme or parts.netloc else value


def _read(token: str) -> Person:
    return _reader().read(token, runtime.clock.now())


def _reader() -> TokenReader:
    """One per application: it remembers the keys."""
    if READER not in current_app.extensions:
        current_app.extensions[READER] = reader_from(runtime.settings)
    return cast(TokenReader, current_app.extensions[READER])


def _known(person: Person) -> Person:
    g.person = person
    return person


def _away(url: str) -> AnyResponse:
    answer = redirect(_with_next(url), code=303 if request.method == "POST" else 302)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _with_next(url: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode({'next': _this_page()})}"


def _this_page() -> str:
    """Where to come back to. A form that was not accepted is to be filled in again: its page, not its address."""
    if request.method not in ("GET", "HEAD"):
        rule = request.url_rule
        if rule is None or "GET" not in (rule.methods or ()):
            return "/"
    return safe_next(request.script_root + request.full_path.rstrip("?"))
