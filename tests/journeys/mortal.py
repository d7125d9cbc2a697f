"""Processes that do one piece of the portal's work, forked from a clean process that stays warm."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Mapping
from datetime import datetime
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from flask import current_app

from portal import runtime
from portal.app import create_app
from portal.demo.sandbox import payments
from portal.demo.sandbox.app import Sandbox
from portal.domain.outcome import Outcome
from portal.providers.port import Answer, ChargeOrder
from portal.services import renew
from tests.world import StandingClock

ENDS_WITHIN = 120.0  # seconds on a busy machine

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload([__name__])


def start(environ: Mapping[str, str], at: datetime, work: Callable[..., Any], *given: Any) -> BaseProcess:
    """A process that calls `work` in an application made from `environ` alone, for which it is always `at`."""
    process = _context.Process(target=_live, args=(dict(environ), at, work, *given), daemon=True)
    process.start()
    return process


def ended(process: BaseProcess, within: float = ENDS_WITHIN) -> int:
    """Waits for its end; answers its exit code."""
    process.join(within)
    if process.exitcode is None:
        process.kill()
        process.join()
        raise AssertionError(f"still running after {within:g} s")
    return process.exitcode


def _live(environ: dict[str, str], at: datetime, work: Callable[..., Any], *given: Any) -> None:
    os.environ.clear()
    os.environ.update(environ)
    app = create_app(clock=StandingClock(at))  # type: ignore[arg-type]  # it tells the time, as a Clock does
    with app.app_context():
        work(*given)


# What may be asked of them


def renew_and_count(file: Path) -> None:
    """At a till that keeps up with 2,000 customers; `file` gets their number."""
    sandbox: Sandbox = current_app.extensions["matinee_sandbox"]
    current_app.extensions[runtime.KEY].providers = {"sandbox": Till(sandbox)}
    file.write_text(str(renew.run_once()))


class Till:
    """Charges straight into the sandbox's book and knows no idempotency: whoever charges twice is found out."""

    name = "sandbox"

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def charge(self, order: ChargeOrder) -> Answer:
        paid = {"reference": order.reference, "amount": order.amount.minor, "currency": order.amount.currency}
        known = {"description": order.description, "user_id": "", "save_method": False, "taken": order.amount.minor}
        with self._sandbox.book.write() as connection:
            payment = payments.create(connection, self._sandbox.now(), "succeeded", **paid, **known)
        return Answer(Outcome.succeeded, provider_ref=payment.id, amount=order.amount)
