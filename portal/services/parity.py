"""What each user may watch, by our rows and by Auth's word. Where they differ, Auth is told so that it will take it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Select, func, select, update

from portal import runtime
from portal.audit.outside import AuthView
from portal.db.session import atomic, db, end_reads
from portal.domain.access import RESTATED
from portal.domain.act import Act
from portal.domain.calendar import whole_second_up
from portal.models.messages import OutboxRow
from portal.models.user import UserRow
from portal.outbox.append import Told, append
from portal.queries import entitlements
from portal.queries.entitlements import Rights
from portal.services import activity, replay, standing

APPLIES_WITHIN = timedelta(minutes=1)  # what was published so lately may be on its way yet
CHUNK = 200  # users between two looks at our own rows
Right = tuple[str, tuple[str, ...], datetime]  # plan, features, until


@dataclass(frozen=True)
class Difference:
    """`behind`: Auth has missed an event. `ahead`: it has had events that we do not know of, as after our database was
    restored from an older copy. `other`: the version is the same, and what is given under it is not.
    """

    user_id: str
    how: Literal["behind", "ahead", "other"]
    version: int
    auth_version: int


@dataclass(frozen=True)
class Compared:
    """Some users, one after the other by their ids. `last`: after whom to go on; none where nobody is left."""

    users: int
    differences: Sequence[Difference]
    last: str | None


def differences(auth: AuthView) -> Iterator[Difference]:
    """Of everybody to whom something was ever told and nothing is on its way. Raises CouldNotCheck."""
    after: str | None = ""
    while after is not None:
        compared = compare(auth, after)
        yield from compared.differences
        after = compared.last


def compare(auth: AuthView, after: str) -> Compared:
    """The next of them. Raises CouldNotCheck."""
    users = db.session.scalars(_settled().where(OutboxRow.user_id > after).limit(CHUNK)).all()
    return Compared(len(users), _differences(auth, users), users[-1] if len(users) == CHUNK else None)


def settle(difference: Difference) -> None:
    """An event that was missed is sent once more. Otherwise all is said anew, under a version newer than both."""
    with atomic():
        _settle(difference)


def settle_by_hand(act: Act, auth: AuthView, user_ids: Sequence[str]) -> int:
    """Compares these once more and settles what differs still, in one commit with its line in the log: of how many.

    Raises CouldNotCheck, AlreadyDone.
    """
    users = db.session.scalars(_settled().where(OutboxRow.user_id.in_(user_ids))).all()
    found = _differences(auth, users)
    with atomic():
        activity.refuse_repeat(act)
        for one in found:
            _settle(one)
        told = {"users": [one.user_id for one in found]}
        activity.log(act, "auth.settle", "auth", "parity", before={}, after=told)
    return len(found)


def _settled() -> Select[str]:
    """To whom something was told and nothing is on its way."""
    settled = OutboxRow.published_at <= runtime.clock.now() - APPLIES_WITHIN
    # A row that is not published yet makes neither true nor false of it, and is not counted.
    told = func.count() == func.count().filter(settled)
    return select(OutboxRow.user_id).group_by(OutboxRow.user_id).having(told).order_by(OutboxRow.user_id)


def _differences(auth: AuthView, user_ids: Sequence[str]) -> list[Difference]:
    now = runtime.clock.now()
    ours = entitlements.of_users(user_ids, now, runtime.policy)
    end_reads()
    compared = (_compared(ours[user_id], auth(user_id), now) for user_id in user_ids)
    return [found for found in compared if found is not None]


def _compared(ours: Rights, said: Mapping[str, Any], now: datetime) -> Difference | None:
    theirs = int(said.get("version", 0))
    if theirs != ours.version:
        return Difference(ours.user_id, "behind" if theirs < ours.version else "ahead", ours.version, theirs)
    given = {(one.plan, tuple(sorted(one.features)), whole_second_up(one.until)) for one in ours.entitlements}
    told = {right for one in said.get("entitlements", ()) if (right := _right(one))[2] > now}
    withdrawn = int(said.get("tokens_from_version", 0))
    if (given, ours.tokens_from_version) != (told, withdrawn):
        return Difference(ours.user_id, "other", ours.version, theirs)
    return None


def _right(one: Mapping[str, Any]) -> Right:
    return one["plan"], tuple(sorted(one["features"])), datetime.fromisoformat(one["until"]).astimezone(UTC)


def _settle(difference: Difference) -> None:
    if difference.how == "behind":
        replay.mark_newest([difference.user_id])
    else:
        _restate(difference)


def _restate(difference: Difference) -> None:
    """Whoever was told something since they were compared needs nothing more."""
    user_id = difference.user_id
    if standing.lock_user(user_id).entitlements_version != difference.version:
        return
    newest = select(OutboxRow.subscription_id).where(OutboxRow.user_id == user_id)
    subscription_id = db.session.scalar(newest.order_by(OutboxRow.version.desc()).limit(1))
    assert subscription_id is not None  # noqa: S101 - only users to whom something was told are compared
    if difference.auth_version > difference.version:
        values = {"entitlements_version": difference.auth_version}
        db.session.execute(update(UserRow).where(UserRow.id == user_id).values(**values))
    told = Told(RESTATED, user_id, subscription_id, "parity", None, runtime.clock.now())
    append([told], runtime.policy, runtime.settings.origin)
