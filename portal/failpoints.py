"""Named places where a process may die between two effects. Off, unless FAILPOINTS names them; never in production.

`FAILPOINTS=charge.answered:kill` ends the process there as SIGKILL would; `charge.answered:raise` raises Failpoint;
`charge.answered:kill:3` does so at the third passage. Several are separated by commas.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable, Mapping

# By the file that passes them; docs/quality.md says of each what has happened there and what has not.
PLACES: Mapping[str, tuple[str, ...]] = {
    "db/session.py": ("commit.written", "commit.done"),
    "services/buy.py": ("buy.ordered",),
    "services/collect.py": (
        "checkout.intended",
        "checkout.answered",
        "checkout.settled",
        "checkout.closed",
        "charge.stamped",
        "charge.answered",
        "charge.settled",
    ),
    "services/settle.py": ("settle.recorded", "settle_refund.recorded"),
    "services/ask.py": ("ask.answered", "ask.settled", "ask_refund.answered", "ask_refund.settled"),
    "services/renew.py": ("renew.claimed", "renew.recorded", "renew.intended"),
    "services/one_by_one.py": ("batch.between",),
    "services/refund.py": ("refund.reserved",),
    "services/operator_refunds.py": ("refund.reserved",),
    "services/operator_cancel.py": ("refund.reserved",),
    "services/give_back.py": ("refund.stamped", "refund.answered", "refund.settled"),
    "services/disputes.py": ("money_back.answered", "money_back.settled"),
    "services/change_plan.py": ("change.intended",),
    "services/save_method.py": ("setup.intended", "setup.answered", "setup.settled", "ask_setup.answered"),
    "services/methods.py": ("method.removed", "detach.answered"),
    "services/close_invoice.py": ("invoice.page_closed",),
    "services/ask_again.py": ("ask_again.logged",),
    "services/ledger.py": ("recognise.booked",),
    "services/inbox.py": ("webhook.stored", "inbox.taken", "inbox.applied", "inbox.finished"),
    "outbox/relay.py": ("relay.read", "relay.confirmed", "relay.marked"),
    "outbox/http.py": ("relay.between",),
    "outbox/pipeline.py": ("relay.between",),
    "web/api/idempotency.py": ("key.taken", "reply.made", "reply.kept"),
    "web/edge.py": ("reply.ready",),
    "demo/auth/consumer.py": ("consumer.received", "consumer.committed", "consumer.acked"),
    "demo/auth/store.py": ("consumer.written",),
}
NAMES = frozenset(name for names in PLACES.values() for name in names)


class Failpoint(BaseException):
    """Not an Exception: nothing that is meant to catch mishaps catches it."""


_armed: dict[str, tuple[str, int]] = {}
_passed: Counter[str] = Counter()
_hook: Callable[[str], None] | None = None


def arm(plan: str) -> None:
    """Replace what is armed. Raises ValueError for a plan that cannot be read."""
    read = dict(_entry(part.strip()) for part in plan.split(",") if part.strip())
    _armed.clear()
    _passed.clear()
    _armed.update(read)


def on_passage(hook: Callable[[str], None] | None) -> None:
    """Call `hook` with the name at each passage, armed or not; it may raise Failpoint. None: no more."""
    global _hook
    _hook = hook


def reached(name: str) -> None:
    """The process is at this place now."""
    if _hook is not None:
        _hook(name)
    if name in _armed:
        _pass(name)


def _pass(name: str) -> None:
    _passed[name] += 1
    action, nth = _armed[name]
    if _passed[name] != nth:
        return
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    raise Failpoint(name)


def _entry(entry: str) -> tuple[str, tuple[str, int]]:
    name, _, rest = entry.partition(":")
    action, _, nth = rest.partition(":")
    if name not in NAMES:
        raise ValueError(f"no place is called {name!r}; there are {', '.join(sorted(NAMES))}")
    if action not in ("kill", "raise"):
        raise ValueError(f"a failpoint kills or raises: {entry!r}")
    if nth and not (nth.isdecimal() and int(nth)):
        raise ValueError(f"passages are counted from 1: {entry!r}")
    return name, (action, int(nth or 1))
