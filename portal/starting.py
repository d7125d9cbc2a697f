"""What a process does before it works on the rows: they must be this installation's own."""

from __future__ import annotations

from portal import logs
from portal.config import Misconfigured
from portal.services import premises


def begin() -> None:
    """In the context of the application. Raises Misconfigured."""
    enter()
    logs.setup()


def enter() -> None:
    """Raises Misconfigured with one line that says what to do."""
    try:
        premises.enter()
    except premises.NotOurs as error:
        raise Misconfigured(str(error), passes=isinstance(error, premises.NotReady)) from None
