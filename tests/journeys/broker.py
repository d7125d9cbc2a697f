"""Brokers of the tests' own, and an independent consumer that reads what is published."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pika
from pika.exceptions import AMQPError, ChannelClosedByBroker

from portal.outbox.topology import Topology
from tests.journeys.waiting import NotInTime, free_port, until

AMQP_URL = os.environ.get("TEST_AMQP_URL") or "amqp://guest:guest@127.0.0.1:5672/"
BOOTS_WITHIN = 90.0  # seconds on a busy machine
LEADERS_WITHIN = 5.0
QUEUES_WITHIN = 20.0
KEPT_WITHIN = 60.0
STARTS_AGAIN = 3
QUEUE = Topology().queue
NOT_FOUND = 404  # of AMQP: nobody has declared it yet
# Debian's command of the same name insists on root or its own account; the script behind it serves anybody.
SCRIPTS = (Path("/usr/lib/rabbitmq/bin/rabbitmq-server"),)


class QueuesGone(AssertionError):
    """A queue that was there before the kill serves nobody any more, however often the broker is started."""


@contextmanager
def vhost_of_our_own() -> Iterator[str]:
    """The URL of an empty vhost on the given broker; of the broker's own vhost where we may not make another."""
    name = f"matinee-{uuid4().hex[:12]}"
    if not _ctl("add_vhost", name):
        yield AMQP_URL
        return
    parts = urlsplit(AMQP_URL)
    try:
        assert _ctl("set_permissions", "-p", name, parts.username or "guest", ".*", ".*", ".*")
        yield parts._replace(path=f"/{name}").geturl()
    finally:
        _ctl("delete_vhost", name)


def _ctl(*arguments: str) -> bool:
    """`rabbitmqctl` of this machine; it reaches only the broker of this machine, so that any other is left alone."""
    if urlsplit(AMQP_URL).hostname not in ("127.0.0.1", "localhost") or not shutil.which("rabbitmqctl"):
        return False
    done = subprocess.run(["rabbitmqctl", "--quiet", *arguments], capture_output=True, timeout=60, check=False)
    return done.returncode == 0


