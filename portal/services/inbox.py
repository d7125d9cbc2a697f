"""The word of the payment systems: proven, stored, answered; applied later, by asking the system itself."""

from __future__ import annotations

import hashlib
import logging
import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
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
from portal.services.ask import Heard, ask, ask_about_refund
from portal.services.disputes import ask_about_money_back
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


class Subject(NamedTuple):
    """What of ours a webhook is about."""

    kind: str  # payment | refund | setup
    id: UUID
    user_id: str


class Applied(NamedTuple):
    outcome: str
    heard: bool
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
            applied = _apply(received)
        except Exception as error:  # one bad message must not hold back the others
            log.exception("inbox %s: not applied", received.seq)
            applied = Applied(f"{type(error).__name__}: {error}", False)
        failpoints.reached("inbox.applied")
        _finish(received, applied)
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


def _apply(received: Received) -> Applied:
    """A webhook is a hint which object to look at: its content is old by now, the provider's answer is not."""
    provider = runtime.providers.get(received.provider)
    if provider is None:
        return Applied("ignored: this payment system is switched off", True)
    notice = provider.parse(received.body)
    subject, asks = _subject_of(notice.reference or ""), None
    if notice.payment_ref is not None and (subject is None or subject.kind == "payment"):
        # Money that was taken back past us: a dispute, or a refund that is none of ours.
        subject, asks = _payment_at(received.provider, notice.payment_ref) or subject, ask_about_money_back
    if subject is None:
        return Applied("ignored: names nothing of ours", True)
    if (asks or ASK[subject.kind])(subject.id) is Heard.silent:
        return Applied("the payment system could not tell", False, subject)
    return Applied("processed", True, subject)


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
    named = PaymentRow.provider == provider, PaymentRow.provider_ref == payment_ref
    found = rows.find_all(Payment, *named, order=[PaymentRow.id], limit=1)
    return Subject("payment", found[0].id, found[0].user_id) if found else None


def _finish(received: Received, applied: Applied) -> None:
    now = runtime.clock.now()
    values: dict[str, Any] = {"attempts": received.attempts + 1, "outcome": applied.outcome}
    if applied.heard:
        values |= {"state": applied.outcome.partition(":")[0], "processed_at": now}
    else:
        values["next_attempt_at"] = _later(now, received.attempts)
        if received.attempts + 1 >= ATTEMPTS:
            values["state"] = "dead"
    if applied.subject is not None:
        kind, subject_id, user_id = applied.subject
        values |= {"kind_of_subject": kind, "subject_id": subject_id, "user_id": user_id}
    with atomic():
        db.session.execute(
            update(InboxRow).where(InboxRow.seq == received.seq, InboxRow.state == "received").values(**values)
        )


def _later(now: datetime, attempts: int) -> datetime:
    wait = min(LONGEST_WAIT, timedelta(seconds=2 ** min(attempts, 10)))
    return now + wait * (0.5 + random.random() / 2)  # noqa: S311 - spreads load, guards nothing
