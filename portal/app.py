"""The one composition root: settings in, an application out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask
from flask_migrate import Migrate
from flask_openapi.models.info import Info
from flask_openapi.openapi import OpenAPI
from flask_wtf.csrf import CSRFProtect
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from portal import cli, failpoints, runtime
from portal.clock import Clock
from portal.config import Misconfigured, Settings, environment, load_settings
from portal.db import engines
from portal.db.session import db
from portal.models import schema
from portal.providers.port import Provider
from portal.providers.registry import SwitchedOn, UnknownProvider, UnusableProvider, build
from portal.services.clock import read_offset
from portal.web import brand, docs, edge, errors, health, limits, locale, metrics
from portal.web.admin.site import open_back_office
from portal.web.api.routes import blueprint as api
from portal.web.auth import READER
from portal.web.cabinet.blueprint import blueprint as cabinet
from portal.web.tokens import reader_from
from portal.web.webhooks.receive import blueprint as webhooks

if TYPE_CHECKING:
    from portal.demo.mount import Pretend

ROOT = Path(__file__).resolve().parent.parent


def create_app(
    settings: Settings | None = None,
    *,
    clock: Clock | None = None,
    providers: Mapping[str, Provider] | None = None,
) -> Flask:
    """`clock` and `providers` replace what the settings would make; tests give them. Raises Misconfigured."""
    settings = settings or load_settings()
    _arm(settings)
    app = OpenAPI(
        "portal",
        info=Info(title=f"{settings.brand_name} billing API", version="1"),
        doc_ui=False,
        validation_error_status=400,
        validation_error_callback=errors.invalid_body,
        root_path=str(ROOT),
        template_folder=str(ROOT / "templates"),
        static_folder=str(ROOT / "static"),
    )
    app.config.from_mapping(_flask_config(settings))
    _open_database(app, settings)
    clock = clock or _clock(app, settings)
    pretend = _pretend(settings, clock) if settings.pretends else None
    makers = {**(pretend.makers if pretend else {}), "stripe": lambda: _stripe(settings, clock)}
    made = providers if providers is not None else _providers(settings, makers)
    app.extensions[runtime.KEY] = runtime.Runtime(
        settings, clock, SwitchedOn(made), pretend.to_auth if pretend else None
    )
    _open_doors(app, settings)
    if pretend:
        for pages in pretend.pages:
            app.register_blueprint(pages)
        app.extensions["matinee_sandbox"] = pretend.sandbox.extensions["sandbox"]
        app.wsgi_app = DispatcherMiddleware(app.wsgi_app, dict(pretend.mounts))  # type: ignore[method-assign]  # Flask's own way
    if settings.trusted_proxies:
        # Only who calls is taken from them; where we are says PUBLIC_URL.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.trusted_proxies, x_proto=0, x_host=0)  # type: ignore[method-assign]  # as above
    cli.init(app)
    return app


def _arm(settings: Settings) -> None:
    if not (settings.pretends and settings.failpoints):
        return
    try:
        failpoints.arm(settings.failpoints)
    except ValueError as error:
        raise Misconfigured(f"FAILPOINTS: {error}") from None


def _flask_config(settings: Settings) -> dict[str, object]:
    return {
        "SECRET_KEY": settings.secret("secret_key"),
        "SQLALCHEMY_DATABASE_URI": settings.database,
        "SQLALCHEMY_ENGINE_OPTIONS": engines.options(settings.database),
        "MAX_CONTENT_LENGTH": edge.MAX_BODY,
        "SESSION_COOKIE_SECURE": settings.origin.startswith("https"),
        "SESSION_COOKIE_SAMESITE": "Lax",
        "WTF_CSRF_TIME_LIMIT": 12 * 3600,
        "TESTING": settings.app_env == "test",
    }


def _open_database(app: Flask, settings: Settings) -> None:
    db.init_app(app)
    Migrate(app, db, directory=str(ROOT / "migrations"))
    with app.app_context():
        db.metadatas[None] = schema.metadata
        engines.prepare(db.engine)


def _clock(app: Flask, settings: Settings) -> Clock:
    """Production time is real time; elsewhere an offset row lets everybody travel together."""
    if not settings.pretends:
        return Clock()
    with app.app_context():
        engine = db.engine
    return Clock(lambda: read_offset(engine))


def _pretend(settings: Settings, clock: Clock) -> Pretend:
    from portal.demo.mount import pretend  # loaded only where it is allowed to exist

    return pretend(settings, clock.now)


def _stripe(settings: Settings, clock: Clock) -> Provider:
    from portal.providers.stripe.provider import StripeProvider  # its SDK takes half a second to load

    return StripeProvider(settings.stripe_api_key, settings.stripe_webhook_secret, clock.now, settings.stripe_api_base)


def _providers(settings: Settings, makers: Mapping[str, Callable[[], Provider]]) -> dict[str, Provider]:
    try:
        return build(settings.providers, makers, environment())
    except (UnknownProvider, UnusableProvider) as error:
        raise Misconfigured(str(error)) from None


def _open_doors(app: OpenAPI, settings: Settings) -> None:
    try:
        app.extensions[READER] = reader_from(settings)
    except ValueError as error:
        raise Misconfigured(str(error)) from None
    csrf = CSRFProtect(app)
    csrf.exempt(webhooks)  # proven by the payment system's signature
    csrf.exempt(api)  # takes a bearer token only, never a cookie
    edge.init(app)
    locale.init(app)
    errors.init(app)
    limits.init(app, settings)
    app.register_blueprint(cabinet)
    open_back_office(app)
    app.register_blueprint(webhooks)
    app.register_blueprint(health.blueprint)
    app.register_blueprint(metrics.blueprint)
    app.register_api(api)
    app.register_blueprint(docs.blueprint)
    app.register_blueprint(brand.blueprint)
