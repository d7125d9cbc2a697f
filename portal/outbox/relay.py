"""Events leave the outbox in the order in which each user's were written, and are marked after the confirm.

A crash between the confirm and the mark sends a message twice; its consumer looks at the version. Rows are found by
their missing mark and never by a watermark: a long transaction may commit a lower number late.
"""

from __future__ import annotations

import json
import logging
import random
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import RowMapping, Update, select, update

from portal import failpoints
from portal.clock import Clock
from portal.db.lock import exclusive
from portal.db.session import atomic, db, end_reads
from portal.models.messages import OutboxRow
from portal.outbox.http import HttpPublisher
from portal.outbox.message import Message, Publisher, Receipt
from portal.outbox.rabbit import RabbitPublisher
from portal.outbox.topology import topology_from

if TYPE_CHECKING:
    from portal.config import Settings

LOCK = "relay"
FIRST_REST = 0.5  # seconds after the first failure; doubles
LONGEST_REST = 30.0
LONGEST_ERROR = 500  # characters kept on the row

log = logging.getLogger(__name__)
rows = OutboxRow.__table__


@dataclass
class Rest:
    """How long to leave something alone after it failed. Times are `time.monotonic()` seconds."""

    failures: int = 0
    until: float = 0.0

    def longer(self, now: float) -> float:
        self.failures += 1
        pause = min(LONGEST_REST, FIRST_REST * 2.0 ** min(self.failures - 1, 10))
        pause *= random.uniform(0.75, 1.0)  # noqa: S311 - spreads the tries of several relays, keeps no secret
        self.until = now + pause
        return pause


class Relay:
    """Only one is active at a time, whoever runs it: the loop, the command, or a traveller through time."""

    def __init__(self, publisher: Publisher, clock: Clock, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._publisher = publisher
        self._clock = clock
        self._monotonic = monotonic
        self._away = Rest()  # the other side as a whole
        self._refused: dict[str, Rest] = {}  # users whose oldest message was not taken

    def run_once(self, limit: int = 200) -> int:
        """Publishes up to `limit` rows and answers how many; 0 also where another relay is at work."""
        if not self._some():
            return 0
        with exclusive(LOCK) as still_held:
            return 0 if still_held is None else self._run(limit, still_held)

    def run_forever(self, stop: threading.Event, poll: float = 0.25, beat: Callable[[], None] = lambda: None) -> None:
        """Until `stop`. Whatever goes wrong is logged and tried again. `beat` is called at every turn."""
        while not stop.is_set():
            try:
                beat()
                busy = self.run_once() > 0 and not self._away.failures
                pause = self._away.until - self._monotonic()
            except Exception:
                log.exception("the relay stumbled")
                _forget_transaction()
                busy, pause = False, self._away.longer(self._monotonic())
            if not busy:
                stop.wait(max(poll, pause))
        self._publisher.close()

    def _run(self, limit: int, still_held: Callable[[], None]) -> int:
        published, last_seq = 0, 0
        while published < limit and (page := self._page(last_seq, limit - published)):
            last_seq = page[-1]["seq"]
            waves = _waves(row for row in page if self._is_ready(row["user_id"]))
            for wave in waves:
                still_held()
                published += self._publish([row for row in wave if self._is_ready(row["user_id"])])
                if self._away.failures:
                    return published
        return published

    def _some(self) -> bool:
        found = db.session.execute(select(rows.c.seq).where(rows.c.published_at.is_(None)).limit(1)).first()
        end_reads()
        return found is not None

    def _page(self, after: int, limit: int) -> Sequence[RowMapping]:
        """`after` moves past rows that cannot go now, within one run only."""
        found = (
            db.session.execute(
                select(rows.c.seq, rows.c.id, rows.c.user_id, rows.c.type, rows.c.body)
                .where(rows.c.published_at.is_(None), rows.c.seq > after)
                .order_by(rows.c.seq)
                .limit(limit)
            )
            .mappings()
            .all()
        )
        end_reads()
        return found

    def _is_ready(self, user_id: str) -> bool:
        rest = self._refused.get(user_id)
        return rest is None or rest.until <= self._monotonic()

    def _publish(self, wave: Sequence[RowMapping]) -> int:
        """At most one row of each user."""
        failpoints.reached("relay.read")
        receipts = self._publisher.publish([_message(row) for row in wave]) if wave else []
        failpoints.reached("relay.confirmed")
        tried = list(zip(wave, receipts, strict=False))
        self._mark(tried)
        failpoints.reached("relay.marked")
        self._learn(tried)
        return sum(receipt.confirmed for receipt in receipts)

    def _mark(self, tried: Sequence[tuple[RowMapping, Receipt]]) -> None:
        """One statement for all that ended alike."""
        ended: dict[str | None, list[int]] = {}
        for row, receipt in tried:
            ended.setdefault(receipt.error, []).append(row["seq"])
        with atomic() as session:
            for error, seqs in ended.items():
                published = {"published_at": self._clock.now()} if error is None else {}
                values = {"last_error": error[:LONGEST_ERROR] if error else None, **published}
                session.execute(_tried(values).where(rows.c.seq.in_(seqs)))

    def _learn(self, tried: Sequence[tuple[RowMapping, Receipt]]) -> None:
        """Whose message was refused waits; where nobody was there to take one, all wait."""
        away = next((receipt.error for _, receipt in tried if receipt.away), None)
        if away is not None:
            log.warning("nobody takes events: %s", away)
            self._away.longer(self._monotonic())
        elif tried:
            self._away = Rest()
        for row, receipt in tried:
            if receipt.confirmed:
                self._refused.pop(row["user_id"], None)
            elif not receipt.away:
                log.error("an event of user %s was not taken: %s", row["user_id"], receipt.error)
                self._refused.setdefault(row["user_id"], Rest()).longer(self._monotonic())


def publisher_from(settings: Settings) -> Publisher:
    if settings.amqp_url:
        return RabbitPublisher(settings.amqp_url, topology_from(settings))
    return HttpPublisher(f"{settings.origin}/auth/events", settings.secret("auth_events"))


def _message(row: RowMapping) -> Message:
    body = json.dumps(row["body"], ensure_ascii=False, separators=(",", ":")).encode()
    return Message(str(row["id"]), row["type"], body)


def _tried(values: dict[str, Any]) -> Update:
    return update(OutboxRow).where(rows.c.published_at.is_(None)).values(attempts=rows.c.attempts + 1, **values)


def _waves(page: Iterable[RowMapping]) -> list[list[RowMapping]]:
    """Rows of one user go into different waves, so that none is sent before the one ahead of it was confirmed."""
    waves: list[list[RowMapping]] = []
    depth: dict[str, int] = {}
    for row in page:
        wave = depth.get(row["user_id"], 0)
        depth[row["user_id"]] = wave + 1
        if wave == len(waves):
            waves.append([])
        waves[wave].append(row)
    return waves


def _forget_transaction() -> None:
    try:
        db.session.remove()
    except Exception:
        log.exception("the broken session could not be closed")
