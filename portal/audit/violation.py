"""What the audit asks and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection

if TYPE_CHECKING:
    from portal.audit.outside import AuthView
    from portal.audit.provider import Book


def N_(sentence: str) -> str:
    """The mark by which translators find a sentence: shown in the reader's language by the page."""
    return sentence


@dataclass(frozen=True)
class Violation:
    """`what` and `todo` are sentences that never vary; `ids` names the rows, and the facts that contradict."""

    invariant: str
    what: str
    ids: Mapping[str, str]
    todo: str


@dataclass(frozen=True)
class Limits:
    """What an installation may set, and how long something may wait before it counts as standing still."""

    grace_days: int = 7
    charges_per_day: int = 3
    unpublished: timedelta = timedelta(days=1)
    unprocessed: timedelta = timedelta(days=1)
    untiring: timedelta = timedelta(days=4)  # a webhook that is tried again and again
    undone: timedelta = timedelta(days=2)  # past the moment at which it was due
    settling: timedelta = timedelta(days=7)  # money that is neither granted nor on its way back
    consuming: timedelta = timedelta(0)  # how long Auth may take to apply what was published


@dataclass(frozen=True)
class Audit:
    """One look at everything: one snapshot, one moment, and whom we may ask besides the rows."""

    connection: Connection
    now: datetime
    limits: Limits
    book: Book | None = None  # the payment systems', read before the snapshot
    auth: AuthView | None = None


@dataclass(frozen=True)
class Rule:
    """A question in SQL. Each row it answers with breaks the invariant; its columns are what is told of it."""

    what: str
    todo: str
    sql: str


@dataclass(frozen=True)
class Walk:
    """What SQL cannot say: a generator over rows that are read in their order. A finding may bring another `what`."""

    what: str
    todo: str
    find: Callable[[Audit], Iterator[Mapping[str, object]]]


@dataclass(frozen=True)
class Invariant:
    """`asks`: whose word it needs besides the rows: nobody's, the payment system's (`provider`) or Auth's (`auth`)."""

    id: str
    title: str
    checks: tuple[Rule | Walk, ...]
    asks: str = "rows"
    nothing: str = ""  # why there is nothing to check, where there is not
