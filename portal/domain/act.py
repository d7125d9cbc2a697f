"""One operator's one press of a button."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True)
class Act:
    id: UUID  # the form's own: the same form does nothing twice
    operator: str  # the subject of the operator's token
    request_id: str
    address: str | None
    reason: str | None = None  # of a closed list, where there is one
    note: str | None = None  # the operator's own words; customers never see them

    @property
    def actor(self) -> str:
        return f"operator:{self.operator}"
