"""The language switch: a form, because opening an address must change nothing."""

from __future__ import annotations

from datetime import timedelta

from flask import redirect, request
from werkzeug.wrappers import Response

from portal import runtime
from portal.domain.errors import InvalidRequest
from portal.presentation.language import LOCALES
from portal.services import users
from portal.web.auth import safe_next
from portal.web.locale import COOKIE, reader

A_YEAR = timedelta(days=365)


def language() -> Response:
    chosen = request.form.get("lang", "")
    if chosen not in LOCALES:
        raise InvalidRequest(f"lang is one of {', '.join(LOCALES)}")
    person = reader()
    if person is not None:
        users.choose_locale(person, chosen)
    answer = redirect(safe_next(request.form.get("next")), 303)
    secure = not runtime.settings.pretends
    answer.set_cookie(COOKIE, chosen, max_age=A_YEAR, httponly=True, samesite="Lax", secure=secure)
    return answer
