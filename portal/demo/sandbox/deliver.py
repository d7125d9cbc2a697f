"""Sending the shop its webhooks: in order, signed anew each time, again and again until it answers 2xx."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import httpx
from sqlalchemy import Connection, Row, select, update

from portal.demo.sandbox import due, webhooks
from portal.demo.sandbox.book import Book
from portal.demo.sandbox.tables import webhooks as queue

log = logging.getLogger(__name__)

POLL_SECONDS: Final = 0.2
PATIENCE_SECONDS: Final = 10.0
LONGEST_PAUSE: Final = timedelta(hours=1)
SOMEBODY_ELSES: Final = "not-the-secret-of-this-installation"


class Deliverer:
    """`now` is the clock that decides what is due, so a traveller's jump makes waiting retries due at once."""

    def __init__(
        self,
        book: Book,
        url: str,
        secret: str,
        now: Callable[[], datetime],
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        if not secret:
            raise ValueError("webhooks are signed: the secret must not be empty")
        self._book = book
        self._url = url
        self._secret = secret
        self._now = now
        # The environment's proxies are for the world outside; this goes to the shop next door.
        self._http = httpx.Client(timeout=PATIENCE_SECONDS, transport=transport, trust_env=False)

    def run_once(self, limit: int = 100) -> int:
        """Send what is due, at most `limit`. Returns how many the shop accepted."""
        due.catch_up(self._book, self._now())
        return sum(self._send(row) for row in self._due(limit) if self._claim(row))

    def run_forever(self, stop: threading.Event) -> None:
        """Until `stop` is set. A database that is away for a while is no reason to end."""
        while not stop.is_set():
            try:
                sent = self.run_once()
            except Exception:
                log.exception("webhooks could not be sent; trying again")
                sent = 0
            if not sent:
                stop.wait(POLL_SECONDS)

    def close(self) -> None:
        self._http.close()

    def _due(self, limit: int) -> list[Row[*tuple[Any, ...]]]:
        waiting = select(queue).where(queue.c.due_at <= self._now())
        with self._book.read() as conn:
            return list(conn.execute(waiting.order_by(queue.c.due_at, queue.c.place, queue.c.id).limit(limit)))

    def _claim(self, row: Row[*tuple[Any, ...]]) -> bool:
        """Plan the retry before sending: it is there whatever becomes of us, and keeps a second deliverer away."""
        again = self._now() + _pause(row.attempts)
        mine = update(queue).where(queue.c.id == row.id, queue.c.attempts == row.attempts, queue.c.due_at.is_not(None))
        with self._book.write() as conn:
            return bool(conn.execute(mine.values(attempts=row.attempts + 1, due_at=again)).rowcount)

    def _send(self, row: Row[*tuple[Any, ...]]) -> bool:
        status = self._post(row.body.encode(), SOMEBODY_ELSES if row.forged else self._secret)
        accepted = status is not None and httpx.codes.is_success(status)
        with self._book.write() as conn:
            _note(conn, row, status, self._now() if accepted else None)
        return accepted

    def _post(self, body: bytes, secret: str) -> int | None:
        """The shop's status, or None where there was no answer."""
        signed = {webhooks.SIGNATURE: webhooks.sign(body, secret, self._now()), "Content-Type": "application/json"}
        try:
            return self._http.post(self._url, content=body, headers=signed).status_code
        except httpx.HTTPError as error:
            log.warning("webhook not delivered: %s", type(error).__name__)
            return None


def _pause(attempts: int) -> timedelta:
    """1, 2, 4, ... seconds, at most an hour."""
    return min(timedelta(seconds=2 ** min(attempts, 20)), LONGEST_PAUSE)


def _note(conn: Connection, row: Row[*tuple[Any, ...]], status: int | None, accepted_at: datetime | None) -> None:
    values: dict[str, Any] = {"last_status": status, "delivered_at": accepted_at}
    if accepted_at is not None or row.forged:
        values["due_at"] = None  # a stranger does not come back when he was turned away
    conn.execute(update(queue).where(queue.c.id == row.id).values(**values))


def run(
    *, database_url: str, webhook_url: str, secret: str, now: Callable[[], datetime], stop: threading.Event
) -> None:
    """A process of its own that delivers until `stop` is set."""
    book = Book(database_url)
    deliverer = Deliverer(book, webhook_url, secret, now)
    try:
        deliverer.run_forever(stop)
    finally:
        deliverer.close()
        book.close()
