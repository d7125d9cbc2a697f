"""Processes that do one piece of the portal's work and may die of it, forked from a clean process that stays warm."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from portal.app import create_app
from portal.domain.money import Money
from portal.domain.user import Person
from portal.services import refund, renew

ENDS_WITHIN = 120.0  # seconds on a busy machine
KILLED = -signal.SIGKILL

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload([__name__])


def process(environ: Mapping[str, str], work: Callable[..., Any], *given: Any) -> multiprocessing.process.BaseProcess:
    """A started process that calls `work` in an application made from `environ` alone."""
    made = _context.Process(target=_live, args=(dict(environ), work, *given), daemon=True)
    made.start()
    return made


def run(environ: Mapping[str, str], work: Callable[..., Any], *given: Any) -> int:
    """Waits for its end; answers its exit code, KILLED where it died of SIGKILL."""
    made = process(environ, work, *given)
    return ended(made)


def ended(made: multiprocessing.process.BaseProcess) -> int:
    made.join(ENDS_WITHIN)
    if made.exitcode is None:
        made.kill()
        made.join()
        raise AssertionError(f"still running after {ENDS_WITHIN:g} s")
    return made.exitcode


def _live(environ: dict[str, str], work: Callable[..., Any], *given: Any) -> None:
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(Path(__file__).parents[2])
    app = create_app()
    with app.app_context():
        work(*given)


# What may be asked of them


def renew_all() -> None:
    renew.run_once()


def ask_money_back(login: str, invoice_id: UUID, minor: int, currency: str) -> None:
    refund.request(Person(login), invoice_id, Money(minor, currency), None)


def command(*arguments: str) -> None:
    """A `flask` command."""
    from flask import current_app

    done = current_app.test_cli_runner().invoke(args=arguments)
    assert done.exit_code == 0, done.output
