"""Waiting for something that other processes bring about: always with an end, and never longer than it takes."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from threading import Event
from typing import TypeVar

T = TypeVar("T")
OURS = random.SystemRandom()  # each worker draws others


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
    """Below those that the system gives to outgoing connections: one of these may not be had again after a restart."""
    while True:
        port = OURS.randrange(15_000, 32_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
