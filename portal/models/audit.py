"""What the nightly audit found. Not append-only: old runs are forgotten."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from portal.db.base import Base, Json, Serial


class AuditRunRow(Base):
    __tablename__ = "audit_runs"

    seq: Mapped[int] = mapped_column(Serial, primary_key=True)
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]  # None: it runs, or was killed
    found: Mapped[int]
    error: Mapped[str | None] = mapped_column(Text)  # why it could not check everything

    __table_args__ = (Index("ix_audit_runs_started_at", "started_at"),)


class AuditFindingRow(Base):
    """The first of what a run found; `what` and `todo` are sentences that the page says in the reader's language."""

    __tablename__ = "audit_findings"

    run: Mapped[int] = mapped_column(ForeignKey("audit_runs.seq"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    invariant: Mapped[str] = mapped_column(String(8))
    what: Mapped[str] = mapped_column(Text)
    ids: Mapped[dict[str, Any]] = mapped_column(Json)
    todo: Mapped[str] = mapped_column(Text)
