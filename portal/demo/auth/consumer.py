"""Reads Auth's queue. A message is acknowledged after the commit, so that a crash between the two only repeats it."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from typing import Any

from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from portal import failpoints
from portal.demo.auth.events import parse

PREFETCH = 50
LOOK_UP_EVERY = 0.25  # seconds between looks at `stop`
LONGEST_REST = 30.0  # seconds

# Our own database is away: the message is good and comes again. Anything else would fail the same way for ever.
STORE_AWAY = (OperationalError, InterfaceError, InternalError, PoolTimeout)

log = logging.getLogger(__name__)


class Consumer:
    """`connect` opens a connection and `declare` makes the queue where it is missing; `apply` commits and answers."""

    def __init__(
        self,
        connect: Callable[[], Any],
        declare: Callable[[Any], None],
        queue: str,
        apply: Callable[[dict[str, Any]], str],
    ) -> None:
        self._connect = connect
        self._declare = declare
        self._queue = queue
        self._apply = apply
        self._failures = 0

    def run_once(self) -> int:
        """Takes what is there now and answers how many messages that were."""
        connection = self._connect()
        try:
            channel = self._channel(connection)
            handled = 0
            while (got := channel.basic_get(self._queue))[0] is not None:
                self._handle(channel, got[0].delivery_tag, got[2])
                handled += 1
            return handled
        finally:
            _close(connection)

    def run_forever(self, stop: threading.Event) -> None:
        """Until `stop`; connects again for ever."""
        while not stop.is_set():
            try:
                self._consume(stop)
            except Exception as error:
                log.warning("the queue is away: %s: %s", type(error).__name__, error)
                stop.wait(self._rest())

    def _consume(self, stop: threading.Event) -> None:
        connection = self._connect()
        try:
            channel = self._channel(connection)
            for method, _, body in channel.consume(self._queue, inactivity_timeout=LOOK_UP_EVERY):
                if stop.is_set():
                    return
                if method is not None:
                    self._handle_at_last(connection, channel, method.delivery_tag, body, stop)
                self._failures = 0
        finally:
            _close(connection)

    def _handle_at_last(
        self, connection: Any, channel: Any, delivery_tag: int, body: bytes, stop: threading.Event
    ) -> None:
        """The message stays ours while the store is away: given back, it would come nearer to the dead letters."""
        while not stop.is_set():
            try:
                return self._handle(channel, delivery_tag, body)
            except STORE_AWAY as error:
                log.warning("the store is away: %s: %s", type(error).__name__, error)
                connection.sleep(self._rest())

    def _channel(self, connection: Any) -> Any:
        channel = connection.channel()
        channel.basic_qos(prefetch_count=PREFETCH)
        self._declare(channel)
        return channel

    def _handle(self, channel: Any, delivery_tag: int, body: bytes) -> None:
        failpoints.reached("consumer.received")
        try:
            result = self._apply(parse(body))
        except STORE_AWAY:
            raise
        except Exception:
            log.exception("a message that cannot be applied goes to the dead letters")
            channel.basic_reject(delivery_tag, requeue=False)
            return
        log.debug("event %s", result)
        failpoints.reached("consumer.committed")
        channel.basic_ack(delivery_tag)
        failpoints.reached("consumer.acked")

    def _rest(self) -> float:
        self._failures += 1
        longest = min(LONGEST_REST, 0.5 * 2.0 ** min(self._failures - 1, 10))
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - spreads the tries of several consumers


def _close(connection: Any) -> None:
    """Unacknowledged messages go back to the queue, also where the connection is already broken."""
    try:
        if connection.is_open:
            connection.close()
    except Exception as error:
        log.debug("the connection was gone already: %s", error)
