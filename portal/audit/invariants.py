"""Every invariant, in the order of their numbers."""

from __future__ import annotations

from portal.audit import auth, books, calendar, events, money, nothing, people, provider, sources, stories, waiting
from portal.audit.violation import Invariant

ROOMS = (sources, money, books, events, stories, people, waiting, calendar, nothing, provider, auth)
INVARIANTS: tuple[Invariant, ...] = tuple(
    sorted((one for room in ROOMS for one in room.INVARIANTS), key=lambda one: int(one.id[1:]))
)
