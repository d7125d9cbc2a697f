"""Names at the local broker that no other test has."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from portal.outbox.rabbit import connect
from portal.outbox.topology import Topology

AMQP_URL = os.environ.get("TEST_AMQP_URL") or "amqp://guest:guest@127.0.0.1:5672/"


@contextmanager
def names_of_our_own() -> Iterator[Topology]:
    """Deleted afterwards, also where a test put something else into their place."""
    mark = f"test.{uuid.uuid4().hex[:12]}"
    topology = Topology(f"{mark}.events", f"{mark}.queue", dead_exchange=f"{mark}.dead", unrouted=f"{mark}.unrouted")
    yield topology
    connection = connect(AMQP_URL, "tests")
    channel = connection.channel()
    for queue in (topology.queue, topology.dead_queue, topology.unrouted):
        channel.queue_delete(queue)
    for exchange in (topology.exchange, topology.dead_exchange, topology.unrouted):
        channel.exchange_delete(exchange)
    connection.close()


def as_settings(topology: Topology) -> dict[str, str]:
    return {
        "events_exchange": topology.exchange,
        "events_queue": topology.queue,
        "events_dead_exchange": topology.dead_exchange,
        "events_unrouted": topology.unrouted,
    }
