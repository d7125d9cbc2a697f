"""Processes of the portal, forked from one that has the application ready: each works once, and may die of it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from flask import Flask

from portal import failpoints, runtime
from portal.app import create_app
from portal.db.session import db
from portal.demo.auth.app import service_of
from tests.world import StandingClock

ENDS_WITHIN = 120.0  # seconds on a busy machine
KILLED = -signal.SIGKILL

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload([__name__])


class Nursery:
    def __init__(self, environ: Mapping[str, str], folder: Path) -> None:
        """`folder` is where processes leave what they died of, where it was not on purpose."""
        self._folder = folder
        self._pipe, theirs = _context.Pipe()
        self._process = _context.Process(target=_hatch, args=(dict(environ), theirs, folder), daemon=True)
        self._process.start()
        theirs.close()

    def start(self, at: datetime, plan: str, settings: Mapping[str, str], work: Callable[..., Any], *given: Any) -> int:
        """A process that calls `work` with the failpoints of `plan`, for which it is always `at`. Answers its id."""
        self._pipe.send(("start", at, plan, dict(settings), work, given))
        return int(self._pipe.recv())

    def warm(self, work: Callable[[], None]) -> None:
        """What the mother has done once, her children do without thinking: compiled queries, loaded templates."""
        self._pipe.send(("warm", work))
        wrong = self._pipe.recv()
        assert wrong is None, wrong

    def ended(self, pid: int, within: float = ENDS_WITHIN) -> int:
        """Waits for its end; answers its exit code, KILLED where it died of SIGKILL."""
        self._pipe.send(("end", pid, within))
        code = self._pipe.recv()
        assert code is not None, f"still running after {within:g} s"
        left = self._folder / f"{pid}.txt"
        assert not left.exists(), left.read_text()
        return int(code)

    def close(self) -> None:
        self._pipe.close()
        self._process.join(30)
        self._process.kill()


def _hatch(environ: dict[str, str], pipe: Connection, folder: Path) -> None:
    os.environ.clear()
    os.environ.update(environ)
    clock = StandingClock()
    app = create_app(clock=clock)  # type: ignore[arg-type]  # it tells the time, as a Clock does
    _close_pools(app)
    alive: set[int] = set()
    while True:
        try:
            asked, *given = pipe.recv()
        except EOFError:
            for pid in alive:
                os.kill(pid, signal.SIGKILL)
            return
        if asked == "start":
            clock.at = given[0]
            pid = os.fork() or _live(app, folder, *given[1:])
            alive.add(pid)
            pipe.send(pid)
        elif asked == "warm":
            pipe.send(_warmed(app, *given))
        else:
            pipe.send(_ended(*given))
            alive.discard(given[0])


def _warmed(app: Flask, work: Callable[[], None]) -> str | None:
    try:
        with app.app_context():
            work()
            db.session.remove()
        _close_pools(app)
    except Exception:
        return traceback.format_exc()
    return None


def _close_pools(app: Flask) -> None:
    """A connection must not be shared by two processes."""
    with app.app_context():
        db.engine.dispose()
    app.extensions["matinee_sandbox"].book.close()
    service_of(app.wsgi_app.mounts["/auth"]).store.close()  # type: ignore[attr-defined]  # the dispatcher's


def _live(app: Flask, folder: Path, plan: str, settings: dict[str, str], work: Callable[..., Any], given: Any) -> int:
    """Never returns."""
    try:
        mine = app.extensions[runtime.KEY]
        mine.settings = mine.settings.model_copy(update=settings)
        failpoints.arm(plan)
        with app.app_context():
            work(*given)
        os._exit(0)
    except BaseException:
        (folder / f"{os.getpid()}.txt").write_text(traceback.format_exc())
        os._exit(1)


def _ended(pid: int, within: float) -> int | None:
    until, pause = time.monotonic() + within, threading.Event()
    while time.monotonic() < until:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        pause.wait(0.01)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None
