"""Keeps a handful of processes running: starts them, restarts the fallen, leaves none behind.

One thread, no polling: it sleeps until a signal (a child's end is one) or the next moment something is due.
Each child leads a process group of its own, so Ctrl-C reaches this process only, and it decides the order.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

ROOT = Path(__file__).parents[2]
BACKOFF = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)  # seconds before each further restart
STEADY_AFTER = 30.0  # seconds a child must live for its earlier falls to be forgiven
KILL_AFTER = 10.0  # seconds between asking and insisting
LOG_LIMIT = 5_000_000  # bytes; a longer log is set aside at the start
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Command:
    name: str
    argv: tuple[str, ...]


@dataclass
class Child:
    """One process that should run. Times are `time.monotonic()` seconds."""

    command: Command
    log: Path
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    falls: int = 0
    due_at: float | None = 0.0  # when to start it; None while it runs

    def fell(self, now: float) -> float:
        """Books the next start and answers how many seconds away it is."""
        if now - self.started_at >= STEADY_AFTER:
            self.falls = 0
        delay = BACKOFF[min(self.falls, len(BACKOFF) - 1)]
        self.falls += 1
        self.due_at = now + delay
        return delay

    def send(self, number: signal.Signals) -> None:
        """To the whole process group; it may hold nobody but a finished process, which is no error."""
        if self.process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, number)

    def ended(self) -> bool:
        """Looks without reaping: until it is reaped its id cannot be given to anybody else."""
        if self.process is None:
            return False
        return os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def bury(self) -> int:
        """Waits for its end, kills what its process group still holds, reaps it and answers its exit code."""
        if self.process is None:
            raise ValueError(f"{self.command.name} is not running")
        os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT)
        self.send(signal.SIGKILL)
        code = self.process.wait()
        self.process = None
        return code

    def last_line(self) -> str:
        with suppress(OSError):
            lines = self.log.read_bytes()[-4000:].decode(errors="replace").strip().splitlines()
            return lines[-1].strip()[:160] if lines else ""
        return ""


def _die_with_parent() -> Callable[[], None] | None:
    """On Linux the kernel kills a child whose supervisor was killed; elsewhere there is no such promise."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up before the fork: after it only the calls themselves are safe
    parent = os.getpid()

    def ask_the_kernel() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return ask_the_kernel


class Supervisor:
    """Use as a context manager: leaving it stops every child, whatever happened inside.

    `say(name, text)` shows one line about a child; what the children themselves print goes to `logs/<name>.log`.
    """

    def __init__(
        self,
        commands: Sequence[Command],
        logs: Path,
        say: Callable[[str, str], None],
        *,
        environ: Mapping[str, str] | None = None,
        kill_after: float = KILL_AFTER,
    ) -> None:
        self.children = [Child(command, logs / f"{command.name}.log") for command in commands]
        self.stop_requests = 0
        self._say = say
        self._environ = {**os.environ, **(environ or {}), "PYTHONUNBUFFERED": "1"}
        self._kill_after = kill_after
        self._bell, self._button = socket.socketpair()
        self._before_exec = _die_with_parent()
        logs.mkdir(parents=True, exist_ok=True)
        for child in self.children:
            if child.log.exists() and child.log.stat().st_size > LOG_LIMIT:
                child.log.replace(child.log.with_suffix(".old.log"))

    def __enter__(self) -> Self:
        """Signals are this process's from here on, and stay so: the supervisor is the last thing it does."""
        self._bell.setblocking(False)
        self._button.setblocking(False)
        signal.set_wakeup_fd(self._button.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._asked_to_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _asked_to_stop(self, *_: object) -> None:
        self.stop_requests += 1

    def run_once(self, timeout: float | None = None) -> None:
        """Starts what is due, sleeps until a signal, the next start or `timeout` seconds, then buries the dead."""
        for child in self.children:
            if child.due_at is not None and child.due_at <= time.monotonic():
                self._start(child)
        waits = [child.due_at - time.monotonic() for child in self.children if child.due_at is not None]
        self._sleep(min([*waits, *([] if timeout is None else [timeout])], default=None))
        for child in self._ended():
            code = child.bury()
            if not self.stop_requests:
                self._restart(child, code)

    def stop(self) -> None:
        """TERM to all; KILL to those left after `kill_after` seconds or a second Ctrl-C. Returns when none is left."""
        self.stop_requests = max(self.stop_requests, 1)
        for child in self._running():
            child.send(signal.SIGTERM)
        deadline = time.monotonic() + self._kill_after
        while self._running() and self.stop_requests < 2 and time.monotonic() < deadline:
            for child in self._ended():
                child.bury()
            if self._running():
                self._sleep(deadline - time.monotonic())
        for child in self._running():
            self._say(child.command.name, "did not stop in time and was killed")
            child.send(signal.SIGKILL)
            child.bury()

    def _start(self, child: Child) -> None:
        with child.log.open("ab") as log:
            child.process = subprocess.Popen(  # noqa: S603  # the caller's own list of commands, no shell
                child.command.argv,
                cwd=ROOT,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,
                preexec_fn=self._before_exec,
            )
        child.started_at, child.due_at = time.monotonic(), None

    def _restart(self, child: Child, code: int) -> None:
        how = f"exit {code}" if code >= 0 else signal.Signals(-code).name
        delay = child.fell(time.monotonic())
        self._say(child.command.name, f"stopped ({how}), restarting in {delay:.0f} s; see {child.log}")
        if code and (line := child.last_line()):
            self._say(child.command.name, line)

    def _running(self) -> list[Child]:
        return [child for child in self.children if child.process is not None]

    def _ended(self) -> list[Child]:
        return [child for child in self._running() if child.ended()]

    def _sleep(self, seconds: float | None) -> None:
        select.select([self._bell], [], [], None if seconds is None else max(0.0, seconds))
        with suppress(BlockingIOError):
            self._bell.recv(4096)
