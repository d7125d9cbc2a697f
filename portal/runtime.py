"""What belongs to the running application: its clock, its policy, its settings, its payment systems."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from flask import current_app
from werkzeug.local import LocalProxy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from portal.clock import Clock
    from portal.config import Settings
    from portal.domain.policy import Policy
    from portal.providers.port import Provider

KEY = "matinee"


class Runtime:
    def __init__(self, settings: Settings, clock: Clock, providers: Mapping[str, Provider]) -> None:
        self.settings = settings
        self.clock = clock
        self.policy = settings.policy()
        self.providers = providers


def _current() -> Runtime:
    return cast(Runtime, current_app.extensions[KEY])


settings = cast("Settings", LocalProxy(lambda: _current().settings))
clock = cast("Clock", LocalProxy(lambda: _current().clock))
policy = cast("Policy", LocalProxy(lambda: _current().policy))
providers = cast("Mapping[str, Provider]", LocalProxy(lambda: _current().providers))
