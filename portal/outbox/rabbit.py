"""Publishing to RabbitMQ. What counts is the broker's confirm: a message is not sent until it came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pika
from pika.exceptions import AMQPError, ChannelError, NackError, UnroutableError

from portal.outbox.message import CONTENT_TYPE, Message, Receipt

HEARTBEAT = 30  # seconds; a half-open connection is noticed after two of them
BLOCKED_FOR = 30  # seconds a broker in alarm may hold us
SOCKET_TIMEOUT = 5  # seconds
HANDSHAKE_TIMEOUT = 10  # seconds
PERSISTENT = pika.DeliveryMode.Persistent

# Everything pika raises when the other side goes away; some of it has no common ancestor.
GONE = (AMQPError, ChannelError, OSError)


@dataclass(frozen=True)
class Topology:
    """The exchange, the queue of Auth and where its dead letters go. Declaring it again changes nothing."""

    exchange: str = "billing.events"
    queue: str = "auth.subscriptions"
    pattern: str = "subscription.*"
    dead_exchange: str = "billing.dead"
    dead_queue: str = "auth.subscriptions.dead"

    def declare(self, channel: Any) -> None:
        channel.exchange_declare(self.exchange, "topic", durable=True)
        channel.exchange_declare(self.dead_exchange, "direct", durable=True)
        self._queue(channel, self.dead_queue, {})
        channel.queue_bind(self.dead_queue, self.dead_exchange, self.queue)
        dead = {"x-dead-letter-exchange": self.dead_exchange, "x-dead-letter-routing-key": self.queue}
        self._queue(channel, self.queue, dead)
        channel.queue_bind(self.queue, self.exchange, self.pattern)

    @staticmethod
    def _queue(channel: Any, name: str, arguments: dict[str, Any]) -> None:
        channel.queue_declare(name, durable=True, arguments={"x-queue-type": "quorum", **arguments})


def connect(amqp_url: str, name: str) -> Any:
    """A connection whose every wait ends. `name` is what the broker's own pages show. Raises one of GONE."""
    parameters = pika.URLParameters(amqp_url)
    parameters.heartbeat = HEARTBEAT
    parameters.blocked_connection_timeout = BLOCKED_FOR
    parameters.socket_timeout = SOCKET_TIMEOUT
    parameters.stack_timeout = HANDSHAKE_TIMEOUT
    parameters.connection_attempts = 1
    parameters.client_properties = {"connection_name": name}
    return pika.BlockingConnection(parameters)


class RabbitPublisher:
    """Not for several threads. Connects at the first message, and again whenever the broker was away."""

    def __init__(self, amqp_url: str, topology: Topology | None = None) -> None:
        self._url = amqp_url
        self._topology = topology or Topology()
        self._connection: Any = None
        self._channel: Any = None
        self._declared = False

    def publish(self, messages: Sequence[Message]) -> list[Receipt]:
        receipts: list[Receipt] = []
        for message in messages:
            receipts.append(self._publish(message))
            if receipts[-1].away:
                break
        return receipts

    def close(self) -> None:
        connection, self._connection, self._channel = self._connection, None, None
        try:
            if connection is not None and connection.is_open:
                connection.close()
        except GONE:
            return

    def _publish(self, message: Message) -> Receipt:
        """A connection that lay idle may be dead without our knowing: the first failure on it proves nothing."""
        was_open = self._connection is not None
        receipt = self._try(message)
        return self._try(message) if receipt.away and was_open else receipt

    def _try(self, message: Message) -> Receipt:
        try:
            self._open().basic_publish(
                self._topology.exchange, message.type, message.body, _properties(message), mandatory=True
            )
        except UnroutableError:
            self._declared = False  # somebody may have deleted the queue
            return Receipt("unroutable: no queue is bound for this type")
        except NackError:
            return Receipt("the broker refused it")
        except GONE as error:
            self.close()
            return Receipt(f"{type(error).__name__}: {error}", away=True)
        return Receipt()

    def _open(self) -> Any:
        if self._channel is None:
            self._connection = connect(self._url, "matinee relay")
            self._channel = self._connection.channel()
            self._channel.confirm_delivery()
            self._declared = False
        if not self._declared:
            self._topology.declare(self._channel)
            self._declared = True
        return self._channel


def _properties(message: Message) -> pika.BasicProperties:
    return pika.BasicProperties(
        content_type=CONTENT_TYPE, message_id=message.id, type=message.type, delivery_mode=PERSISTENT
    )
