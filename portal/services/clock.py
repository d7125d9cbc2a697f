"""The clock's offset row."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Engine, select

from portal.models.installation import ClockRow


def read_offset(engine: Engine) -> timedelta:
    """Portal time minus real time, read on a connection of its own so that no transaction is disturbed."""
    with engine.connect() as connection:
        found = connection.scalar(select(ClockRow.offset_microseconds))
    return timedelta(microseconds=found or 0)
