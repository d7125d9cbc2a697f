"""What the demo's rooms beside the portal (sign-in, cinema) share: language, theme, headers, where one may go."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from flask import Flask, Response, request

ROOT = Path(__file__).parents[2]
LANGUAGES = ("ru", "en")
CHOICE = "lang"  # the cookie of the portal's language switch
THEME = "theme"  # of its theme switch
LONGEST_NEXT = 2000  # characters
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)


def new_room(name: str) -> Flask:
    """An application with the project's templates and static files, and nothing inline on its pages."""
    room = Flask(name, root_path=str(ROOT), template_folder="templates", static_folder="static")
    room.config["MAX_CONTENT_LENGTH"] = 256 * 1024
    room.context_processor(_theme)
    room.after_request(_headers)
    return room


def language(known: object = None) -> str:
    """The one chosen here or in the portal, else the person's, else the first that the browser asks for."""
    for chosen in (request.args.get("lang"), request.cookies.get(CHOICE)):
        if chosen in LANGUAGES:
            return chosen
    if isinstance(known, str) and known[:2].lower() in LANGUAGES:
        return known[:2].lower()
    return request.accept_languages.best_match(LANGUAGES) or LANGUAGES[0]


def _theme() -> dict[str, str]:
    chosen = request.cookies.get(THEME, "")
    return {"chosen_theme": chosen if chosen in ("light", "dark") else ""}


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


def comes_from_elsewhere() -> bool:
    """A form on another site must not sign anybody in or out. Browsers say where a form stood."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = request.headers.get("Origin")
    return origin is not None and urlsplit(origin).netloc != request.host


def _headers(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", POLICY)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    if request.endpoint != "static":
        response.headers["Cache-Control"] = "no-store"
        response.vary.update(("Cookie", "Authorization", "Accept-Language"))
    return response
