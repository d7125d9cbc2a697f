"""The word of the payment systems: proven, stored, answered; applied later, by asking the system itself."""

from __future__ import annotations

import hashlib
import logging
import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update

from portal import failpoints, runtime
from portal.db import rows
from portal.db.session import atomic, db, end_reads
from portal.domain.errors import NotFound
from portal.domain.payment import Payment, payment_id_of
from portal.domain.refund import Refund, refund_id_of
from portal.domain.setup import MethodSetup, setup_id_of
from portal.models.messages import InboxRow
from portal.models.payment import PaymentRow, RefundRow
from portal.models.user import MethodSetupRow
from portal.services.ask import Heard, ask, ask_about_refund
from portal.services.save_method import ask_about_setup

log = logging.getLogger(__name__)

LONGEST_WAIT = timedelta(minutes=10)
ATTEMPTS = 50  # several hours of a provider that cannot tell; the worker's own questions go on after that


@dataclass(frozen=True)
class Received:
    seq: int
    provider: str
    body: bytes
    attempts: int


def receive(provider_name: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Store a webhook whose proof holds. False: we had it already. Raises NotFound, BadSignature."""
    provider = runtime.providers.get(provider_name)
    if provider is None:
        raise NotFound(f"no payment system {provider_name!r}")
    now = runtime.clock.now()
    notice = provider.verify(headers, body, now)
    row: dict[str, Any] = {
        "provider": provider_name,
        "event_id": _storable(notice.event_id, 255),
        "kind": _storable(notice.kind, 64),
        "body": body,
        "state": "received",
        "received_at": now,
        "attempts": 0,
        "next_attempt_at": now,
    }
    with atomic():
        return rows.add_or_nothing(InboxRow.__table__, row)


def _storable(word: str, longest: int) -> str:
    """As it is; or the fingerprint of what a column does not take: too long, NUL, half of a surrogate pair."""
    if len(word) <= longest and word.isprintable():
        return word
    return hashlib.sha256(word.encode(errors="surrogatepass")).hexdigest()


def run_once(limit: int = 100) -> int:
    """Apply what has come in and is due. Answers how many were looked at."""
    due = _due(limit)
    for received in due:
        failpoints.reached("inbox.taken")
        try:
            outcome, heard = _apply(received)
        except Exception as error:  # one bad message must not hold back the others
            log.exception("inbox %s: not applied", received.seq)
            outcome, heard = f"{type(error).__name__}: {error}", False
        failpoints.reached("inbox.applied")
        _finish(received, outcome, heard)
    return len(due)


def run_forever(stop: threading.Event, beat: Callable[[], None], poll: float = 0.25) -> None:
    """Until `stop`. A database that is away is waited for."""
    while not stop.is_set():
        try:
            busy = run_once() > 0
            beat()
        except Exception:
            log.exception("the inbox stumbled")
            db.session.remove()
            busy = False
        if not busy:
            stop.wait(poll)


def _due(limit: int) -> list[Received]:
    statement = (
        select(InboxRow.seq, InboxRow.provider, InboxRow.body, InboxRow.attempts)
        .where(InboxRow.state == "received", InboxRow.next_attempt_at <= runtime.clock.now())
        .order_by(InboxRow.next_attempt_at, InboxRow.seq)
        .limit(limit)
    )
    found = [Received(*row) for row in db.session.execute(statement)]
    end_reads()
    return found


def _apply(received: Received) -> tuple[str, bool]:
    """A webhook is a hint which object to look at: its content is old by now, the provider's answer is not."""
    provider = runtime.providers.get(received.provider)
    if provider is None:
        return "ignored: this payment system is switched off", True
    reference = provider.parse(received.body).reference or ""
    payment_id, refund_id, setup_id = payment_id_of(reference), refund_id_of(reference), setup_id_of(reference)
    # Our row is committed before the provider hears of it, so an unknown reference is somebody else's.
    if payment_id and rows.find(Payment, PaymentRow.id == payment_id):
        return _said(ask(payment_id))
    if refund_id and rows.find(Refund, RefundRow.id == refund_id):
        return _said(ask_about_refund(refund_id))
    if setup_id and rows.find(MethodSetup, MethodSetupRow.id == setup_id):
        return _said(ask_about_setup(setup_id))
    return "ignored: names nothing of ours", True


def _said(heard: Heard) -> tuple[str, bool]:
    if heard is Heard.silent:
        return "the payment system could not tell", False
    return "processed", True


def _finish(received: Received, outcome: str, heard: bool) -> None:
    now = runtime.clock.now()
    if heard:
        values: dict[str, Any] = {"state": outcome.partition(":")[0], "processed_at": now, "outcome": outcome}
    else:
        values = {"next_attempt_at": _later(now, received.attempts), "outcome": outcome}
        if received.attempts + 1 >= ATTEMPTS:
            values["state"] = "dead"
    with atomic():
        db.session.execute(
            update(InboxRow)
            .where(InboxRow.seq == received.seq, InboxRow.state == "received")
            .values(attempts=received.attempts + 1, **values)
        )


def _later(now: datetime, attempts: int) -> datetime:
    wait = min(LONGEST_WAIT, timedelta(seconds=2 ** min(attempts, 10)))
    return now + wait * (0.5 + random.random() / 2)  # noqa: S311 - spreads load, guards nothing
