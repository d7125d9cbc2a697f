"""A caller's Idempotency-Key: one key, one effect, one answer, for 24 hours."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select, update

from portal import runtime
from portal.db import rows
from portal.db.engines import locked
from portal.db.session import atomic, db
from portal.domain.errors import IdempotencyKeyReused, RequestInProgress
from portal.models.messages import IdempotencyKeyRow

KEPT_FOR = timedelta(hours=24)
NOT_NOW = (409, 429)  # how things stood, or too often: nothing was done
LEASE = timedelta(seconds=60)  # a request that died is not waited for longer


@dataclass(frozen=True)
class Given:
    """An answer that was given before."""

    status: int
    body: dict[str, Any]


def begin(caller: str, key: str, request: bytes) -> Given | None:
    """Take the key, or get the answer it was given. Raises RequestInProgress, IdempotencyKeyReused."""
    fingerprint = hashlib.sha256(request).hexdigest()
    row = {"caller": caller, "key": key, "fingerprint": fingerprint}
    with atomic():
        _forget(caller, key)
        fresh = row | {"created_at": runtime.clock.now(), "locked_until": runtime.clock.real_now() + LEASE}
        if rows.add_or_nothing(IdempotencyKeyRow.__table__, fresh):
            return None
        mine = IdempotencyKeyRow.caller == caller, IdempotencyKeyRow.key == key
        columns = IdempotencyKeyRow.fingerprint, IdempotencyKeyRow.locked_until, IdempotencyKeyRow.status
        found = db.session.execute(locked(select(*columns, IdempotencyKeyRow.answer).where(*mine))).one_or_none()
        if found is None:  # its first request ended this moment, in an answer that is not kept
            raise RequestInProgress("the first request with this key has only just ended")
        if found.fingerprint != fingerprint:
            raise IdempotencyKeyReused("this key came with another request before")
        if found.status is not None:
            return Given(found.status, found.answer)
        if found.locked_until > runtime.clock.real_now():
            raise RequestInProgress("the first request with this key is still running")
        db.session.execute(update(IdempotencyKeyRow).where(*mine).values(locked_until=runtime.clock.real_now() + LEASE))
        return None


def finish(caller: str, key: str, status: int, body: dict[str, Any]) -> None:
    """Keep the answer. One that says «not now» is not kept: trying again, when things stand otherwise, is its point."""
    mine = IdempotencyKeyRow.caller == caller, IdempotencyKeyRow.key == key
    with atomic():
        if status in NOT_NOW or status >= 500:
            db.session.execute(delete(IdempotencyKeyRow).where(*mine))
            return
        answer = {"status": status, "answer": body, "locked_until": None}
        db.session.execute(update(IdempotencyKeyRow).where(*mine).values(**answer))


def forget_old() -> int:
    """Delete what is older than a day. Answers how many."""
    with atomic():
        old = IdempotencyKeyRow.created_at < runtime.clock.now() - KEPT_FOR
        done = db.session.execute(delete(IdempotencyKeyRow).where(old))
        return int(done.rowcount)  # type: ignore[attr-defined]  # a CursorResult


def _forget(caller: str, key: str) -> None:
    old = IdempotencyKeyRow.created_at < runtime.clock.now() - KEPT_FOR
    mine = IdempotencyKeyRow.caller == caller, IdempotencyKeyRow.key == key
    db.session.execute(delete(IdempotencyKeyRow).where(*mine, old))
