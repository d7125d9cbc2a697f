"""Named places where a process may die between two effects. Off, unless FAILPOINTS names them; never in production.

`FAILPOINTS=charge.answered:kill` ends the process there as SIGKILL would; `charge.answered:raise` raises Failpoint;
`charge.answered:kill:3` does so at the third passage. Several are separated by commas.
"""

from __future__ import annotations

import os
import signal
from collections import Counter


class Failpoint(BaseException):
    """Not an Exception: nothing that is meant to catch mishaps catches it."""


_armed: dict[str, tuple[str, int]] = {}
_passed: Counter[str] = Counter()


def arm(plan: str) -> None:
    """Replace what is armed. Raises ValueError for a plan that cannot be read."""
    _armed.clear()
    _passed.clear()
    for entry in filter(None, (part.strip() for part in plan.split(","))):
        name, _, rest = entry.partition(":")
        action, _, nth = rest.partition(":")
        if action not in ("kill", "raise"):
            raise ValueError(f"a failpoint kills or raises: {entry!r}")
        _armed[name] = (action, int(nth or 1))


def reached(name: str) -> None:
    """The process is at this place now."""
    if not _armed or name not in _armed:
        return
    _passed[name] += 1
    action, nth = _armed[name]
    if _passed[name] != nth:
        return
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    raise Failpoint(name)
