"""What belongs to the installation itself: the clock's offset and the processes' heartbeats."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.db.base import Base


class ClockRow(Base):
    """Portal time minus real time, and who travels. One row; seeding a past makes it negative for a while."""

    __tablename__ = "clock"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    offset_microseconds: Mapped[int] = mapped_column(BigInteger)
    travelling_until: Mapped[datetime | None]  # real time: how long the loops stand still unless they hear more

    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)


class HeartbeatRow(Base):
    __tablename__ = "heartbeats"

    process: Mapped[str] = mapped_column(String(32), primary_key=True)
    beat_at: Mapped[datetime]  # real time
