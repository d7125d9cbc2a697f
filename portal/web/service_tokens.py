"""Which service is calling: a bearer token of its own, known to us only by its SHA-256 (SERVICE_TOKENS)."""

from __future__ import annotations

import hashlib
from hmac import compare_digest

from flask import request

from portal import runtime
from portal.domain.errors import Unauthorized


def calling_service() -> str:
    """The service's name. Raises Unauthorized: no service token, an unknown one, or a person's."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthorized("no bearer token")
    name = _owner_of(token.strip())
    if name is None:
        raise Unauthorized("this is no service's token")
    return name


def _owner_of(token: str) -> str | None:
    """Every known digest is looked at, found or not: the time this takes tells nothing of them."""
    digest = hashlib.sha256(token.encode()).hexdigest()
    found = None
    for name, known in runtime.settings.services:
        if compare_digest(digest, known):
            found = name
    return found
