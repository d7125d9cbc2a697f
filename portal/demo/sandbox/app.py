"""The sandbox payment system: a small payment provider with a book of its own. It pretends to take money.

The shop knows nothing of what is inside: it speaks to the API over HTTP, sends its customers to the hosted page and
receives signed webhooks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import httpx
from flask import Flask, Response, jsonify

from portal.demo.sandbox import api, control
from portal.demo.sandbox.book import Book
from portal.demo.sandbox.deliver import Deliverer
from portal.demo.sandbox.exchange import Exchange
from portal.demo.sandbox.pages import Pages
from portal.demo.sandbox.silence import Silencer

ROOT = Path(__file__).resolve().parents[3]
LARGEST_BODY = 64 * 1024


@dataclass(frozen=True)
class Sandbox:
    """What the process around it may hold in its hands: `app.extensions["sandbox"]`."""

    book: Book
    now: Callable[[], datetime]
    webhook_secret: str

    def deliverer(self, url: str, transport: httpx.BaseTransport | None = None) -> Deliverer:
        return Deliverer(self.book, url, self.webhook_secret, self.now, transport)


def create_sandbox(
    *, database_url: str, api_key: str, webhook_secret: str, public_base: str, now: Callable[[], datetime]
) -> Flask:
    """`public_base` is where browsers find the pages, e.g. `http://127.0.0.1:8000/sandbox`; `now` is aware UTC."""
    if not api_key or not webhook_secret:
        raise ValueError("the sandbox needs an API key and a webhook secret")
    app = Flask("sandbox", root_path=str(ROOT), template_folder="templates", static_folder="static")
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    sandbox = Sandbox(Book(database_url), now, webhook_secret)
    exchange = Exchange(sandbox.book, now)
    app.extensions["sandbox"] = sandbox
    app.register_blueprint(api.blueprint(exchange, api_key, public_base.rstrip("/")))
    app.register_blueprint(control.blueprint(sandbox.book, now, api_key))
    app.register_blueprint(Pages(exchange).blueprint())
    app.add_url_rule("/v1/healthz", "healthz", _healthz)
    app.wsgi_app = Silencer(app.wsgi_app)  # type: ignore[method-assign]  # Flask's documented way to wrap an app
    return app


def _healthz() -> Response:
    return jsonify(status="ok")
