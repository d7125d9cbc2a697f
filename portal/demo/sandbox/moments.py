"""When the payment system has something to do next by itself."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select, union_all

from portal.demo.sandbox.book import Book
from portal.demo.sandbox.tables import checkouts, payments, refunds, webhooks

# What due.catch_up looks for; a deliverer sends webhooks besides.
CATCHING_UP = (
    select(func.min(payments.c.settles_at).label("at")),
    select(func.min(checkouts.c.expires_at)).join(payments).where(payments.c.state == "requires_action"),
    select(func.min(refunds.c.settles_at)),
    select(func.min(payments.c.dispute_at)),
)


def _first_of(*moments: Select[Any]) -> Select[Any]:
    return select(func.min(union_all(*moments).subquery().c.at))


HAPPENS = _first_of(*CATCHING_UP)
SENDS_OR_HAPPENS = _first_of(*CATCHING_UP, select(func.min(webhooks.c.due_at)))


def next_due(book: Book) -> datetime | None:
    """May lie in the past; None: nothing waits."""
    return _ask(book, SENDS_OR_HAPPENS)


def next_by_itself(book: Book) -> datetime | None:
    """The same without the sending of webhooks."""
    return _ask(book, HAPPENS)


def _ask(book: Book, moment: Select[Any]) -> datetime | None:
    with book.read() as conn:
        found: datetime | None = conn.scalar(moment)
    return found
