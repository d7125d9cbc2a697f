"""Waiting for something that other processes bring about: always with an end, and never longer than it takes."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from threading import Event
from typing import TypeVar

T = TypeVar("T")


class NotInTime(AssertionError):
    """What was waited for did not come."""


def until(look: Callable[[], T], seconds: float, what: str, *, every: float = 0.05) -> T:
    """The first answer of `look` that is true. Raises NotInTime with `what` and the last answer."""
    deadline, pause = time.monotonic() + seconds, Event()
    while not (found := look()):
        if time.monotonic() > deadline:
            raise NotInTime(f"not within {seconds:g} s: {what} (last seen: {found!r})")
        pause.wait(every)
    return found


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
