"""Handing out the books of a range of days: logged before the first row leaves."""

from __future__ import annotations

from portal.db.session import atomic
from portal.domain.act import Act
from portal.domain.errors import InvalidRequest
from portal.queries.office import ledger
from portal.queries.office.ledger import Chosen
from portal.services import activity

MOST = 100_000  # rows of one file


class TooManyRows(InvalidRequest):
    error_id = "too_many_rows"


def begin(act: Act, chosen: Chosen) -> int:
    """Answers the last posting that belongs to the file, for `ledger.in_order`. Raises TooManyRows, AlreadyDone."""
    with atomic():
        activity.refuse_repeat(act)
        rows = ledger.counted(chosen, MOST)
        if rows > MOST:
            raise TooManyRows(f"more than {MOST} postings")
        activity.log(act, "ledger.export", "ledger", days_of(chosen), before={}, after={"rows": rows})
        return ledger.last_seq()


def days_of(chosen: Chosen) -> str:
    return f"{chosen.since}/{chosen.until}"
