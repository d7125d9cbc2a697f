"""The demo's supervisor, with children that only hold a connection open: the end of the connection is their end."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from portal.config import Settings
from portal.demo.instance import Held, forget, held
from portal.demo.processes import commands, refusal
from portal.demo.supervisor import BACKOFF, STEADY_AFTER, Child, Command

PATIENCE = 20.0  # seconds; an upper bound for a busy machine, never waited out when all is well

# A child: says its name, then ends with code 3 as soon as it hears a byte. `stubborn` ignores SIGTERM, `parent` has a
# child of its own in the same process group.
CHILD = """
import os, signal, socket, sys
name, port = sys.argv[1], int(sys.argv[2])
if name == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if name == "parent" and os.fork() == 0:
    name = "grandchild"
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
line = socket.create_connection(("127.0.0.1", port))
line.sendall(f"{name}\\n".encode())
sys.exit(3 if line.recv(1) else 0)
"""

SUPERVISOR = """
import sys
from contextlib import ExitStack
from pathlib import Path
from portal.demo.supervisor import Command, Supervisor
child, port, logs, kill_after, *names = sys.argv[1:]
listed = [Command(name, (sys.executable, "-c", child, name, port)) for name in names]
say = lambda name, text: print(name, text, flush=True)
with Supervisor(listed, Path(logs), say, kill_after=float(kill_after)) as supervisor:
    while not supervisor.stop_requests:
        supervisor.run_once()
"""

Start = Callable[..., subprocess.Popen[str]]


class Switchboard:
    """Where the children call."""

    def __init__(self, server: socket.socket, lines: ExitStack) -> None:
        self.port = str(server.getsockname()[1])
        self._server = server
        self._lines = lines

    def calls(self, count: int) -> dict[str, socket.socket]:
        """The lines of the next `count` children, by name."""
        lines = [self._lines.enter_context(self._server.accept()[0]) for _ in range(count)]
        for line in lines:
            line.settimeout(PATIENCE)
        return {line.recv(100).decode().strip(): line for line in lines}


@pytest.fixture
def switchboard() -> Iterator[Switchboard]:
    with socket.create_server(("127.0.0.1", 0)) as server, ExitStack() as lines:
        server.settimeout(PATIENCE)
        yield Switchboard(server, lines)


@pytest.fixture
def start(switchboard: Switchboard, tmp_path: Path) -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def run(*names: str, kill_after: float = 60) -> subprocess.Popen[str]:
        argv = [sys.executable, "-c", SUPERVISOR, CHILD, switchboard.port, str(tmp_path), str(kill_after), *names]
        started.append(subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate(timeout=PATIENCE)


def hangs_up(line: socket.socket) -> bool:
    """Waits for the child behind the line to end."""
    try:
        return line.recv(1) == b""
    except ConnectionResetError:
        return True


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    assert select.select([process.stdout], [], [], PATIENCE)[0]
    return process.stdout.readline().strip()


def test_a_fallen_child_is_restarted_and_the_screen_says_how_it_fell(start: Start, switchboard: Switchboard) -> None:
    supervisor = start("worker", "relay")
    lines = switchboard.calls(2)
    lines["worker"].sendall(b"!")
    assert hangs_up(lines["worker"])
    assert said(supervisor).startswith("worker stopped (exit 3), restarting in 1 s; see ")
    assert list(switchboard.calls(1)) == ["worker"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_stop_signal_ends_every_child_and_their_children(
    start: Start, switchboard: Switchboard, number: signal.Signals
) -> None:
    supervisor = start("web", "parent")
    lines = switchboard.calls(3)
    supervisor.send_signal(number)
    assert supervisor.wait(PATIENCE) == 0
    assert all(hangs_up(lines[name]) for name in ("web", "parent", "grandchild"))


def test_a_child_that_does_not_listen_is_killed_in_the_end(start: Start, switchboard: Switchboard) -> None:
    supervisor = start("stubborn", kill_after=0.2)
    lines = switchboard.calls(1)
    supervisor.terminate()
    assert said(supervisor) == "stubborn did not stop in time and was killed"
    assert hangs_up(lines["stubborn"])
    assert supervisor.wait(PATIENCE) == 0


def test_a_second_ctrl_c_does_not_wait(start: Start, switchboard: Switchboard) -> None:
    supervisor = start("web", "stubborn", kill_after=3600)
    lines = switchboard.calls(2)
    supervisor.send_signal(signal.SIGINT)
    assert hangs_up(lines["web"])
    supervisor.send_signal(signal.SIGINT)
    assert hangs_up(lines["stubborn"])
    assert supervisor.wait(PATIENCE) == 0


def test_no_child_outlives_a_killed_supervisor(start: Start, switchboard: Switchboard) -> None:
    supervisor = start("web", "stubborn")
    lines = switchboard.calls(2)
    supervisor.kill()
    assert hangs_up(lines["web"])
    assert hangs_up(lines["stubborn"])


def test_restarts_come_slower_and_slower_until_a_child_has_stood_for_a_while(tmp_path: Path) -> None:
    child = Child(Command("relay", ()), tmp_path / "relay.log", started_at=100.0)
    assert [child.fell(101.0) for _ in range(8)] == [*BACKOFF, BACKOFF[-1], BACKOFF[-1]]
    assert child.due_at == 101.0 + BACKOFF[-1]
    assert child.fell(100.0 + STEADY_AFTER) == BACKOFF[0]


def settings(tmp_path: Path, **given: object) -> Settings:
    return Settings.model_validate({"app_env": "demo", "amqp_url": "", "data_dir": tmp_path, **given})


def test_the_auth_consumer_runs_only_where_there_is_a_broker(tmp_path: Path) -> None:
    without = [command.name for command in commands(settings(tmp_path))]
    assert without == ["web", "worker", "relay", "inbox", "deliver-webhooks"]
    beside = [command.name for command in commands(settings(tmp_path, amqp_url="amqp://broker.example"))]
    assert beside == [*without, "auth-consumer"]


def test_the_web_process_listens_on_loopback_at_the_given_port(tmp_path: Path) -> None:
    web = commands(settings(tmp_path, port=8123), Path("bin"))[0]
    assert web.argv[:4] == ("bin/gunicorn", "wsgi:app", "--bind", "127.0.0.1:8123")


def test_a_taken_port_is_refused_with_the_name_of_the_setting(tmp_path: Path, switchboard: Switchboard) -> None:
    reason = refusal(settings(tmp_path, port=int(switchboard.port)))
    assert reason is not None
    assert "set PORT" in reason


def test_a_directory_is_held_by_one_demo_at_a_time(tmp_path: Path) -> None:
    with held(tmp_path):
        with pytest.raises(Held, match="set DATA_DIR to another directory"), held(tmp_path):
            pass
        with pytest.raises(Held):
            forget(tmp_path)
    with held(tmp_path):
        assert os.listdir(tmp_path) == ["demo.lock"]


def test_only_a_demo_s_own_directory_is_forgotten(tmp_path: Path) -> None:
    data = tmp_path / "instance"
    data.mkdir()
    (data / "letters.txt").touch()
    with pytest.raises(ValueError, match="left alone"):
        forget(data)
    (data / "portal.db").touch()
    assert forget(data) == f"{data} is forgotten"
    assert not data.exists()
    assert "nothing to forget" in forget(data)
