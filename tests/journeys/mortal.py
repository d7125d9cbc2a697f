"""Processes that do one piece of the portal's work and may die of it, forked from a clean process that stays warm."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any
from uuid import UUID

from flask import current_app

from portal.app import create_app
from portal.domain.money import Money
from portal.domain.user import Person
from portal.services import refund, renew

ENDS_WITHIN = 120.0  # seconds on a busy machine
KILLED = -signal.SIGKILL

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload([__name__])


def start(environ: Mapping[str, str], work: Callable[..., Any], *given: Any) -> BaseProcess:
    """A process that calls `work` in an application made from `environ` alone."""
    process = _context.Process(target=_live, args=(dict(environ), work, *given), daemon=True)
    process.start()
    return process


def ended(process: BaseProcess) -> int:
    """Waits for its end; answers its exit code, KILLED where it died of SIGKILL."""
    process.join(ENDS_WITHIN)
    if process.exitcode is None:
        process.kill()
        process.join()
        raise AssertionError(f"still running after {ENDS_WITHIN:g} s")
    return process.exitcode


def _live(environ: dict[str, str], work: Callable[..., Any], *given: Any) -> None:
    os.environ.clear()
    os.environ.update(environ)
    app = create_app()
    with app.app_context():
        work(*given)


# What may be asked of them


def command(*arguments: str) -> None:
    """A `flask` command."""
    done = current_app.test_cli_runner().invoke(args=arguments)
    assert done.exit_code == 0, done.output


def renew_and_count(file: Path) -> None:
    file.write_text(str(renew.run_once()))


def ask_money_back(login: str, invoice_id: UUID, amount: Money) -> None:
    refund.request(Person(login), invoice_id, amount, None)
