"""The books: what each change of the journal means in money, as a debit and a credit. Rules: docs/ledger.md."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from portal.domain import earning
from portal.domain.change import Change, Move, Set
from portal.domain.earning import Holding, day_of
from portal.domain.invoice import Invoice
from portal.domain.payment import Payment
from portal.domain.quote import ChangeQuote
from portal.domain.refund import Refund
from portal.domain.subscription import Period

RECEIVABLE = "receivable"  # asked for by an invoice that is not paid yet
INVOICED = "invoiced"  # its counterpart: an invoice by itself earns nothing
DEFERRED = "deferred"  # paid for time that is still to come
REVENUE = "revenue"  # earned
OWED = "owed"  # paid twice or too late: the customer's own money
DISPUTED = "disputed"  # taken by the bank until a dispute is decided
CLEARING = "clearing"  # held by a payment system: `clearing:sandbox`
ACCOUNTS = (CLEARING, RECEIVABLE, DISPUTED, INVOICED, DEFERRED, OWED, REVENUE)

EVENTS = (
    "invoice_issued",
    "invoice_closed",
    "payment_received",
    "revenue_deferred",
    "money_not_ours",
    "money_returned",
    "revenue_earned",
    "revenue_returned",
    "dispute_opened",
    "dispute_won",
    "dispute_lost",
    "opening",  # what was there when the books began: migration 0003
)

# The columns of a payment whose change moves money, and the events of a refund that may take time back.
SUMS = frozenset({"refunded_minor", "disputed_minor"})
ACCEPTED = ("succeeded", "taken_in_hand")


class Unbalanced(ValueError):
    """A debit without its credit: a bug, never a customer's mistake."""


@dataclass(frozen=True)
class Posting:
    """One sum from one account to another. Debit and credit are one number, so the books cannot but balance."""

    day: date  # in whose accounts it belongs, in the portal's zone
    at: datetime  # when it was written
    event: str
    debit: str
    credit: str
    amount_minor: int
    currency: str
    user_id: str
    subscription_id: UUID
    invoice_id: UUID
    payment_id: UUID | None = None
    refund_id: UUID | None = None

    def __post_init__(self) -> None:
        if self.amount_minor <= 0 or self.debit == self.credit:
            raise Unbalanced(f"{self.event}: {self.amount_minor} from {self.credit} to {self.debit}")


@dataclass
class Booked:
    """What a commit adds to the books: postings, and what is held of payments that came or changed."""

    postings: list[Posting] = field(default_factory=list)
    opened: list[Holding] = field(default_factory=list)
    changed: dict[UUID, Holding] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    """What postings of one cause have in common."""

    day: date
    at: datetime
    subject: Invoice | Payment | Holding
    refund_id: UUID | None = None

    def post(self, event: str, debit: str, credit: str, minor: int) -> list[Posting]:
        """Nothing where the sum is nothing; a negative one goes the other way."""
        if minor < 0:
            debit, credit, minor = credit, debit, -minor
        if minor == 0:
            return []
        one = self.subject
        invoice_id = one.id if isinstance(one, Invoice) else one.invoice_id
        payment_id = one.id if isinstance(one, Payment) else one.payment_id if isinstance(one, Holding) else None
        about = (one.user_id, one.subscription_id, invoice_id, payment_id, self.refund_id)
        return [Posting(self.day, self.at, event, debit, credit, minor, one.currency, *about)]


def clearing(provider: str) -> str:
    return f"{CLEARING}:{provider}"


def touched(changes: Iterable[Change]) -> set[UUID]:
    """The payments of which something is held that the changes alter: these are to be read before `book`."""
    found = {payment_id for change in changes for payment_id in _given_back(change)}
    for change in changes:
        for quoted in _applied(change):
            found.update(UUID(payment_id) for payment_id in quoted.carried)
    return found


def _given_back(change: Change) -> Iterator[UUID]:
    """Payments whose money, or whose time, a refund or a dispute takes back."""
    for write in change.writes:
        if isinstance(write, Move) and isinstance(write.subject, Refund) and write.event in ACCEPTED:
            yield write.subject.payment_id
        elif isinstance(write, Move) and isinstance(write.subject, Payment) and not SUMS.isdisjoint(write.sets):
            yield write.subject.id


def _applied(change: Change) -> list[ChangeQuote]:
    """Changes of plan that happen now."""
    sets = (write for write in change.writes if isinstance(write, Set) and write.values.get("applied_at"))
    return [write.row for write in sets if isinstance(write.row, ChangeQuote)]


def book(changes: Sequence[Change], held: Mapping[UUID, Holding], zone: str) -> Booked:
    """A payment that `held` does not know came before there were books, and is none of theirs."""
    booked = Booked(changed=dict(held))
    for change in changes:
        _book(change, booked, zone)
    booked.changed = {guid: after for guid, after in booked.changed.items() if after != held.get(guid)}
    return booked


def _book(change: Change, booked: Booked, zone: str) -> None:
    _stop(change, booked)
    _carry(change, booked, zone)
    day = day_of(change.at, zone)
    for write in change.writes:
        if isinstance(write, Invoice):
            entry = Entry(day, change.at, write)
            booked.postings += entry.post("invoice_issued", RECEIVABLE, INVOICED, write.total_minor)
        elif isinstance(write, Move) and isinstance(write.subject, Invoice) and write.event == "closed":
            entry = Entry(day, change.at, write.subject)
            booked.postings += entry.post("invoice_closed", INVOICED, RECEIVABLE, write.subject.total_minor)
        elif isinstance(write, Move) and isinstance(write.subject, Payment):
            _payment(change, write, write.subject, booked, zone)


