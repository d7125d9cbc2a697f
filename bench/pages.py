"""How pages do on a phone, as Lighthouse measures them: `python -m bench.pages`.

Seeds a demo in a folder of its own, serves it with gunicorn as `make demo` does, opens each page three times signed in,
and prints the medians. Ends with 1 where one is worse than asked for. `make lighthouse` installs what it needs.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.request import Request, urlopen

HERE = Path(__file__).parent
LIGHTHOUSE = HERE / "lighthouse" / "node_modules" / "lighthouse"
BROWSER = "--headless=new --no-sandbox"
TIMES = 3
TRIES, UNHEARD = 3, "Runtime error encountered"  # a trace that Chromium did not record says nothing of a page
PATIENCE = 60.0  # seconds
PAGES = (
    ("plans", "/", None),
    ("check page", "/buy/premium", "boris"),
    ("overview", "/cabinet", "anna"),
    ("history", "/cabinet/history", "anna"),
)
SCORES = ("accessibility", "performance", "best-practices")
LEAST = {"accessibility": 100, "performance": 95, "best-practices": 95}
MOST = {"bytes": 60 * 1024, "requests": 10}


@dataclass(frozen=True)
class Measured:
    name: str
    figures: dict[str, int]

    @property
    def failures(self) -> list[str]:
        low = [(what, f"at least {least}") for what, least in LEAST.items() if self.figures[what] < least]
        high = [(what, f"at most {most}") for what, most in MOST.items() if self.figures[what] > most]
        return [f"{self.name}: {what} {self.figures[what]}, {asked} is asked for" for what, asked in low + high]


def main() -> int:
    with TemporaryDirectory() as folder, served(Path(folder)) as origin:
        measured = [measure(origin, *page) for page in PAGES]
    print(table(measured))
    failures = [failure for one in measured for failure in one.failures]
    print("\n".join(failures), file=sys.stderr)
    return 1 if failures else 0


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """A demo with its past, at a free port of this machine."""
    port = free_port()
    environment = {**os.environ, "APP_ENV": "demo", "DATA_DIR": str(folder), "PORT": str(port)}
    environment |= dict.fromkeys(("DATABASE_URL", "AMQP_URL", "PUBLIC_URL"), "")
    tools = Path(sys.executable).parent
    for command in (["db", "upgrade"], ["seed-demo"]):
        run([tools / "flask", "--app", "wsgi", *command], environment)
    web = f"wsgi:app --bind 127.0.0.1:{port} --worker-class gthread --workers 1 --threads 16 --log-level warning"
    server = subprocess.Popen([tools / "gunicorn", *web.split(), "--no-control-socket"], env=environment)  # noqa: S603 - our own
    try:
        until = time.monotonic() + PATIENCE
        while not is_there(port):
            if time.monotonic() > until:
                raise SystemExit("the portal did not start")
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def measure(origin: str, name: str, path: str, login: str | None) -> Measured:
    found = [figures_of(report(origin + path, cookie(origin, login) if login else None)) for _ in range(TIMES)]
    medians = {what: round(statistics.median(one[what] for one in found)) for what in found[0]}
    print(f"{name}: {medians}", file=sys.stderr)
    return Measured(name, medians)


def report(url: str, signed_in: str | None) -> dict[str, Any]:
    """Lighthouse's own, for a phone."""
    headers = ["--extra-headers", json.dumps({"Cookie": signed_in})] if signed_in else []
    options = [
        "--quiet",
        "--output=json",
        f"--only-categories={','.join(SCORES)}",
        f"--chrome-flags={BROWSER}",
        *headers,
    ]
    browser = {"CHROME_PATH": os.environ.get("TEST_CHROMIUM") or "/usr/bin/chromium"}
    command = ["node", LIGHTHOUSE / "cli" / "index.js", url, *options]
    read: dict[str, Any] = json.loads(run(command, {**os.environ, **browser}, again=UNHEARD))
    assert read["finalDisplayedUrl"] == url, f"led from {url} to {read['finalDisplayedUrl']}"  # noqa: S101 - else it measures another page
    return read


def figures_of(report: dict[str, Any]) -> dict[str, int]:
    requests = report["audits"]["network-requests"]["details"]["items"]
    scores = {name: round(report["categories"][name]["score"] * 100) for name in SCORES}
    return {**scores, "bytes": sum(one["transferSize"] for one in requests), "requests": len(requests)}


def cookie(origin: str, login: str) -> str:
    body = json.dumps({"login": login}).encode()
    headers = {"Content-Type": "application/json"}
    request = Request(f"{origin}/auth/token", data=body, headers=headers)  # noqa: S310 - as below
    with urlopen(request) as answer:  # noqa: S310 - an address that this script has made
        return f"access_token={json.load(answer)['access_token']}"


def table(measured: list[Measured]) -> str:
    columns = [*SCORES, *MOST]
    lines = [f"| page | {' | '.join(columns)} |", "|---|" + "---|" * len(columns)]
    lines += [f"| {one.name} | {' | '.join(f'{one.figures[column]:,}' for column in columns)} |" for one in measured]
    return "\n".join(lines)


def run(command: list[Any], environment: dict[str, str], again: str = "") -> str:
    """`again`: what a failure says that is worth another try."""
    for _ in range(TRIES):
        done = subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True)  # noqa: S603 - our own
        if not (done.returncode and again and again in done.stderr):
            break
    if done.returncode:
        raise SystemExit(f"{command[0]} failed:\n{done.stderr}")
    return done.stdout


def is_there(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
