"""What we know of somebody, as they are told it."""

from __future__ import annotations

from sqlalchemy import select

from portal.db import rows
from portal.db.session import db
from portal.domain.user import User
from portal.models.user import UserRow


def find(user_id: str) -> User | None:
    """None: they have left nothing here."""
    return rows.find(User, UserRow.id == user_id)


def chosen_locale(user_id: str) -> str | None:
    """The language that they switched to while they were signed in."""
    return db.session.scalar(select(UserRow.chosen_locale).where(UserRow.id == user_id))
