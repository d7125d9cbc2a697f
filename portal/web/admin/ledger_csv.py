"""Postings as a file for an accountant's own programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from portal.domain.calendar import rfc3339
from portal.queries.office.ledger import PostingListed

HEADER = (
    "number",
    "day",
    "written_at",
    "event",
    "debit",
    "credit",
    "amount",
    "currency",
    "invoice",
    "customer",
    "subscription_id",
    "invoice_id",
    "payment_id",
    "refund_id",
)
BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"  # without it spreadsheets take UTF-8 for something else
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def written(chunks: Iterable[Sequence[PostingListed]]) -> Iterator[str]:
    """The file, piece by piece."""
    yield BOM + _lines([HEADER])
    for chunk in chunks:
        yield _lines([_cells(posting) for posting in chunk])


def safe(cell: str) -> str:
    """A spreadsheet takes what begins like this for a formula, whoever wrote it."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def _cells(posting: PostingListed) -> Sequence[object]:
    return (
        posting.seq,
        posting.day.isoformat(),
        rfc3339(posting.at),
        posting.event,
        posting.debit,
        posting.credit,
        posting.amount.major,
        posting.currency,
        posting.number,
        posting.user_id,
        posting.subscription_id,
        posting.invoice_id,
        posting.payment_id or "",
        posting.refund_id or "",
    )


def _lines(rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([safe(str(cell)) for cell in row] for row in rows)
    return text.getvalue()
