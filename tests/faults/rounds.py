"""What differs between two rounds of one kill."""

from __future__ import annotations

import os
from dataclasses import dataclass

ROUNDS = int(os.environ.get("ROUNDS") or 20)  # of each kill in `make chaos`; the first is in `make test` too
FIRST_ON_SQLITE = 3
CUSTOMERS = ("alice", "boris", "clara")


@dataclass(frozen=True)
class Round:
    """Who is hit, what they have, who is there beside them; every fourth is on SQLite."""

    number: int

    @property
    def on_sqlite(self) -> bool:
        return self.number % 4 == FIRST_ON_SQLITE

    @property
    def who(self) -> str:
        return CUSTOMERS[self.number % len(CUSTOMERS)]

    @property
    def plan(self) -> str:
        return ("standard", "premium")[self.number // 3 % 2]

    @property
    def count(self) -> int:
        """Intervals bought at once."""
        return 1 + self.number // 6 % 3

    @property
    def others(self) -> tuple[str, ...]:
        """Customers beside the one who is hit."""
        return tuple(login for login in CUSTOMERS if login != self.who)[: self.number // 2 % 3]
