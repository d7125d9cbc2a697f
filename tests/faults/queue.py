"""Auth's queue on a broker of the tests' own."""

from __future__ import annotations

from typing import Any

import pika

from portal.outbox.topology import Topology
from tests.faults.bench import Bench
from tests.journeys.demo import rows


class Queue:
    """Empty at first."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.empty()

    def empty(self) -> None:
        topology = Topology()
        with pika.BlockingConnection(pika.URLParameters(self._url)) as connection:
            channel = connection.channel()
            topology.declare(channel)
            channel.queue_purge(topology.queue)

    def waiting(self) -> int:
        """Messages that nobody has taken yet."""
        with pika.BlockingConnection(pika.URLParameters(self._url)) as connection:
            asked: Any = connection.channel().queue_declare(Topology().queue, passive=True)
            return int(asked.method.message_count)

    @staticmethod
    def applied(bench: Bench) -> list[tuple[str, int, str]]:
        """What Auth was told, in its order, and what it made of it."""
        told = rows(
            bench.world.settings.auth_database, "SELECT user_id, version, result FROM auth_deliveries ORDER BY seq"
        )
        return [(one["user_id"], one["version"], one["result"]) for one in told]
