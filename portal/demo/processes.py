"""What `make demo` keeps running, and what it says on the screen.

`python -m portal.demo.processes [run | check | forget]`: run until Ctrl-C; only look whether it could run; delete
DATA_DIR. Exit 2 with one sentence where it cannot.
"""

from __future__ import annotations

import argparse
import http.client
import socket
import sys
import time
from collections.abc import Callable, Sequence
from itertools import cycle
from pathlib import Path

from portal.config import Settings, load_settings
from portal.demo.instance import Held, forget, held
from portal.demo.supervisor import Command, Supervisor

HOST = "127.0.0.1"
PATIENCE = 60.0  # seconds before the wait for /readyz is called unusual
COLOURS = (36, 33, 35, 32, 34, 31)  # of the children's names on a terminal

ADDRESSES = (("Plans", "/"), ("Sign in", "/auth/login"), ("Cabinet", "/cabinet"), ("Back office", "/admin/"))
CUSTOMERS = "alice  boris  clara"
WITH_A_PAST = "anna (renews), rita (was declined), timur (suspended), sasha (cancelled), tamara (wants money back) ..."
OPERATORS = "admin  finance  finance2  product  support  viewer"


def commands(settings: Settings, bin_dir: Path = Path(sys.executable).parent) -> list[Command]:
    """What a demo consists of, in starting order. The worker is the one scheduler: there must not be two."""

    def flask(name: str) -> Command:
        return Command(name, (str(bin_dir / "flask"), "--app", "wsgi", name))

    web = f"wsgi:app --bind {HOST}:{settings.port} --worker-class gthread --workers 1 --threads 16 --graceful-timeout 5"
    worker = "tasks.huey --worker-type thread --workers 4 --max-delay 0.5 --graceful-signal TERM --shutdown-timeout 5"
    listed = [
        Command("web", (str(bin_dir / "gunicorn"), *web.split(), "--no-control-socket")),
        Command("worker", (str(bin_dir / "huey_consumer"), *worker.split())),
        flask("relay"),
        flask("inbox"),
        flask("deliver-webhooks"),
    ]
    return [*listed, flask("auth-consumer")] if settings.amqp_url else listed


def refusal(settings: Settings) -> str | None:
    """Why the demo cannot start here, in one sentence."""
    if not settings.pretends:
        return "the demo only pretends to take money: unset APP_ENV to run it"
    if not _is_free(settings.port):
        return f"port {settings.port} is in use or not ours to open: set PORT, as in `make demo PORT=8001`"
    return None


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def welcome(settings: Settings) -> str:
    addresses = [f"  {label:<11} {settings.origin}{path}" for label, path in ADDRESSES]
    return "\n".join(
        [
            "",
            f"{settings.brand_name} is open.",
            "",
            *addresses,
            "",
            f"  customers  {CUSTOMERS}",
            f"             {WITH_A_PAST}",
            f"  operators  {OPERATORS}",
            "  Signing in takes a name, no password. A card that pays: 4242 4242 4242 4242, any future date, any code.",
            "",
            f"  Logs are in {settings.data_dir / 'logs'}. Ctrl-C stops everything and keeps the data;",
            "  `make reset` forgets it.",
            "",
        ]
    )


def speaker(names: Sequence[str]) -> Callable[[str, str], None]:
    """Prints one line under a child's name, in the child's colour where somebody is looking."""
    width = max(map(len, names))
    colours = dict(zip(names, cycle(COLOURS), strict=False)) if sys.stdout.isatty() else {}

    def say(name: str, text: str) -> None:
        label = f"{name:<{width}}"
        print(f"\033[{colours[name]}m{label}\033[0m | {text}" if name in colours else f"{label} | {text}", flush=True)

    return say


def _wait_until_ready(supervisor: Supervisor, settings: Settings) -> None:
    names = ", ".join(child.command.name for child in supervisor.children)
    print(f"Starting {names} ...", flush=True)
    begun, warned = time.monotonic(), False
    while not supervisor.stop_requests:
        supervisor.run_once(0.25)
        if is_ready(settings.port):
            print(f"Ready after {time.monotonic() - begun:.1f} s.\n{welcome(settings)}", flush=True)
            return
        if not warned and time.monotonic() - begun > PATIENCE:
            warned = True
            print(f"Still not ready: {settings.origin}/readyz and the logs say why.", flush=True)


def run(settings: Settings) -> None:
    """Returns when asked to stop and every child is gone."""
    listed = commands(settings)
    environ = {"PORT": str(settings.port), "DATA_DIR": str(settings.data)}
    say = speaker([command.name for command in listed])
    with Supervisor(listed, settings.data_dir / "logs", say, environ=environ) as supervisor:
        _wait_until_ready(supervisor, settings)
        while not supervisor.stop_requests:
            supervisor.run_once()
        print("\nStopping ...", flush=True)
    print("Stopped.", flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m portal.demo.processes")
    parser.add_argument("action", nargs="?", choices=("run", "check", "forget"), default="run")
    action = parser.parse_args(argv).action
    settings = load_settings()
    try:
        if action == "forget":
            print(forget(settings.data_dir.absolute()))
            return 0
        with held(settings.data):
            if reason := refusal(settings):
                raise ValueError(reason)
            if action == "run":
                run(settings)
    except (Held, ValueError) as error:
        print(f"matinee: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
