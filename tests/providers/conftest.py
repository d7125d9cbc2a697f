"""A portal with two payment systems: the sandbox, and one that an installed package brought."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.wrappers import Response

from portal.services import audit
from tests.demo.sandbox.receiver import served
from tests.providers.installing import PaymentSystem, install, on_path
from tests.world import World


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the package lies."""
    return install(tmp_path_factory.mktemp("installed"))


@pytest.fixture
def paywave(tmp_path: Path, installed: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PaymentSystem]:
    """The payment system of the package, which is installed and set up, but not switched on."""
    server = DispatcherMiddleware(Response(status=404))
    with served(server) as url, on_path(installed, "paywave"):
        system = PaymentSystem(tmp_path, f"{url}/paywave")
        server.mounts = {"/paywave": system.app}
        for name, value in system.environment.items():
            monkeypatch.setenv(name, value)
        yield system
        system.close()


@pytest.fixture
def both(make_world: Callable[..., World], paywave: PaymentSystem) -> Iterator[World]:
    """Both are switched on; the sandbox is the first. Whatever happens, the rows agree with both books in the end."""
    world = make_world(payment_providers="sandbox, paywave")
    paywave.world = world
    world.seed()
    yield world
    with world.app.app_context():
        assert list(audit.violations(provider=audit.Books())) == []
