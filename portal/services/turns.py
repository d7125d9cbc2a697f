"""The turns of a loop: until it is told to stop, and not while somebody travels through time."""

from __future__ import annotations

import threading
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

from portal.services.clock import somebody_travels

LOOK_AGAIN = 0.25  # seconds


class Turns(threading.Event):
    """Set when the loop shall stop. Asked at each turn, it answers when nobody travels; `beat` shows life meanwhile."""

    def __init__(self, beat: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self._beat = beat

    def is_set(self) -> bool:
        while not super().is_set() and _hold():
            self._beat()
            self.wait(LOOK_AGAIN)
        return super().is_set()


def _hold() -> bool:
    """A database that is away is for the loop itself to wait for, and to tell of."""
    try:
        return somebody_travels()
    except SQLAlchemyError:
        return False
