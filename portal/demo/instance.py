"""DATA_DIR: held by one running demo at a time, and forgotten only when it is certainly ours."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK = "demo.lock"
MARKS = (LOCK, "portal.db")


class Held(Exception):
    """Another demo runs on this directory."""


@contextmanager
def held(data: Path) -> Iterator[None]:
    """Keeps the directory for this process; the system lets go of it even when the process is killed. Raises Held."""
    with (data / LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Held(f"a demo already runs on {data}: stop it first, or set DATA_DIR to another directory") from None
        yield


def forget(data: Path) -> str:
    """Deletes the directory, answers what was done. Raises Held, or ValueError where it is not a demo's directory."""
    if not data.exists():
        return f"{data} does not exist: nothing to forget"
    if data.is_symlink() or not any((data / mark).is_file() for mark in MARKS):
        raise ValueError(f"{data} does not look like a demo's directory (no {' or '.join(MARKS)}): left alone")
    with held(data):
        shutil.rmtree(data)
    return f"{data} is forgotten"
