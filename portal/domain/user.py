"""A person of the Auth service. The row appears with the first order, saved card or choice of a language."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class User:
    id: str  # the token's subject
    email: str | None
    locale: str
    zone: str | None
    first_subscribed_at: datetime | None
    entitlements_version: int
    tokens_from_version: int
    created_at: datetime
    chosen_locale: str | None = None  # the language they switched the pages to, whatever Auth says
    erased_at: datetime | None = None  # since when nothing older names them


@dataclass(frozen=True)
class Person:
    """Who is calling, as a verified token says."""

    id: str
    email: str | None = None
    locale: str | None = None
    zone: str | None = None
    roles: frozenset[str] = frozenset()
