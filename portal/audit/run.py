"""Everything that must be true, checked in one snapshot that changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from portal.audit.ask import violations_of
from portal.audit.invariants import INVARIANTS
from portal.audit.outside import AuthView, ProviderBook
from portal.audit.provider import Book
from portal.audit.violation import Audit, Invariant, Limits, Violation
from portal.db import engines
from portal.db.session import db

__all__ = ["AuthView", "Limits", "ProviderBook", "Violation", "violations"]


def violations(
    *,
    now: datetime,
    provider: ProviderBook | None = None,
    auth: AuthView | None = None,
    limits: Limits | None = None,
    begun: Callable[[Invariant], None] = lambda _: None,
) -> Iterator[Violation]:
    """What is wrong, as it is found. `now` is portal time; `begun` hears which invariant is being checked.

    The payment systems' book is read first, so that the rows know whatever is in it; what changed after `now` is not
    held against anybody.
    """
    book = Book(provider) if provider else None
    with engines.snapshot(db.engine) as connection:
        audit = Audit(connection, now, limits or Limits(), book, auth)
        for invariant in INVARIANTS:
            if may_ask(audit, invariant):
                begun(invariant)
                yield from violations_of(audit, invariant)


def may_ask(audit: Audit, invariant: Invariant) -> bool:
    """Whoever is needed besides the rows is there."""
    return {"provider": audit.book is not None, "auth": audit.auth is not None}.get(invariant.asks, True)
