"""A form whose token has expired: what was typed into it is not lost, and nobody is made to send what others wrote."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from flask import request

from portal import runtime
from portal.web.locale import reader

ROOM = "cabinet."
SEES_AGAIN = {"cabinet.check", "cabinet.method_add"}  # sums and consents, which hold only where they are read
TOKEN = "csrf_token"  # noqa: S105 - the name of a field
IN_ADDRESS = ("count", "provider", "trial", "product")  # nothing of these is personal


@dataclass(frozen=True)
class WayOn:
    fields: list[tuple[str, str]]  # to be sent once more, with a fresh token; none: to be opened again
    page: str | None  # where the form stands


def way_on() -> WayOn:
    opened = "GET" in ((request.url_rule and request.url_rule.methods) or ())
    chosen = {name: request.form[name] for name in IN_ADDRESS if name in request.form}
    page = request.script_root + request.path + (f"?{urlencode(chosen)}" if chosen else "")
    return WayOn(_fields() if opened and _sent_by_our_page() else [], page if opened else None)


def _fields() -> list[tuple[str, str]]:
    if request.endpoint in SEES_AGAIN:
        return []
    return [(name, value) for name, value in request.form.items(multi=True) if name != TOKEN]


def _sent_by_our_page() -> bool:
    """A browser says whose page a form was on. Where it does not, or nobody is signed in, nothing is offered."""
    ours = {runtime.settings.origin, f"{request.scheme}://{request.host}"}
    mine = request.headers.get("Origin") in ours and reader() is not None
    return mine and (request.endpoint or "").startswith(ROOM)
