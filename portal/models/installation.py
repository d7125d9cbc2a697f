"""What belongs to the installation itself: whose rows these are, the clock's offset, what lives, what ran."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from portal.db.base import Base


class ClockRow(Base):
    """Portal time minus real time, and who travels. One row; seeding a past makes it negative for a while."""

    __tablename__ = "clock"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    offset_microseconds: Mapped[int] = mapped_column(BigInteger)
    travelling_until: Mapped[datetime | None]  # real time: how long the loops stand still unless they hear more

    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)


class InstallationRow(Base):
    """One row: who works on this database. Written by whoever comes first, and when an operator says that it moved."""

    __tablename__ = "installation"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    production: Mapped[bool]
    origin: Mapped[str] = mapped_column(Text)  # PUBLIC_URL
    database: Mapped[str] = mapped_column(String(64))  # what the server says that it is; a copy is another
    claimed_at: Mapped[datetime]  # real time

    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)


class HeartbeatRow(Base):
    __tablename__ = "heartbeats"

    process: Mapped[str] = mapped_column(String(32), primary_key=True)
    beat_at: Mapped[datetime]  # real time


class JobRunRow(Base):
    """The worker's last run of each job, in portal time; by `reconcile:<payment system>` when that told everything."""

    __tablename__ = "job_runs"

    job: Mapped[str] = mapped_column(String(32), primary_key=True)
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]  # None: it runs, or was killed
    done: Mapped[int]  # rows it dealt with
    error: Mapped[str | None] = mapped_column(Text)
