"""When the payment system has something to do next by itself."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select

from portal.demo.sandbox.book import Book
from portal.demo.sandbox.tables import checkouts, payments, refunds, webhooks

# What due.catch_up looks for, and what a deliverer sends.
QUERIES = (
    select(func.min(webhooks.c.due_at)),
    select(func.min(payments.c.settles_at)).where(payments.c.state == "pending"),
    select(func.min(checkouts.c.expires_at)).join(payments).where(payments.c.state == "requires_action"),
    select(func.min(refunds.c.settles_at)).where(refunds.c.state == "pending"),
    select(func.min(payments.c.dispute_at)),
)


def next_due(book: Book) -> datetime | None:
    """May lie in the past; None: nothing waits."""
    with book.read() as conn:
        found = [conn.scalar(query) for query in QUERIES]
    return min((moment for moment in found if moment is not None), default=None)
