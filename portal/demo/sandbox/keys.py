"""Idempotency keys: the same key and body gets the same answer, a stored 500 included, for 24 hours.

A key is claimed before the work and answered in the transaction that does it, so there is never an effect without its
stored answer. A claim whose worker died is taken over after a minute; the dead one's work cannot be written any more,
because it no longer holds the claim.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from portal.demo.sandbox.refusal import Refusal, invalid
from portal.demo.sandbox.reply import Reply
from portal.demo.sandbox.tables import keys

REMEMBERED: Final = timedelta(hours=24)
CLAIM_LASTS: Final = timedelta(seconds=60)


@dataclass(frozen=True)
class Claim:
    key: str
    token: str


def fingerprint(path: str, body: bytes) -> str:
    """Equal for the same call; the order of a body's members and its white space do not matter."""
    try:
        canonical = json.dumps(json.loads(body), sort_keys=True).encode()
    except ValueError:
        canonical = body
    return hashlib.sha256(path.encode() + b"\n" + canonical).hexdigest()


def claim(conn: Connection, key: str, print_: str, now: datetime) -> Claim | Reply:
    """Ours to work on, or the answer that was given before. Raises Refusal: another body, or still in flight."""
    conn.execute(delete(keys).where(keys.c.key == key, keys.c.claimed_at <= now - REMEMBERED))
    ours = Claim(key, secrets.token_hex(16))
    try:
        with conn.begin_nested():
            conn.execute(insert(keys).values(key=key, fingerprint=print_, claim=ours.token, claimed_at=now))
        return ours
    except IntegrityError:
        return _met(conn, ours, print_, now)


def _met(conn: Connection, ours: Claim, print_: str, now: datetime) -> Claim | Reply:
    row = conn.execute(select(keys).where(keys.c.key == ours.key)).one()
    if row.fingerprint != print_:
        raise invalid("this key was used with another body", "idempotency_mismatch")
    if row.status is not None:
        return Reply(row.status, row.body, headers=(("Idempotent-Replayed", "true"),))
    if row.claimed_at > now - CLAIM_LASTS or not _take_over(conn, row, ours, now):
        raise Refusal(409, "key_in_use", "a request with this key is still being worked on")
    return ours


def _take_over(conn: Connection, row: Row[*tuple[Any, ...]], ours: Claim, now: datetime) -> bool:
    abandoned = update(keys).where(keys.c.key == ours.key, keys.c.claim == row.claim, keys.c.status.is_(None))
    return bool(conn.execute(abandoned.values(claim=ours.token, claimed_at=now)).rowcount)


def answer(conn: Connection, held: Claim, reply: Reply) -> None:
    """Keep the answer beside its effect. Raises Refusal where the claim was lost, and the effect goes with it."""
    mine = update(keys).where(keys.c.key == held.key, keys.c.claim == held.token, keys.c.status.is_(None))
    if not conn.execute(mine.values(status=reply.status, body=reply.body)).rowcount:
        raise Refusal(409, "key_in_use", "another request took this key over")


def release(conn: Connection, held: Claim) -> None:
    """Nothing was done, so nothing is remembered."""
    conn.execute(delete(keys).where(keys.c.key == held.key, keys.c.claim == held.token))
