from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from portal.demo.auth.app import service_of
from portal.demo.cinema import Door, create_cinema
from tests.demo.auth.places import AUDIENCE, COOKIE, ISSUER, Hand, new_auth


@pytest.fixture
def now() -> Hand:
    return Hand()


@pytest.fixture
def auth(tmp_path: Path, now: Hand) -> Iterator[Flask]:
    """Auth and the cinema as the portal mounts them; the portal itself is a blank page."""
    app = new_auth(tmp_path, now)
    service = service_of(app)
    yield app
    service.store.close()


@pytest.fixture
def town(auth: Flask, now: Hand) -> Flask:
    service = service_of(auth)
    door = Door(
        key=service.issuer.public_pem,
        issuer=ISSUER,
        audience=AUDIENCE,
        cookie_name=COOKIE,
        is_current=service.is_current,
        now=now,
    )
    town = Flask("town", static_folder=None)
    town.add_url_rule("/", "plans", lambda: "plans")
    town.wsgi_app = DispatcherMiddleware(  # type: ignore[method-assign]  # Flask's own way
        town.wsgi_app, {"/auth": auth, "/cinema": create_cinema(door)}
    )
    return town


@pytest.fixture
def client(town: Flask) -> FlaskClient:
    return town.test_client()
