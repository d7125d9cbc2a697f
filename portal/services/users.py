"""The user's row: made with what they first leave here, told by the token."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import update

from portal import runtime
from portal.db import rows
from portal.db.session import atomic, db
from portal.domain.user import Person, User
from portal.models.user import UserRow
from portal.services import standing


def remember(person: Person, email: str | None, locale: str | None, now: datetime) -> User:
    """The caller's row, made or brought up to date, locked until commit. What the user typed wins over the token."""
    fresh = User(
        id=person.id,
        email=email or person.email,
        locale=locale or person.locale or runtime.settings.default_locale,
        zone=person.zone,
        first_subscribed_at=None,
        entitlements_version=0,
        tokens_from_version=0,
        created_at=now,
    )
    if rows.add_or_nothing(UserRow.__table__, rows.values_of(fresh)):
        return standing.lock_user(person.id)
    user = standing.lock_user(person.id)
    told: dict[str, Any] = {
        "email": email or user.email or person.email,
        "locale": locale or user.locale,
        "zone": user.zone or person.zone,
    }
    db.session.execute(update(UserRow).where(UserRow.id == user.id).values(**told))
    return standing.lock_user(person.id)


def choose_locale(person: Person, locale: str) -> None:
    """Their own choice, for every device. Who has ordered nothing yet leaves their id and this, and nothing else."""
    now = runtime.clock.now()
    with atomic():
        user = remember(Person(person.id, locale=locale), None, None, now)
        db.session.execute(update(UserRow).where(UserRow.id == user.id).values(chosen_locale=locale))
