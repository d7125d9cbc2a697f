"""The demo Auth as this installation's settings have it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from functools import partial

from flask import Flask

from portal.config import Settings
from portal.demo.auth import keys
from portal.demo.auth.app import create_auth
from portal.demo.auth.consumer import Consumer
from portal.demo.auth.issuing import Issuer
from portal.demo.auth.people import EVERYBODY
from portal.demo.auth.service import AuthService
from portal.demo.auth.store import Store
from portal.outbox.rabbit import connect
from portal.outbox.topology import topology_from

EVENTS_SECRET = "auth_events"  # noqa: S105 - the name of a secret; the relay uses the same


def auth_app(settings: Settings, now: Callable[[], datetime]) -> Flask:
    """To be mounted at /auth."""
    return create_auth(
        database_url=settings.auth_database,
        private_key_pem=keys.ensure(settings.data),
        issuer=settings.issuer,
        audience=settings.audience,
        now=now,
        cookie_name=settings.auth_cookie,
        secure_cookies=settings.origin.startswith("https://"),
        events_token=settings.secret(EVENTS_SECRET),
    )


def consume(settings: Settings, now: Callable[[], datetime], stop: threading.Event) -> None:
    """Reads Auth's queue until `stop`, in a process of its own where AMQP_URL is set."""
    consumer(settings, now).run_forever(stop)


def consumer(settings: Settings, now: Callable[[], datetime]) -> Consumer:
    issuer = Issuer(keys.ensure(settings.data), settings.issuer, settings.audience)
    service = AuthService(Store(settings.auth_database, EVERYBODY), issuer, now)
    topology = topology_from(settings)
    return Consumer(
        partial(connect, settings.amqp_url, "matinee demo auth"), topology.declare, topology.queue, service.apply_event
    )
