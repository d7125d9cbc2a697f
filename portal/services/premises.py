"""Whose rows these are. The first process that works on them writes it down, and no other installation then does.

A copy of production that is started beside it would charge everybody once more, with production's keys; a backup that
is restored has forgotten what was charged since it was made, and would, too.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import select, update

from portal import runtime
from portal.clock import real_now
from portal.db import rows
from portal.db.engines import identity
from portal.db.session import AWAY, atomic, db
from portal.models.installation import InstallationRow
from portal.queries import readiness


class NotOurs(Exception):
    """These rows are not to be worked on; the text says what to do."""


class NotReady(NotOurs):
    """It may pass by itself."""


@dataclass(frozen=True)
class Premises:
    production: bool
    origin: str
    database: str


def enter() -> None:
    """Raises NotOurs."""
    _look_at_schema()
    try:
        with atomic():
            ours = _ours()
            rows.add_or_nothing(InstallationRow.__table__, {"id": 1, **asdict(ours), "claimed_at": real_now()})
            theirs = _written()
    except AWAY:
        raise NotReady("the database that DATABASE_URL names does not answer, or only reads") from None
    if theirs.production and not ours.production:
        raise NotOurs(f"DATABASE_URL names the database of {theirs.origin}: nothing may only pretend there")
    if ours.production and not theirs.production:
        raise NotOurs("DATABASE_URL names a demo's database: what was bought there was never paid for")
    if ours.production and theirs != ours:
        raise NotOurs(
            f"this was the database of {theirs.origin}, and is a copy, a backup or moved: a copy would charge everybody"
            " once more. See to what was charged since it was made, then run: flask --app wsgi claim"
        )


def claim() -> str | None:
    """From now on these rows are ours. Answers whose they were. Raises NotOurs for those of a demo."""
    _look_at_schema()
    with atomic():
        was = db.session.scalar(select(InstallationRow.origin).where(InstallationRow.production))
        values = {**asdict(_ours()), "claimed_at": real_now()}
        db.session.execute(update(InstallationRow).where(InstallationRow.production).values(values))
    enter()
    return was


def _look_at_schema() -> None:
    try:
        current = readiness.migrated()
    except AWAY:
        raise NotReady("the database that DATABASE_URL names does not answer") from None
    if not current:
        raise NotReady("the database is not at this code's schema: run flask --app wsgi db upgrade, or newer code")


def _ours() -> Premises:
    return Premises(not runtime.settings.pretends, runtime.settings.origin, identity(db.session.connection()))


def _written() -> Premises:
    columns = (InstallationRow.production, InstallationRow.origin, InstallationRow.database)
    return Premises(*db.session.execute(select(*columns)).one())
