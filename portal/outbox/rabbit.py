"""Publishing to RabbitMQ. What counts is the broker's confirm: a message is not sent until it came."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pika
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError, ChannelError

from portal.outbox.message import Message, Receipt
from portal.outbox.pipeline import Pipeline
from portal.outbox.topology import Topology

HEARTBEAT = 30  # seconds; a half-open connection is noticed after two of them
BLOCKED_FOR = 30  # seconds a broker in alarm may hold us
CONFIRM_WITHIN = 30.0  # seconds, for all that was sent together; afterwards it is sent once more
SOCKET_TIMEOUT = 5  # seconds
HANDSHAKE_TIMEOUT = 10  # seconds

# Everything pika raises when the other side goes away; some of it has no common ancestor.
GONE = (AMQPError, AMQPConnectorException, ChannelError, OSError)


def connect(amqp_url: str, name: str) -> Any:
    """A connection whose every wait ends. `name` is what the broker's own pages show. Raises one of GONE."""
    return pika.BlockingConnection(_parameters(amqp_url, name))


def declare(amqp_url: str, topology: Topology) -> None:
    """Makes what is missing at the broker. Raises one of GONE."""
    connection = connect(amqp_url, "matinee topology")
    try:
        topology.declare(connection.channel())
    finally:
        if connection.is_open:
            connection.close()


class RabbitPublisher:
    """Not for several threads. Connects at the first message, and again whenever the broker was away."""

    def __init__(self, amqp_url: str, topology: Topology) -> None:
        self._url = amqp_url
        self._topology = topology
        self._pipeline: Pipeline | None = None

    def publish(self, messages: Sequence[Message]) -> list[Receipt]:
        """A connection that lay idle may be dead without our knowing: the first failure on it proves nothing."""
        was_open = self._pipeline is not None
        receipts = self._try(messages)
        if not was_open or not any(receipt.away for receipt in receipts):
            return receipts
        again = iter(self._try([message for message, one in _tried(messages, receipts) if one.away]))
        return [next(again, one) if one.away else one for one in receipts]

    def close(self) -> None:
        pipeline, self._pipeline = self._pipeline, None
        if pipeline is not None:
            pipeline.close()

    def _try(self, messages: Sequence[Message]) -> list[Receipt]:
        try:
            receipts = self._open().publish(self._topology.exchange, messages, CONFIRM_WITHIN)
        except GONE as error:
            self.close()
            return [Receipt(f"{type(error).__name__}: {error}", away=True)]
        if self._broken or any(not receipt.confirmed for receipt in receipts):
            self.close()  # the next one declares again: somebody may have deleted the queue
        return receipts

    def _open(self) -> Pipeline:
        if self._pipeline is None:
            declare(self._url, self._topology)
            self._pipeline = Pipeline(_parameters(self._url, "matinee relay"), HANDSHAKE_TIMEOUT)
        return self._pipeline

    @property
    def _broken(self) -> bool:
        return self._pipeline is not None and self._pipeline.broken


def _tried(messages: Sequence[Message], receipts: Sequence[Receipt]) -> list[tuple[Message, Receipt]]:
    return list(zip(messages, receipts, strict=True))


def _parameters(amqp_url: str, name: str) -> pika.URLParameters:
    parameters = pika.URLParameters(amqp_url)
    parameters.heartbeat = HEARTBEAT
    parameters.blocked_connection_timeout = BLOCKED_FOR
    parameters.socket_timeout = SOCKET_TIMEOUT
    parameters.stack_timeout = HANDSHAKE_TIMEOUT
    parameters.connection_attempts = 1
    parameters.client_properties = {"connection_name": name}
    return parameters