class Broker:
    """A RabbitMQ node that belongs to one test: it may be killed."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}/"
        self.folder = folder
        folder.mkdir(parents=True)
        (folder / "plugins").write_text("[].")
        for empty in ("rabbitmq.conf", "rabbitmq-env.conf"):
            (folder / empty).touch()
        self.environ = os.environ | {
            "HOME": str(folder),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "rabbitmq-env.conf"),
            "RABBITMQ_NODENAME": f"matinee{uuid4().hex[:8]}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            # The name server that every node needs is one of ours too, so that it can be stopped with the node.
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(free_port()),
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.folder / "screen.log").open("ab") as screen:
            self.process = subprocess.Popen(
                [server_script()],
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=screen,
                stderr=subprocess.STDOUT,
                process_group=0,
            )
        until(self._answers, BOOTS_WITHIN, f"the broker answers; {self.folder / 'screen.log'} says why not", every=0.25)

    @property
    def pid(self) -> int:
        """Of its process group too."""
        assert self.process is not None
        return self.process.pid

    def revive(self, *others: str) -> None:
        """Start where it is down, and again where its queues did not come back: a queue is whole when it is consumed.

        `others`: queues beside Auth's. Raises QueuesGone with the end of the broker's own log.
        """
        queues = (QUEUE, *others)
        for _ in range(STARTS_AGAIN):
            if self.process is None:
                self.start()
                with suppress(NotInTime):  # perhaps nobody has declared it yet
                    until(lambda: all(map(self._is_led, queues)), LEADERS_WITHIN, "every queue has its leader")
            with suppress(NotInTime):
                until(lambda: all(map(self._consumes, queues)), QUEUES_WITHIN, "every queue can be consumed", every=0.5)
                return
            self.kill()
        raise QueuesGone(f"not in {STARTS_AGAIN} starts; its log ends with\n{self._log()[-6000:]}")

    def keep(self, *queues: str) -> None:
        """Wait until a kill leaves these queues there.

        RabbitMQ says that a quorum queue is declared up to a second before its name is on the disk. Killed in between,
        it takes that queue for a new one, which waits for ever for somebody to call its first election.
        """
        names = [f"%2F_{queue}".encode() for queue in queues]
        (kept,) = (self.folder / "mnesia").glob("*/quorum/*/names.dets")

        def written() -> bool:
            there = kept.read_bytes()
            return all(bytes([len(name)]) + name in there for name in names)

        until(written, KEPT_WITHIN, f"the broker's disk knows {queues}")

    def _is_led(self, queue: str) -> bool:
        """As the broker's log says since the last start."""
        return f"queue '{queue}' in vhost '/': candidate -> leader" in self._log().rpartition("Starting RabbitMQ")[2]

    def _log(self) -> str:
        (log,) = (self.folder / "log").glob("*localhost.log")
        return log.read_text()

    def begin_anew(self) -> None:
        """As empty as a new one."""
        self.kill()
        shutil.rmtree(self.folder / "mnesia")
        self.start()

    def _consumes(self, queue: str) -> bool:
        """The queue, if there is one, gives its messages out and takes new ones."""
        try:
            with pika.BlockingConnection(self._impatient()) as connection:
                channel = connection.channel()
                channel.confirm_delivery()
                channel.queue_declare(queue, passive=True)
                for _ in channel.consume(queue, inactivity_timeout=0.2):
                    break
                channel.cancel()  # what was given out goes back
        except ChannelClosedByBroker as closed:
            return closed.reply_code == NOT_FOUND
        except (AMQPError, OSError):
            return False
        return True

    def _impatient(self) -> Any:
        parameters = pika.URLParameters(self.url)
        parameters.heartbeat = 5
        return parameters

    def alarm(self, on: bool) -> None:
        """As if its disk were full: it takes no message from anybody."""
        limit = "9000GB" if on else "1MB"
        script = Path(server_script()).with_name("rabbitmqctl")
        subprocess.run(
            [script, "set_disk_free_limit", limit], env=self.environ, check=True, capture_output=True, timeout=60
        )

    def kill(self) -> None:
        """The whole process group: the shell script, the node and its helpers."""
        if self.process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(30)
        self.process = None

    def forget(self) -> None:
        """The node and its name server, which has made itself independent of it."""
        self.kill()
        until(self._name_server_is_gone, 30, "the broker's name server is gone")

    def _name_server_is_gone(self) -> bool:
        """It refuses to go while it believes that the node lives, which takes it a moment to unlearn."""
        asked = subprocess.run(["epmd", "-kill"], env=self.environ, capture_output=True, timeout=30, check=False)
        said = asked.stdout + asked.stderr
        return b"Killed" in said or b"Cannot connect" in said

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "screen.log").read_text()
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", self.port)) != 0:
                return False
        try:
            pika.BlockingConnection(pika.URLParameters(self.url)).close()
        except (AMQPError, OSError):
            return False
        return True


def server_script() -> str:
    found = next((str(path) for path in SCRIPTS if path.exists()), shutil.which("rabbitmq-server"))
    assert found, "a broker to kill is needed: install rabbitmq-server (`make services` does it as root on Debian)"
    return found


@dataclass(frozen=True)
class Heard:
    body: dict[str, Any]
    properties: Any
    routing_key: str


class Listener:
    """Another service beside Auth: a durable queue of its own, bound to the exchange of the contract."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.queue = f"listener.{uuid4().hex[:12]}"
        self.heard: list[Heard] = []
        with self._channel() as channel:
            channel.exchange_declare("billing.events", "topic", durable=True)
            channel.queue_declare(self.queue, durable=True, arguments={"x-queue-type": "quorum"})
            channel.queue_bind(self.queue, "billing.events", "#")

    def listen(self) -> list[Heard]:
        """Everything heard so far, what has come since the last time included."""
        with self._channel() as channel:
            while (got := channel.basic_get(self.queue))[0] is not None:
                method, properties, body = got
                self.heard.append(Heard(json.loads(body), properties, method.routing_key))
                channel.basic_ack(method.delivery_tag)
        return self.heard

    def versions(self) -> dict[str, list[int]]:
        """Of each user in the order heard; a message that came again, with the same id, counts once."""
        once = {heard.body["id"]: heard.body["data"] for heard in self.listen()}
        users = {data["user_id"] for data in once.values()}
        return {user: [data["version"] for data in once.values() if data["user_id"] == user] for user in users}

    @contextmanager
    def _channel(self) -> Iterator[Any]:
        connection = pika.BlockingConnection(pika.URLParameters(self.url))
        try:
            yield connection.channel()
        finally:
            connection.close()
