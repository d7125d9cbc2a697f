"""Auth is told once more. A user's newest event carries everything that they may use, so that it alone is enough.

Whoever has it already knows it by its version.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from sqlalchemy import func, select, update

from portal import runtime
from portal.db.session import atomic, db, end_reads
from portal.models.messages import OutboxRow

CHUNK = 500  # users in one transaction


def replay(
    user_id: str | None = None, since: datetime | None = None, told: Callable[[int], None] = lambda _: None
) -> int:
    """The relay publishes the newest event of this user, of all to whom something was told since then, or of everybody.

    Answers how many users that is; `told` hears the count as it grows. Interrupted, it may simply be run again.
    """
    count = 0
    for users in _users(user_id, since):
        send_newest(users)
        count += len(users)
        told(count)
    return count


def send_newest(user_ids: Sequence[str]) -> None:
    newest = select(func.max(OutboxRow.seq)).where(OutboxRow.user_id.in_(user_ids)).group_by(OutboxRow.user_id)
    again = update(OutboxRow).where(OutboxRow.seq.in_(newest.scalar_subquery()))
    with atomic():
        db.session.execute(again.values(published_at=None, last_error=None, asked_at=runtime.clock.now()))


def _users(user_id: str | None, since: datetime | None) -> Iterator[Sequence[str]]:
    after = ""
    query = select(OutboxRow.user_id).group_by(OutboxRow.user_id).order_by(OutboxRow.user_id).limit(CHUNK)
    if user_id is not None:
        query = query.where(OutboxRow.user_id == user_id)
    if since is not None:
        query = query.having(func.max(OutboxRow.created_at) >= since)
    while users := db.session.scalars(query.where(OutboxRow.user_id > after)).all():
        end_reads()
        yield users
        after = users[-1]
    end_reads()
