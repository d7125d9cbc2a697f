"""One request from beginning to end: noted, perhaps disturbed, carried out once per key, answered.

Two short transactions. The first notes the request, takes a fault of the wire and claims the key; the second does the
work and keeps its answer beside it. Waiting, where a fault wants it, comes after both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, update

from portal.demo.sandbox import due, faults, keys, reply
from portal.demo.sandbox.book import Book
from portal.demo.sandbox.faults import LOOKING, Fault, Stage
from portal.demo.sandbox.keys import Claim
from portal.demo.sandbox.refusal import Refusal
from portal.demo.sandbox.reply import Reply
from portal.demo.sandbox.tables import requests

Work = Callable[[Connection, datetime, Fault | None], Reply]


@dataclass(frozen=True)
class Call:
    operation: str
    reference: str | None
    key: str | None = None
    fingerprint: str = ""


@dataclass(frozen=True)
class Entry:
    """Its line in the log, the fault that waits for its answer, and the key it holds or the answer it has already."""

    id: int
    wire: Fault | None
    claim: Claim | None = None
    answered: Reply | None = None


class Exchange:
    def __init__(self, book: Book, now: Callable[[], datetime]) -> None:
        self.book = book
        self.now = now

    def carry_out(self, call: Call, work: Work) -> Reply:
        now = self.now()
        due.catch_up(self.book, now)
        with self.book.write() as conn:
            entry = _admit(conn, call, now)
        answer = entry.answered or self._do(call, entry, work, now)
        if entry.wire is None or faults.PLAN[entry.wire.name][0] is Stage.before:
            return answer
        return reply.spoiled(answer, entry.wire)

    def _do(self, call: Call, entry: Entry, work: Work, now: datetime) -> Reply:
        try:
            with self.book.write() as conn:
                return _work(conn, call, entry, work, now)
        except Refusal as refused:
            with self.book.write() as conn:
                return _refuse(conn, entry, refused)


def _admit(conn: Connection, call: Call, now: datetime) -> Entry:
    wire = faults.take(conn, {Stage.before, Stage.after}, call.operation, call.reference)
    if wire is not None and faults.PLAN[wire.name][0] is Stage.before:
        instead = reply.instead(wire)
        return Entry(_note(conn, call, now, wire, instead), wire, answered=instead)
    try:
        held = keys.claim(conn, call.key, call.fingerprint, now) if call.key is not None else None
    except Refusal as refused:
        held = reply.as_json(refused.status, refused.as_json())
    answered = held if isinstance(held, Reply) else None
    claim = held if isinstance(held, Claim) else None
    return Entry(_note(conn, call, now, wire, answered), wire, claim, answered)


def _note(conn: Connection, call: Call, now: datetime, wire: Fault | None, answered: Reply | None) -> int:
    line = insert(requests).values(
        at=now,
        operation=call.operation,
        reference=call.reference,
        key=call.key,
        faults=[wire.name] if wire is not None else [],
        status=answered.status if answered is not None else None,
        took_effect=False,
        replayed=answered is not None and ("Idempotent-Replayed", "true") in answered.headers,
    )
    return int(conn.execute(line.returning(requests.c.id)).scalar_one())


def _work(conn: Connection, call: Call, entry: Entry, work: Work, now: datetime) -> Reply:
    twist = faults.take(conn, {Stage.work}, call.operation, call.reference)
    answer, effect = _act(conn, work, now, twist)
    if entry.claim is not None:
        keys.answer(conn, entry.claim, answer)
    if entry.wire is not None and entry.wire.name == "truncated" and not answer.body:
        entry.wire.met = False
    met = [fault.name for fault in (entry.wire, twist) if fault is not None and fault.met]
    _finish(conn, entry, faults=met, status=answer.status, took_effect=effect and call.operation not in LOOKING)
    return answer


def _act(conn: Connection, work: Work, now: datetime, twist: Fault | None) -> tuple[Reply, bool]:
    """The answer, and whether the work was done. A 500 hides also that it was refused."""
    name = twist.name if twist is not None else None
    if name == "error_before":
        return reply.broken(), False
    try:
        with conn.begin_nested():
            answer = work(conn, now, twist)
    except Refusal:
        if name != "error_after":
            raise
        return reply.broken(), False
    return (reply.broken() if name == "error_after" else answer), True


def _refuse(conn: Connection, entry: Entry, refused: Refusal) -> Reply:
    if entry.claim is not None:
        keys.release(conn, entry.claim)
    _finish(conn, entry, status=refused.status)
    return reply.as_json(refused.status, refused.as_json())


def _finish(conn: Connection, entry: Entry, **values: object) -> None:
    conn.execute(update(requests).where(requests.c.id == entry.id).values(**values))
