"""Every answer that a test of the API gets is held against the document."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

import pytest

from tests.web.api.promised import Promise, promising_client
from tests.world import Caller, World

SERVICE_TOKEN = "cinema-test-token"


@pytest.fixture
def make_world(make_world: Callable[..., World]) -> Callable[..., World]:
    def make(**settings: object) -> World:
        tokens = f"cinema:{sha256(SERVICE_TOKEN.encode()).hexdigest()}"
        world = make_world(**{"service_tokens": tokens, **settings})
        world.app.test_client_class = promising_client(Promise(world.app))
        return world

    return make


@pytest.fixture
def alice(world: World) -> Caller:
    return world.sign_in("alice")


@pytest.fixture
def boris(world: World) -> Caller:
    return world.sign_in("boris")


@pytest.fixture
def service(world: World) -> Caller:
    return Caller(world.app.test_client(), SERVICE_TOKEN)
