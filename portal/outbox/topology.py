"""What the broker has to hold for events: the exchange, the queue of Auth, and where its dead letters go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from portal.config import Settings

DELIVERY_LIMIT = 50  # a message that kills its consumer each time is a dead letter then


@dataclass(frozen=True)
class Topology:
    """Declaring it again changes nothing. A queue that is there with other arguments is an error of the broker's."""

    exchange: str = "billing.events"
    queue: str = "auth.subscriptions"
    pattern: str = "subscription.*"
    dead_exchange: str = "billing.dead"
    unrouted: str = "billing.unrouted"

    @property
    def dead_queue(self) -> str:
        return f"{self.queue}.dead"

    def declare(self, channel: Any) -> None:
        """`channel` is one of a blocking connection. Raises what pika raises.

        The alternate exchange stands behind the dead letters alone. Behind the events it would take, and confirm, what
        no queue of Auth is bound for, and nobody would hear of it.
        """
        channel.exchange_declare(self.unrouted, "fanout", durable=True)
        _queue(channel, self.unrouted, {})
        channel.queue_bind(self.unrouted, self.unrouted)
        channel.exchange_declare(self.exchange, "topic", durable=True)
        channel.exchange_declare(
            self.dead_exchange, "direct", durable=True, arguments={"alternate-exchange": self.unrouted}
        )
        _queue(channel, self.dead_queue, {})
        channel.queue_bind(self.dead_queue, self.dead_exchange, self.queue)
        dead = {"x-dead-letter-exchange": self.dead_exchange, "x-dead-letter-routing-key": self.queue}
        _queue(channel, self.queue, {**dead, "x-delivery-limit": DELIVERY_LIMIT})
        channel.queue_bind(self.queue, self.exchange, self.pattern)


def topology_from(settings: Settings) -> Topology:
    """Under this installation's names."""
    return Topology(
        exchange=settings.events_exchange,
        queue=settings.events_queue,
        dead_exchange=settings.events_dead_exchange,
        unrouted=settings.events_unrouted,
    )


def _queue(channel: Any, name: str, arguments: dict[str, Any]) -> None:
    channel.queue_declare(name, durable=True, arguments={"x-queue-type": "quorum", **arguments})
