"""A demo Auth and a cinema for tests: one key for all of them, a clock that the test moves."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from flask import Flask

from portal.demo.auth.app import create_auth
from portal.demo.auth.issuing import Issuer
from portal.demo.auth.service import AuthService
from portal.demo.auth.store import Store

AT = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
ISSUER = "http://portal.example/auth"
AUDIENCE = "matinee"
EVENTS_TOKEN = "a public test value"
COOKIE = "access_token"


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.at = AT

    def __call__(self) -> datetime:
        return self.at

    def move(self, **by: float) -> None:
        self.at += timedelta(**by)


@cache
def private_key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


def private_pem() -> str:
    return private_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def new_auth(data: Path, now: Callable[[], datetime] = lambda: AT, *, secure: bool = False) -> Flask:
    return create_auth(
        database_url=f"sqlite:///{data / 'auth.db'}",
        private_key_pem=private_pem(),
        issuer=ISSUER,
        audience=AUDIENCE,
        now=now,
        cookie_name=COOKIE,
        secure_cookies=secure,
        events_token=EVENTS_TOKEN,
    )


def new_service(store: Store, now: Callable[[], datetime] = lambda: AT) -> AuthService:
    return AuthService(store, Issuer(private_pem(), ISSUER, AUDIENCE), now)


def told(
    user_id: str,
    version: int,
    features: tuple[str, ...] = (),
    *,
    withdraws_from: int | None = None,
    until: str = "2026-12-29T10:00:00Z",
    **changed: Any,
) -> dict[str, Any]:
    """An event: what a user may use from now on. No features: nothing."""
    plans = [{"plan": "premium", "features": list(features), "until": until}] if features else []
    data = {
        "user_id": user_id,
        "version": version,
        "tokens_from_version": version if withdraws_from is None else withdraws_from,
        "subscriptions": plans,
    }
    event = {"specversion": "1.0", "id": str(uuid.uuid4()), "type": "subscription.changed", "subject": user_id}
    return {**event, "data": data, **changed}
