"""The theme switch. What is chosen is rendered into every page, so that none shows the other theme first."""

from __future__ import annotations

from datetime import timedelta

from flask import redirect, request
from werkzeug.wrappers import Response

from portal import runtime
from portal.domain.errors import InvalidRequest
from portal.web.auth import safe_next

COOKIE = "theme"
THEMES = ("light", "dark")
AS_THE_SYSTEM = "system"
A_YEAR = timedelta(days=365)


def chosen() -> str:
    """`light` or `dark`, "" for as the system is."""
    named = request.cookies.get(COOKIE, "")
    return named if named in THEMES else ""


def theme() -> Response:
    wanted = request.form.get("theme", "")
    if wanted not in (*THEMES, AS_THE_SYSTEM):
        raise InvalidRequest(f"theme is one of {', '.join((*THEMES, AS_THE_SYSTEM))}")
    answer = redirect(safe_next(request.form.get("next")), 303)
    secure = not runtime.settings.pretends
    answer.set_cookie(COOKIE, wanted, max_age=A_YEAR, httponly=True, samesite="Lax", secure=secure)
    return answer
