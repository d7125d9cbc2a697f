"""The books for those who check them: the trial balance, the postings behind it, and all of them in a row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, func, literal, select, tuple_, union_all

from portal.db.session import db, end_reads
from portal.domain.ledger import ACCOUNTS
from portal.domain.money import Money
from portal.models.invoice import InvoiceRow
from portal.models.ledger import PostingRow
from portal.queries.pages import Page, Window, page

CHUNK = 1000


@dataclass(frozen=True)
class Balance:
    """One account in one currency over a range of days. A credit balance is negative."""

    account: str
    before: Money  # the balance at the beginning of the first day
    debit: Money
    credit: Money

    @property
    def after(self) -> Money:
        return self.before + self.debit - self.credit


@dataclass(frozen=True)
class PostingListed:
    seq: int
    day: date
    at: datetime
    event: str
    debit: str
    credit: str
    amount_minor: int
    currency: str
    user_id: str
    subscription_id: UUID
    invoice_id: UUID
    payment_id: UUID | None
    refund_id: UUID | None
    number: str  # of the invoice

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)


@dataclass(frozen=True)
class Chosen:
    """Which postings: none of these is all of them. Both days are part of the range."""

    since: date | None = None
    until: date | None = None
    currency: str | None = None
    subscription_id: UUID | None = None

    def where(self) -> list[ColumnElement[bool]]:
        since = [PostingRow.day >= self.since] if self.since else []
        return [*since, *self.up_to()]

    def up_to(self) -> list[ColumnElement[bool]]:
        """Without a beginning: what the opening balance is made of as well."""
        found: list[ColumnElement[bool]] = [PostingRow.day <= self.until] if self.until else []
        if self.currency:
            found.append(PostingRow.currency == self.currency)
        if self.subscription_id:
            found.append(PostingRow.subscription_id == self.subscription_id)
        return found


COLUMNS = (
    *(getattr(PostingRow, one.name) for one in fields(PostingListed) if one.name != "number"),
    InvoiceRow.number,
)


def trial_balance(chosen: Chosen) -> dict[str, list[Balance]]:
    """By currency, accounts in the order of ACCOUNTS. One statement: each posting counts once on each side."""
    amount = PostingRow.amount_minor
    inside = case((PostingRow.day >= chosen.since, amount), else_=0) if chosen.since else amount
    earlier = case((PostingRow.day < chosen.since, amount), else_=0) if chosen.since else literal(0)
    sides = [
        select(
            account.label("account"),
            PostingRow.currency,
            (earlier * sign).label("before"),
            (inside if sign > 0 else literal(0)).label("debit"),
            (inside if sign < 0 else literal(0)).label("credit"),
        ).where(*chosen.up_to())
        for account, sign in ((PostingRow.debit, 1), (PostingRow.credit, -1))
    ]
    both = union_all(*sides).subquery()
    sums = [func.coalesce(func.sum(both.c[name]), 0) for name in ("before", "debit", "credit")]
    statement = select(both.c.account, both.c.currency, *sums).group_by(both.c.account, both.c.currency)
    found: dict[str, list[Balance]] = defaultdict(list)
    for account, currency, *minors in db.session.execute(statement):
        found[currency].append(Balance(account, *(Money(int(minor), currency) for minor in minors)))
    return {currency: sorted(found[currency], key=_place) for currency in sorted(found)}


def _place(balance: Balance) -> tuple[int, str]:
    return ACCOUNTS.index(balance.account.partition(":")[0]), balance.account


def listed(chosen: Chosen, window: Window) -> Page[PostingListed]:
    statement = select(*COLUMNS).join(InvoiceRow, InvoiceRow.id == PostingRow.invoice_id).where(*chosen.where())
    return page(statement, [PostingRow.seq], window, lambda row: PostingListed(**row))


def counted(chosen: Chosen, most: int) -> int:
    """How many there are, never counting further than one more than `most`."""
    some = select(PostingRow.seq).where(*chosen.where()).limit(most + 1).subquery()
    return db.session.scalar(select(func.count()).select_from(some)) or 0


def last_seq() -> int:
    return db.session.scalar(select(func.max(PostingRow.seq))) or 0


def in_order(chosen: Chosen, through: int) -> Iterator[Sequence[PostingListed]]:
    """By day, in chunks, no transaction open between two of them. Nothing that was written after `through`."""
    place = tuple_(PostingRow.day, PostingRow.seq)
    statement = (
        select(*COLUMNS)
        .join(InvoiceRow, InvoiceRow.id == PostingRow.invoice_id)
        .where(and_(*chosen.where(), PostingRow.seq <= through))
        .order_by(PostingRow.day, PostingRow.seq)
        .limit(CHUNK)
    )
    after = statement
    while True:
        chunk = [PostingListed(**row) for row in db.session.execute(after).mappings()]
        end_reads()
        if chunk:
            yield chunk
        if len(chunk) < CHUNK:
            return
        after = statement.where(place > tuple_(literal(chunk[-1].day), literal(chunk[-1].seq)))
