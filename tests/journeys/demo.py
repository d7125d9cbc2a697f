"""The demo as `make demo` runs it: its own directory, its own port, every process of it a real one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from portal.config import Settings
from portal.demo.processes import is_ready
from tests.journeys.waiting import free_port, until

ROOT = Path(__file__).parents[2]
STARTS_WITHIN = 120.0  # seconds on a busy machine
STOPS_WITHIN = 30.0
MARKS = {"web": "wsgi:app", "worker": "tasks.huey"}  # in the command line; of the others it is their name


class Demo:
    """`environ` adds to the demo's settings; what is not set there is the embedded default."""

    def __init__(self, folder: Path, **environ: str) -> None:
        self.port = free_port()
        self.origin = f"http://127.0.0.1:{self.port}"
        self.data = folder / "instance"
        self.environ = environment(
            folder, APP_ENV="demo", PORT=str(self.port), PUBLIC_URL=self.origin, DATA_DIR=str(self.data), **environ
        )
        self.screen = folder / "screen.log"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def settings(self) -> Settings:
        return Settings(_env_file=None, **{k.lower(): v for k, v in self.environ.items() if k in OURS})  # type: ignore[arg-type]  # pydantic reads text

    def start(self) -> None:
        """Migrate, seed, run; returns once /readyz says so."""
        self.flask("db", "upgrade")
        self.flask("seed-demo", "--plans-only")
        with self.screen.open("ab") as screen:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "portal.demo.processes", "run"],
                cwd=ROOT,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=screen,
                stderr=subprocess.STDOUT,
                process_group=0,
            )
        until(self._is_ready, STARTS_WITHIN, f"the demo is ready; {self.screen} says why not", every=0.25)

    def _is_ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.screen.read_text()
        return is_ready(self.port)

    def stop(self) -> None:
        """Nothing of it is left afterwards: a child that outlives the supervisor is an error."""
        if self.process is None:
            return
        pids = list(self.pids().values())
        self.process.terminate()
        try:
            self.process.wait(STOPS_WITHIN)
        finally:
            self.process.kill()
            self.process.wait(STOPS_WITHIN)
        assert [pid for pid in pids if runs(pid)] == []

    def flask(self, *arguments: str) -> str:
        """One `flask` command with the demo's settings; answers its stdout."""
        argv = [str(Path(sys.executable).with_name("flask")), "--app", "wsgi", *arguments]
        done = subprocess.run(
            argv, cwd=ROOT, env=self.environ, capture_output=True, text=True, timeout=STARTS_WITHIN, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def pids(self) -> dict[str, int]:
        """The running children by name."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        names = ("web", "worker", "relay", "inbox", "deliver-webhooks", "auth-consumer")
        lines = {int(pid): command_line(int(pid)) for pid in children}
        return {name: pid for pid, line in lines.items() for name in names if MARKS.get(name, name) in line}

    def kill(self, name: str) -> int:
        """SIGKILL; answers the id that is gone."""
        pid = until(lambda: self.pids().get(name, 0), STARTS_WITHIN, f"{name} runs")
        os.kill(pid, signal.SIGKILL)
        return pid

    def is_back(self, name: str, killed: int) -> bool:
        return self.pids().get(name, killed) != killed

    def rows(self, query: str, database: str = "database", **values: object) -> list[dict[str, Any]]:
        """By SQL of the test's own, from `database`, `auth_database` or `sandbox_database` of the settings."""
        return rows(getattr(self.settings, database), query, **values)


def rows(url: str, query: str, **values: object) -> list[dict[str, Any]]:
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            answer = connection.execute(text(query), values)
            return [dict(row) for row in answer.mappings()] if answer.returns_rows else []
    finally:
        engine.dispose()


OURS = {name.upper() for name in Settings.model_fields}


def environment(folder: Path, **given: str) -> Mapping[str, str]:
    """What a process of ours is started with: none of the caller's settings, and none of the tests'."""
    kept = {name: value for name, value in os.environ.items() if name not in OURS}
    blank = dict.fromkeys(("DATABASE_URL", "QUEUE_URL", "AMQP_URL", "PUBLIC_URL", "FAILPOINTS"), "")
    if kept.pop("PYTHONDONTWRITEBYTECODE", None):
        # Six processes compile everything once and not six times, and still leave nothing in the checkout.
        kept["PYTHONPYCACHEPREFIX"] = str(folder.parent / "bytecode")
    return kept | blank | given


def command_line(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    except FileNotFoundError:
        return []


def runs(pid: int) -> bool:
    return any(command_line(pid))
