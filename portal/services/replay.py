"""Auth is told once more. A user's newest event carries everything that they may use, so that it alone is enough.

Whoever has it already knows it by its version.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from sqlalchemy import Select, func, select, update

from portal import runtime
from portal.db.session import atomic, db, end_reads
from portal.domain.act import Act
from portal.domain.errors import InvalidRequest
from portal.models.messages import OutboxRow
from portal.services import activity

CHUNK = 500  # users in one transaction
AT_A_PRESS = 10_000  # users that an operator tells again by one press; who waits for more sees nothing of how far it is


class TooManyUsers(InvalidRequest):
    error_id = "too_many_users"


def replay(
    user_id: str | None = None, since: datetime | None = None, told: Callable[[int], None] = lambda _: None
) -> int:
    """The relay publishes the newest event of this user, of all to whom something was told since then, or of everybody.

    Answers how many users that is; `told` hears the count as it grows. Interrupted, it may simply be run again.
    """
    count = 0
    for users in _users(user_id, since):
        with atomic():
            mark_newest(users)
        count += len(users)
        told(count)
    return count


def replay_by_hand(act: Act, since: datetime | None) -> int:
    """The same in one commit with its line in the log. Raises TooManyUsers, AlreadyDone."""
    with atomic():
        activity.refuse_repeat(act)
        users = db.session.scalars(_touched(None, since).limit(AT_A_PRESS + 1)).all()
        if len(users) > AT_A_PRESS:
            raise TooManyUsers(f"more than {AT_A_PRESS} users")
        for start in range(0, len(users), CHUNK):
            mark_newest(users[start : start + CHUNK])
        told = {"since": since, "users": len(users)}
        activity.log(act, "auth.replay", "auth", "replay", before={}, after=told)
    return len(users)


def mark_newest(user_ids: Sequence[str]) -> None:
    """Inside the caller's transaction."""
    newest = select(func.max(OutboxRow.seq)).where(OutboxRow.user_id.in_(user_ids)).group_by(OutboxRow.user_id)
    again = update(OutboxRow).where(OutboxRow.seq.in_(newest.scalar_subquery()))
    db.session.execute(again.values(published_at=None, last_error=None, asked_at=runtime.clock.now()))


def _users(user_id: str | None, since: datetime | None) -> Iterator[Sequence[str]]:
    after, query = "", _touched(user_id, since).limit(CHUNK)
    while users := db.session.scalars(query.where(OutboxRow.user_id > after)).all():
        end_reads()
        yield users
        after = users[-1]
    end_reads()


def _touched(user_id: str | None, since: datetime | None) -> Select[str]:
    query = select(OutboxRow.user_id).group_by(OutboxRow.user_id).order_by(OutboxRow.user_id)
    if user_id is not None:
        query = query.where(OutboxRow.user_id == user_id)
    if since is not None:
        query = query.having(func.max(OutboxRow.created_at) >= since)
    return query
