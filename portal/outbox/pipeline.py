"""One connection to RabbitMQ in confirm mode: messages are sent one behind the other, their confirms awaited together.

Driven from the caller's thread, and only while it waits for something.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pika
from pika.exceptions import AMQPError, ChannelClosed, ConnectionClosed

from portal import failpoints
from portal.outbox.message import CONTENT_TYPE, Message, Receipt

PERSISTENT = pika.DeliveryMode.Persistent


class Broken(OSError):
    """The line broke, or nobody answered in time: what was not answered may have arrived or not."""


class Pipeline:
    """Raises Broken where no connection comes about within `seconds`."""

    def __init__(self, parameters: pika.URLParameters, seconds: float) -> None:
        self._broken: str | None = None
        self._channel: Any = None
        self._wants: Callable[[], bool] = lambda: True
        self._sent = 0  # the tag of the newest message
        self._waiting: dict[int, Message] = {}  # by tag
        self._refused: set[int] = set()
        self._returned: set[str] = set()  # ids; a return comes before the confirm of the same message
        self._connection = pika.SelectConnection(
            parameters, self._opened, on_open_error_callback=self._failed, on_close_callback=self._failed
        )
        self._wait(lambda: self._channel is not None, seconds)
        if self._channel is None:
            self.close()
            raise Broken(self._broken or "no answer")

    def publish(self, exchange: str, messages: Sequence[Message], seconds: float) -> list[Receipt]:
        """One receipt for each message. Those that nobody answered for within `seconds` are `away`."""
        self._returned.clear()
        tags = [self._send(exchange, message) for message in messages]
        self._wait(lambda: not self._waiting, seconds)
        if self._waiting:
            self._broken = self._broken or f"no confirm within {seconds:g} s"
        return [self._receipt(tag, message) for tag, message in zip(tags, messages, strict=True)]

    @property
    def broken(self) -> bool:
        return self._broken is not None

    def close(self) -> None:
        """Also where it is broken already. Waits for nobody."""
        if not (self._connection.is_closed or self._connection.is_closing):
            self._connection.close()
            self._wait(lambda: self._connection.is_closed, 1.0)
        self._connection.ioloop.close()

    # What the caller waits for

    def _wait(self, wants: Callable[[], bool], seconds: float) -> None:
        self._wants = wants
        if wants() or self._broken:
            return
        loop = self._connection.ioloop
        alarm = loop.call_later(seconds, loop.stop)
        loop.start()
        loop.remove_timeout(alarm)

    def _look(self) -> None:
        if self._wants() or self._broken:
            self._connection.ioloop.stop()

    def _send(self, exchange: str, message: Message) -> int | None:
        if self._broken:
            return None
        try:
            self._channel.basic_publish(exchange, message.type, message.body, _properties(message), mandatory=True)
        except AMQPError as error:
            self._broken = f"{type(error).__name__}: {error}"
            return None
        self._sent += 1
        self._waiting[self._sent] = message
        return self._sent

    def _receipt(self, tag: int | None, message: Message) -> Receipt:
        if tag is None or tag in self._waiting:
            return Receipt(self._broken, away=True)
        if message.id in self._returned:
            return Receipt("unroutable: no queue is bound for this type")
        return Receipt("the broker refused it" if tag in self._refused else None)

    # What the broker says

    def _opened(self, connection: Any) -> None:
        connection.channel(on_open_callback=self._channel_opened)

    def _channel_opened(self, channel: Any) -> None:
        channel.add_on_close_callback(self._failed)
        channel.add_on_return_callback(self._hear_return)
        channel.confirm_delivery(self._hear_confirm, callback=lambda _: self._ready(channel))

    def _ready(self, channel: Any) -> None:
        self._channel = channel
        self._look()

    def _hear_return(self, _channel: Any, _method: Any, properties: Any, _body: bytes) -> None:
        self._returned.add(properties.message_id)

    def _hear_confirm(self, frame: Any) -> None:
        answer = frame.method
        tags = (
            [tag for tag in self._waiting if tag <= answer.delivery_tag] if answer.multiple else [answer.delivery_tag]
        )
        if answer.NAME == "Basic.Nack":
            self._refused.update(tags)
        for tag in tags:
            self._waiting.pop(tag, None)
            failpoints.reached("relay.between")
        self._look()

    def _failed(self, _of: Any, error: object) -> None:
        if self._broken is None:
            self._broken = _said(error)
        self._connection.ioloop.stop()


def _said(error: object) -> str:
    if isinstance(error, ChannelClosed | ConnectionClosed):
        return f"{type(error).__name__}: {error.reply_code} {error.reply_text}"
    return f"{type(error).__name__}: {error!r}" if not str(error) else f"{type(error).__name__}: {error}"


def _properties(message: Message) -> pika.BasicProperties:
    return pika.BasicProperties(
        content_type=CONTENT_TYPE, message_id=message.id, type=message.type, delivery_mode=PERSISTENT
    )
