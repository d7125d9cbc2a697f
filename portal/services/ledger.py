"""The books are written by the journal, in the commit of what they tell of; and once a month by the passing of time."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy import bindparam, insert, select, tuple_, update

from portal import failpoints, runtime
from portal.db import rows
from portal.db.engines import locked
from portal.db.session import atomic, db
from portal.domain import ledger
from portal.domain.change import Change
from portal.domain.earning import Holding
from portal.domain.ledger import Posting
from portal.models.ledger import HoldingRow, PostingRow
from portal.models.user import UserRow

CHUNK = 200
CHANGES = (
    "returned_minor",
    "earned_minor",
    "base_minor",
    "start",
    "end",
    "earned_until",
    "due_at",
    "stopped_at",
)
Place: TypeAlias = tuple[datetime, UUID]  # when it was due, and of which payment


def book(changes: Sequence[Change]) -> None:
    """Inside the journal's transaction, whose user rows are locked. One statement for all postings."""
    touched = ledger.touched(changes)
    held = rows.find_all(Holding, HoldingRow.payment_id.in_(touched)) if touched else []
    booked = ledger.book(changes, {one.payment_id: one for one in held}, runtime.policy.zone)
    _add(booked.postings)
    if booked.opened:
        db.session.execute(insert(HoldingRow).values([rows.values_of(one) for one in booked.opened]))
    _change(list(booked.changed.values()))


def run_once() -> int:
    """Book what time has earned, of every payment that is due; several processes share the work. Answers how many."""
    done, reached = _earn_chunk(None)
    while reached is not None:
        more, reached = _earn_chunk(reached)
        done += more
    return done


def next_due() -> datetime | None:
    """The end of the month in which something is earned next."""
    due = HoldingRow.due_at
    return db.session.scalar(select(due).where(due.is_not(None)).order_by(due).limit(1))


def _earn_chunk(reached: Place | None) -> tuple[int, Place | None]:
    """One commit. Answers how many, and how far it got; None: nothing is left that is due."""
    now, zone = runtime.clock.now(), runtime.policy.zone
    with atomic():
        claimed, reached = _claim(now, reached)
        earned = [ledger.earned(one, now, zone) for one in claimed]
        _add([posting for _, postings in earned for posting in postings])
        _change([after for after, _ in earned])
    failpoints.reached("recognise.booked")
    return len(claimed), reached


def _claim(now: datetime, reached: Place | None) -> tuple[list[Holding], Place | None]:
    """Due ones whose users nobody else is working on; the locks are on the users' rows, as for every other change."""
    statement = (
        select(HoldingRow.due_at, HoldingRow.payment_id)
        .join(UserRow, UserRow.id == HoldingRow.user_id)
        .where(HoldingRow.due_at <= now)
        .order_by(HoldingRow.due_at, HoldingRow.payment_id)
        .limit(CHUNK)
    )
    if reached is not None:
        statement = statement.where(tuple_(HoldingRow.due_at, HoldingRow.payment_id) > reached)
    found = db.session.execute(locked(statement, of=UserRow, skip=True)).all()
    if not found:
        return [], None
    ids = [guid for _, guid in found]
    due = HoldingRow.payment_id.in_(ids), HoldingRow.due_at <= now
    return rows.find_all(Holding, *due, order=[HoldingRow.payment_id]), found[-1]


def _add(postings: Sequence[Posting]) -> None:
    if postings:
        db.session.execute(insert(PostingRow).values([rows.values_of(one) for one in postings]))


def _change(holdings: Collection[Holding]) -> None:
    if holdings:
        table = rows.table_of(Holding)
        new: dict[str, Any] = {name: bindparam(f"new_{name}") for name in CHANGES}
        statement = update(table).where(table.c.payment_id == bindparam("this")).values(new)
        db.session.connection().execute(
            statement,
            [{f"new_{name}": getattr(one, name) for name in CHANGES} | {"this": one.payment_id} for one in holdings],
        )
