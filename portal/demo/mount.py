"""Everything pretend, put where the portal finds it: the payment system, Auth and the cinema."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from wsgiref.types import WSGIApplication

from flask import Blueprint, Flask

from portal.config import Settings
from portal.demo.auth.app import service_of
from portal.demo.auth.start import auth_app
from portal.demo.cinema import Door, create_cinema
from portal.demo.sandbox.app import create_sandbox
from portal.demo.styleguide import blueprint as styleguide
from portal.demo.transport import InProcess
from portal.providers.port import Provider
from portal.providers.sandbox import SandboxProvider


@dataclass(frozen=True)
class Pretend:
    sandbox: Flask
    mounts: Mapping[str, WSGIApplication]
    makers: Mapping[str, Callable[[], Provider]]
    pages: tuple[Blueprint, ...]  # among the portal's own
    to_auth: InProcess | None  # none: AUTH_USERS_URL names one that runs elsewhere


def pretend(settings: Settings, now: Callable[[], datetime]) -> Pretend:
    """The portal calls the sandbox in its own process, so that twenty buyers do not wait for each other's threads.

    SANDBOX_URL names one that runs elsewhere; then it is spoken to over the network.
    """
    auth = auth_app(settings, now)
    sandbox = _sandbox(settings, now)
    return Pretend(
        sandbox=sandbox,
        mounts={"/auth": auth, "/cinema": _cinema(settings, auth, now), "/sandbox": sandbox},
        makers={"sandbox": lambda: _client(settings, sandbox)},
        pages=(styleguide,),
        to_auth=None if settings.auth_users_url else InProcess(auth, "/auth"),
    )


def _sandbox(settings: Settings, now: Callable[[], datetime]) -> Flask:
    return create_sandbox(
        database_url=settings.sandbox_database,
        api_key=settings.secret("sandbox_api_key"),
        webhook_secret=settings.secret("sandbox_webhook_secret"),
        public_base=f"{settings.origin}/sandbox",
        now=now,
    )


def _cinema(settings: Settings, auth: Flask, now: Callable[[], datetime]) -> Flask:
    """The cinema shares nothing with Auth but its public key, and the question whether a token was withdrawn."""
    service = service_of(auth)
    return create_cinema(
        Door(
            key=service.issuer.public_pem,
            issuer=settings.issuer,
            audience=settings.audience,
            cookie_name=settings.auth_cookie,
            is_current=service.is_current,
            now=now,
        )
    )


def _client(settings: Settings, sandbox: Flask) -> Provider:
    return SandboxProvider(
        settings.sandbox_base,
        settings.secret("sandbox_api_key"),
        settings.secret("sandbox_webhook_secret"),
        transport=None if settings.sandbox_url else InProcess(sandbox, "/sandbox"),
    )
