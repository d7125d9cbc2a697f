"""What belongs to the running application: its clock, policy, settings, payment systems, and its way to Auth."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from flask import current_app
from werkzeug.local import LocalProxy

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from portal.clock import Clock
    from portal.config import Settings
    from portal.domain.policy import Policy
    from portal.providers.port import Provider

KEY = "matinee"


class Runtime:
    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        providers: Mapping[str, Provider],
        to_auth: httpx.BaseTransport | None = None,  # none: over the network
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.policy = settings.policy()
        self.providers = providers
        self.to_auth = to_auth


def _current() -> Runtime:
    return cast(Runtime, current_app.extensions[KEY])


def to_auth() -> httpx.BaseTransport | None:
    return _current().to_auth


settings = cast("Settings", LocalProxy(lambda: _current().settings))
clock = cast("Clock", LocalProxy(lambda: _current().clock))
policy = cast("Policy", LocalProxy(lambda: _current().policy))
providers = cast("Mapping[str, Provider]", LocalProxy(lambda: _current().providers))
