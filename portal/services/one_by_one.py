"""Work on many rows in which one that fails does not hold back the others."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from uuid import UUID

from portal import failpoints
from portal.db.session import end_reads
from portal.services import heartbeat

log = logging.getLogger(__name__)


def one_by_one(ids: Iterable[UUID], act: Callable[[UUID], object]) -> None:
    """Each of them, whatever becomes of the one before. What failed is still due, and is told to the log."""
    for row_id in ids:
        try:
            heartbeat.go_on()
            act(row_id)
            failpoints.reached("batch.between")
        except Exception:
            log.exception("%s %s: not done, to be tried again", act.__name__, row_id)
            end_reads()
