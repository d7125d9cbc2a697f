"""The word of the payment systems: proven, stored, answered; applied later, by asking the system itself."""

from __future__ import annotations

import hashlib
import logging
import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, NamedTuple
from uuid import UUID

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
from portal.services import heartbeat, standing
from portal.services.ask import Heard, ask, ask_about_refund
from portal.services.clues import payments_at
from portal.services.disputes import ask_about_money_back
from portal.services.save_method import ask_about_setup

log = logging.getLogger(__name__)

SHORTEST_WAIT, LONGEST_WAIT = timedelta(seconds=1), timedelta(minutes=10)
ATTEMPTS = 50  # that raised: several hours of a mistake of ours
SILENCE = timedelta(days=3)  # of a provider that cannot tell; the worker's own questions go on after that


@dataclass(frozen=True)
class Received:
    seq: int
    provider: str
    body: bytes
    attempts: int
    received_at: datetime


class Subject(NamedTuple):
    """What of ours a webhook is about."""

    kind: str  # payment | refund | setup
    id: UUID
    user_id: str


class Came(Enum):
    """What applying a webhook came to."""

    through = "through"
    silent = "silent"  # nobody could tell
    failed = "failed"  # it raised


class Applied(NamedTuple):
    outcome: str
    came: Came
    subject: Subject | None = None


ASK: Mapping[str, Callable[[UUID], Heard]] = {
    "payment": ask,
    "refund": ask_about_refund,
    "setup": ask_about_setup,
}


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
        fresh = rows.add_or_nothing(InboxRow.__table__, row)
    failpoints.reached("webhook.stored")
    return fresh


def _storable(word: str, longest: int) -> str:
    """As it is; or the fingerprint of what a column does not take: too long, NUL, half of a surrogate pair."""
    if len(word) <= longest and word.isprintable():
        return word
    return hashlib.sha256(word.encode(errors="surrogatepass")).hexdigest()


def run_once(limit: int = 100) -> int:
    """Apply what has come in and is due. Answers how many were looked at."""
    due = _due(limit)
    for received in due:
        heartbeat.go_on()
        failpoints.reached("inbox.taken")
        try:
            applied = _apply(received)
        except Exception as error:  # one bad message must not hold back the others
            log.exception("inbox %s: not applied", received.seq)
            applied = Applied(f"{type(error).__name__}: {error}", Came.failed)
        failpoints.reached("inbox.applied")
        _finish(received, applied)
        failpoints.reached("inbox.finished")
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
        select(InboxRow.seq, InboxRow.provider, InboxRow.body, InboxRow.attempts, InboxRow.received_at)
        .where(InboxRow.state == "received", InboxRow.next_attempt_at <= runtime.clock.now())
        .order_by(InboxRow.next_attempt_at, InboxRow.seq)
        .limit(limit)
    )
    found = [Received(*row) for row in db.session.execute(statement)]
    end_reads()
    return found


def _apply(received: Received) -> Applied:
    """A webhook is a hint which object to look at: its content is old by now, the provider's answer is not."""
    provider = runtime.providers.get(received.provider)
    if provider is None:
        return Applied("ignored: this payment system is switched off", Came.through)
    notice = provider.parse(received.body)
    subject, asks = _subject_of(notice.reference or ""), None
    if notice.payment_ref is not None and (subject is None or subject.kind == "payment"):
        # Money that was taken back past us: a dispute, or a refund that is none of ours.
        subject, asks = _payment_at(received.provider, notice.payment_ref) or subject, ask_about_money_back
    if subject is None:
        return Applied("ignored: names nothing of ours", Came.through)
    if (asks or ASK[subject.kind])(subject.id) is Heard.silent:
        return Applied("the payment system could not tell", Came.silent, subject)
    return Applied("processed", Came.through, subject)


def _subject_of(reference: str) -> Subject | None:
    """Our row is committed before the provider hears of it, so an unknown reference is somebody else's."""
    payment_id, refund_id, setup_id = payment_id_of(reference), refund_id_of(reference), setup_id_of(reference)
    if payment_id and (payment := rows.find(Payment, PaymentRow.id == payment_id)):
        return Subject("payment", payment_id, payment.user_id)
    if refund_id and (refund := rows.find(Refund, RefundRow.id == refund_id)):
        return Subject("refund", refund_id, refund.user_id)
    if setup_id and (setup := rows.find(MethodSetup, MethodSetupRow.id == setup_id)):
        return Subject("setup", setup_id, setup.user_id)
    return None


def _payment_at(provider: str, payment_ref: str) -> Subject | None:
    """The payment that the payment system calls so."""
    found = payments_at(provider, payment_ref)
    return Subject("payment", found[0].id, found[0].user_id) if found else None


def _finish(received: Received, applied: Applied) -> None:
    now = runtime.clock.now()
    # Silence is no attempt, so that it uses none up: how long it is waited for is reckoned from when the webhook came.
    attempts = received.attempts + (applied.came is not Came.silent)
    values: dict[str, Any] = {"attempts": attempts, "outcome": applied.outcome}
    if applied.came is Came.through:
        values |= {"state": applied.outcome.partition(":")[0], "processed_at": now}
    elif _given_up(received, applied.came, now):
        values |= {"state": "dead", "processed_at": now}
    else:
        values["next_attempt_at"] = _later(received, applied.came, now)
    if applied.subject is not None:
        kind, subject_id, user_id = applied.subject
        values |= {"kind_of_subject": kind, "subject_id": subject_id, "user_id": user_id}
    with atomic():
        if applied.subject is not None and standing.lock_user(applied.subject.user_id).erased_at is not None:
            values |= {"body": b""} if "processed_at" in values else {}  # what is said of them later is not kept either
        db.session.execute(
            update(InboxRow).where(InboxRow.seq == received.seq, InboxRow.state == "received").values(**values)
        )


def _given_up(received: Received, came: Came, now: datetime) -> bool:
    if came is Came.silent:
        return now - received.received_at >= SILENCE
    return received.attempts + 1 >= ATTEMPTS


def _later(received: Received, came: Came, now: datetime) -> datetime:
    """Twice as long each time: after silence, which is not counted, as long again as it has lasted."""
    lasted = now - received.received_at if came is Came.silent else timedelta(seconds=2 ** min(received.attempts, 10))
    wait = min(LONGEST_WAIT, max(SHORTEST_WAIT, lasted))
    return now + wait * (0.5 + random.random() / 2)  # noqa: S311 - spreads load, guards nothing
