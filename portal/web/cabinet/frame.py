"""What every page's header and footer need."""

from __future__ import annotations

from typing import Any

from flask import request

from portal import runtime
from portal.presentation.language import LOCALES
from portal.web.auth import safe_next, sign_in_url
from portal.web.cabinet import theme
from portal.web.locale import language, reader
from portal.web.roles import may

OWN_NAMES = {"ru": "Русский", "en": "English"}


def frame() -> dict[str, Any]:
    settings, person = runtime.settings, reader()
    return {
        "brand": settings.brand_name,
        "brand_logo": settings.brand_logo_url,
        "accent": settings.accent,
        "support_email": settings.support_email,
        "terms_url": settings.terms_url,
        "privacy_url": settings.privacy_url,
        "pretends": settings.pretends,
        "person": person,
        "operator": person is not None and may(person.roles, "see"),
        "sign_in_url": sign_in_url(),
        "language": language(),
        "languages": {code: OWN_NAMES[code] for code in LOCALES},
        "chosen_theme": theme.chosen(),  # Flask-Admin's pages have a `theme` of their own
        "this_page": _this_page(),
    }


def _this_page() -> str:
    """Where the switches come back to. What only takes forms cannot be opened."""
    if request.method not in ("GET", "HEAD") and "GET" not in ((request.url_rule and request.url_rule.methods) or ()):
        return "/"
    return safe_next(request.script_root + request.full_path.rstrip("?"))
