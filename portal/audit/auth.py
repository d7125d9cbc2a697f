"""What Auth says of each user against what the rows give them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import text

from portal.audit.ask import moment, plain
from portal.audit.calendar import PARKED, TRIED, reckoned
from portal.audit.violation import N_, Audit, Invariant, Walk
from portal.db import engines

USERS = """
    SELECT u.id AS user_id, u.entitlements_version AS version, u.tokens_from_version AS withdrawn, w.waiting, w.newest,
        s.state, s.auto_renew, s.payment_method_id AS method, s.zone, s.paid_through, s.trial_end, s.parked_at,
        p.code, p.features, p."interval" AS unit, p.interval_count AS many
    FROM users u
    LEFT JOIN (SELECT user_id, min(CASE WHEN published_at IS NULL THEN version END) AS waiting,
        max(published_at) AS newest FROM outbox GROUP BY user_id) AS w ON w.user_id = u.id
    LEFT JOIN subscriptions s ON s.user_id = u.id AND s.state IN ('trialing', 'active', 'past_due')
        AND s.started_at IS NOT NULL
    LEFT JOIN plans p ON p.id = s.plan_id
    ORDER BY u.id
"""
BY_NOW = "SELECT entitlements_version FROM users WHERE id = :user_id"
OTHER_RIGHTS = N_("Auth gives a user other rights than the rows do.")
REPLAY = N_("Replay the user's last event on the events' page; if that does not help, see whether Auth consumes them.")
Right = tuple[str, tuple[str, ...], datetime]  # plan, features, until


def unlike_auth(audit: Audit) -> Iterator[Mapping[str, object]]:
    """Auth is asked once for each user: another version explains other rights."""
    for user, rows, said in _users(audit):
        yield from _behind(user, said, audit)
        if said.get("version", 0) == user.version:
            yield from _other_rights(user, rows, said, audit)


def _behind(user: Any, said: Mapping[str, Any], audit: Audit) -> Iterator[Mapping[str, object]]:
    """Auth has not applied what was published, or something that never was; or withdraws other tokens."""
    known, withdrawn = said.get("version", 0), said.get("tokens_from_version", 0)
    least = user.version if user.waiting is None else user.waiting - 1
    early = known > user.version and known > _version_by_now(user.user_id, audit)
    if known < least or early or (known == user.version and withdrawn != user.withdrawn):
        yield {"user_id": user.user_id, "version": user.version, "auth_version": known, "auth_withdrawn": withdrawn}


def _version_by_now(user_id: str, audit: Audit) -> int:
    """Whoever changes while the audit runs is further than in its snapshot, and Auth may have heard of it."""
    with engines.snapshot(audit.connection.engine) as afresh:
        return afresh.scalar(text(BY_NOW), {"user_id": user_id}) or 0


def _other_rights(user: Any, rows: list[Any], said: Mapping[str, Any], audit: Audit) -> Iterator[Mapping[str, object]]:
    ours = sorted(right for right in (_right(row, audit) for row in rows if row.state) if right[2] > audit.now)
    told = [(one["plan"], tuple(sorted(one["features"])), moment(one["until"])) for one in said.get("entitlements", ())]
    theirs = sorted(right for right in told if right[2] > audit.now)  # what ran out by itself needs no word
    if ours != theirs:
        ids = {"user_id": user.user_id, "version": user.version}
        yield {"what": OTHER_RIGHTS, **ids, "rights": _plain(ours), "auth": _plain(theirs)}


def _users(audit: Audit) -> Iterator[tuple[Any, list[Any], Mapping[str, Any]]]:
    """Each user's row, the subscriptions that give access, what Auth says. What was published just now may wait."""
    assert audit.auth is not None  # noqa: S101 - these invariants are only asked where it is there
    for user_id, same in groupby(plain(audit, USERS), key=lambda row: row.user_id):
        rows = list(same)
        user = rows[0]
        heard = user.newest is None or moment(user.newest) <= audit.now - audit.limits.consuming
        if user.version and heard:
            yield user, rows, audit.auth(user_id)


def _right(row: Any, audit: Audit) -> Right:
    tries = row.state == "trialing"
    end = moment(row.trial_end if tries else row.paid_through)
    if row.auto_renew and row.method is not None:
        end = _graced(row, end, tries, audit.limits.grace_days)
    features = row.features if isinstance(row.features, list) else _listed(row.features)
    return row.code, tuple(sorted(features)), _whole_second_up(end)


def _graced(row: Any, end: datetime, tries: bool, grace_days: int) -> datetime:
    if row.parked_at is not None:
        return end + PARKED
    if tries:
        return end + TRIED
    one_interval = reckoned(end.isoformat(), row.zone, row.unit, row.many)
    return min(end + timedelta(days=grace_days), one_interval)


def _listed(value: str) -> list[str]:
    """SQLite gives JSON as text."""
    read: list[str] = json.loads(value)
    return read


def _whole_second_up(at: datetime) -> datetime:
    return (at + timedelta(microseconds=999_999)).replace(microsecond=0)


def _plain(rights: list[Right]) -> str:
    return "; ".join(f"{plan} until {until.isoformat()}" for plan, _, until in rights) or "none"


I13 = Invariant(
    "I13",
    "Auth has applied the last event of each user, and gives the rights that the rows give",
    (Walk(N_("Auth's version of a user is not ours, or it withdraws other tokens."), REPLAY, unlike_auth),),
    asks="auth",
)

INVARIANTS = (I13,)
