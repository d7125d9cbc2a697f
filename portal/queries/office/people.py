"""A customer as operators name one in a filter."""

from __future__ import annotations

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from portal.models.user import UserRow


def of_customer(column: InstrumentedAttribute[str], typed: str) -> ColumnElement[bool]:
    """Rows of those whose id or e-mail this is."""
    return column.in_(select(UserRow.id).where(or_(UserRow.id == typed, UserRow.email.in_(spellings(typed)))))


def spellings(email: str) -> tuple[str, ...]:
    """As typed, and as most addresses are kept."""
    return tuple(dict.fromkeys((email, email.lower())))