def _stop(change: Change, booked: Booked) -> None:
    """A refund or a dispute takes back what its payment bought: time, or the better plan for it."""
    sets = (write for write in change.writes if isinstance(write, Set))
    if not any(write.values.get("revoked_at") or write.values.get("returned_at") for write in sets):
        return
    for payment_id in _given_back(change):
        holding = booked.changed.get(payment_id)
        if holding is not None and holding.start is not None:
            booked.changed[payment_id] = earning.stop(holding, change.at)


def _carry(change: Change, booked: Booked, zone: str) -> None:
    """A change of plan begins the time anew: what was paid for the rest of the old time pays for the new one."""
    for quoted in _applied(change):
        ends = [write.end for write in change.writes if isinstance(write, Period)]
        for payment_id in map(UUID, quoted.carried):
            before = booked.changed.get(payment_id)
            if before is not None and ends:
                after = earning.carry(before, change.at, ends[0], zone)
                entry, earned = Entry(day_of(change.at, zone), change.at, before), after.earned_minor
                booked.postings += entry.post("revenue_earned", DEFERRED, REVENUE, earned - before.earned_minor)
                booked.changed[payment_id] = after


def _payment(change: Change, move: Move, payment: Payment, booked: Booked, zone: str) -> None:
    if move.event in ("succeeded", "succeeded_again"):
        _received(change, payment, booked, zone)
        return
    before = booked.changed.get(payment.id)
    if before is None:
        return
    entry = Entry(day_of(change.at, zone), change.at, before, _refund_of(change, payment))
    back, held_back = (_grown(move, payment, column) for column in ("refunded_minor", "disputed_minor"))
    after = earning.give_back(before, back, zone)
    ours, theirs = clearing(before.provider), OWED if before.start is None else DEFERRED
    # What a dispute held back and its loss takes goes straight from the one to the other.
    lost = max(min(back, -held_back), 0)
    booked.postings += entry.post("dispute_lost", theirs, DISPUTED, lost)
    booked.postings += entry.post(
        "dispute_opened" if held_back > 0 else "dispute_won", DISPUTED, ours, held_back + lost
    )
    taken = "money_returned" if move.event in ("refund_done", "refund_undone") else "dispute_lost"
    booked.postings += entry.post(taken, theirs, ours, back - lost)
    earned = after.earned_minor - before.earned_minor
    booked.postings += entry.post("revenue_earned" if earned > 0 else "revenue_returned", DEFERRED, REVENUE, earned)
    booked.changed[payment.id] = after


def _received(change: Change, payment: Payment, booked: Booked, zone: str) -> None:
    """Money has come. It pays its invoice, or it is the customer's own and goes back."""
    entry = Entry(day_of(change.at, zone), change.at, payment)
    minor, ours = payment.amount_minor, clearing(payment.provider)
    start, end = _bought(change, payment.invoice_id)
    if start:
        booked.postings += entry.post("payment_received", ours, RECEIVABLE, minor)
        booked.postings += entry.post("revenue_deferred", INVOICED, DEFERRED, minor)
    else:
        booked.postings += entry.post("money_not_ours", ours, OWED, minor)
    holding = Holding(
        payment_id=payment.id,
        invoice_id=payment.invoice_id,
        subscription_id=payment.subscription_id,
        user_id=payment.user_id,
        provider=payment.provider,
        currency=payment.currency,
        amount_minor=minor,
        start=start,
        end=end,
    )
    if minor:
        booked.opened.append(earning.opened(holding, zone))


def _bought(change: Change, invoice_id: UUID) -> tuple[datetime, datetime] | tuple[None, None]:
    """The time that a payment bought: none at all where it did not pay its invoice."""
    moves = (write for write in change.writes if isinstance(write, Move))
    if not any(move.event == "paid" and move.subject.id == invoice_id for move in moves):
        return None, None
    for write in change.writes:
        if isinstance(write, Period) and write.invoice_id == invoice_id:
            return write.start, write.end
    # A better plan for time that was paid for before; else there is no time to wait for.
    return change.at, max([change.at, *(quoted.until for quoted in _applied(change))])


def _grown(move: Move, payment: Payment, column: str) -> int:
    """By how much a sum of the payment's row grows."""
    before = getattr(payment, column)
    after = move.sets.get(column, before)
    assert isinstance(after, int)  # noqa: S101 - minor units
    assert isinstance(before, int)  # noqa: S101
    return after - before


def _refund_of(change: Change, payment: Payment) -> UUID | None:
    moves = (write for write in change.writes if isinstance(write, Move))
    return next(
        (m.subject.id for m in moves if isinstance(m.subject, Refund) and m.subject.payment_id == payment.id), None
    )


def earned(holding: Holding, now: datetime, zone: str) -> tuple[Holding, list[Posting]]:
    """Everything that time has earned of a holding and the books do not know yet."""
    after, months = earning.earn(holding, now, zone)
    return after, [
        posting
        for day, minor in months
        for posting in Entry(day, now, holding).post("revenue_earned", DEFERRED, REVENUE, minor)
    ]
