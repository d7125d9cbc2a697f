"""A PostgreSQL cluster of the tests' own: it may be killed, and its databases are copies of one that is ready."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import psycopg

from tests.journeys.waiting import free_port, until

OWNER = "postgres"  # the server refuses to run as root
STARTS_WITHIN = 60.0  # seconds on a busy machine
SETTINGS = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{folder}'
shared_buffers = '32MB'
max_connections = 60
autovacuum = off
"""


class Cluster:
    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="matinee-cluster-"))
        self.port = free_port()
        self._data = self.folder / "data"
        if os.geteuid() == 0:
            shutil.chown(self.folder, OWNER)
        self._run("initdb", "--pgdata", str(self._data), "--username", OWNER, "--auth", "trust", "--no-sync")
        with (self._data / "postgresql.conf").open("a") as settings:
            settings.write(SETTINGS.format(port=self.port, folder=self.folder))

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{OWNER}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Also after the postmaster was killed: for about a second its orphans keep a new one from starting."""
        until(self._starts, STARTS_WITHIN, f"PostgreSQL starts; {self.folder / 'log'} says why not", every=0.25)

    def _starts(self) -> bool:
        return self._run("pg_ctl", "start", "-w", "-D", str(self._data), "-l", str(self.folder / "log"), check=False)

    def recover(self) -> None:
        """As from a backup: the log is replayed to its end, and from there on it is another timeline."""
        self._run("pg_ctl", "stop", "-w", "-m", "fast", "-D", str(self._data))
        signal = self._data / "recovery.signal"
        signal.touch()
        if os.geteuid() == 0:
            shutil.chown(signal, OWNER)
        with (self._data / "postgresql.conf").open("a") as settings:
            settings.write("restore_command = 'false'\n")
        self.start()
        until(self._writes, STARTS_WITHIN, "recovery is over", every=0.05)

    def _writes(self) -> bool:
        with psycopg.connect(self.url()) as connection:
            found = connection.execute("SELECT NOT pg_is_in_recovery()").fetchone()
        return bool(found and found[0])

    def postmaster(self) -> int:
        return int((self._data / "postmaster.pid").read_text().split()[0])

    def a_backend(self) -> int:
        """The process that serves a connection of ours, held open until the next one is asked for."""
        self._held = psycopg.connect(self.url(), autocommit=True)
        return self._held.info.backend_pid

    def revive(self) -> None:
        """Start it where its postmaster is gone."""
        if not runs(self.postmaster()):
            self.start()

    def answers(self) -> bool:
        try:
            with psycopg.connect(self.url(), connect_timeout=2):
                return True
        except psycopg.OperationalError:
            return False

    def forget(self) -> None:
        self._run("pg_ctl", "stop", "-m", "immediate", "-D", str(self._data), check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def sql(self, *statements: str) -> None:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)  # type: ignore[arg-type]  # built from our own names

    def copy(self, database: str, template: str) -> None:
        """Whoever is still in there is thrown out."""
        self.sql(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)", f"CREATE DATABASE {database} TEMPLATE {template}")

    def _run(self, program: str, *arguments: str, check: bool = True) -> bool:
        lowered = ["setpriv", f"--reuid={OWNER}", f"--regid={OWNER}", "--clear-groups"] if os.geteuid() == 0 else []
        argv = [*lowered, str(binary(program)), *arguments]
        done = subprocess.run(argv, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
        assert done.returncode == 0 or not check, done.stderr.decode()
        return done.returncode == 0


def runs(pid: int) -> bool:
    """Not a zombie, which its parent has yet to notice."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def binary(program: str) -> Path:
    """Debian keeps those that are no client's business out of the PATH."""
    found = [
        *sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}")),
        *map(Path, filter(None, [shutil.which(program)])),
    ]
    assert found, f"{program} is needed: install the PostgreSQL server (`make services` does it on Debian)"
    return found[0]
