"""The payment systems' book against our rows: what they hold of each payment, and what we believe they hold."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from uuid import UUID

from sqlalchemy import RowMapping

from portal.audit.ask import guid, moment, stream
from portal.audit.outside import BookCharge, ProviderBook
from portal.audit.violation import N_, Audit, Invariant, Walk

Found = Iterator[Mapping[str, object]]

ASK = N_("Open the payment's page and have the payment system asked again; what it says is settled by that.")
GIVE_BACK = N_("Give the money back: on the payment's page, or at the payment system where we do not know the charge.")
OURS = """
    SELECT p.id AS payment_id, p.invoice_id, p.state, p.amount_minor, p.currency, p.refunded_minor, p.reserved_minor,
        p.disputed_minor, p.review_at, p.sent_at, p.modified_at, i.state AS invoice_state,
        EXISTS (SELECT 1 FROM refunds r WHERE r.payment_id = p.id AND r.state = 'failed') AS would_not_go
    FROM payments p JOIN invoices i ON i.id = p.invoice_id WHERE p.sent_at IS NOT NULL ORDER BY p.invoice_id, p.id
"""


@dataclass
class Held:
    """What the payment systems hold of one payment of ours, all charges under its reference together."""

    charges: int = 0  # that took money which was not given back
    taken: list[tuple[int, str]] = field(default_factory=list)  # sums and currencies
    net: int = 0  # less what was refunded, or lost to the bank
    there: int = 0  # less what the bank holds meanwhile as well
    going: bool = False  # a refund of it is under way there


class Book:
    """Read once; what is not ours is kept apart."""

    def __init__(self, book: ProviderBook) -> None:
        self.held: defaultdict[int, Held] = defaultdict(Held)
        self.strange: list[BookCharge] = []
        refunded, lost, undecided, going = Counter[str](), Counter[str](), Counter[str](), set[str]()
        for refund in book.refunds():
            refunded[refund.payment_id] += refund.amount if refund.state == "succeeded" else 0
            going.update([refund.payment_id] if refund.state == "pending" else [])
        for dispute in book.disputes():
            lost[dispute.payment_id] += dispute.amount if dispute.state == "lost" else 0
            undecided[dispute.payment_id] += dispute.amount if dispute.state == "open" else 0
        for charge in book.charges():
            if charge.state == "succeeded" and charge.amount:
                net = charge.amount - refunded[charge.id] - lost[charge.id]
                self._add(charge, net, net - undecided[charge.id], charge.id in going)

    def _add(self, charge: BookCharge, net: int, there: int, going: bool) -> None:
        ours = _ours(charge.reference)
        if ours is None:
            self.strange.append(charge)
            return
        held = self.held[ours.int]
        held.charges += net > 0
        held.taken.append((charge.amount, charge.currency))
        held.net, held.there = held.net + net, held.there + there
        held.going = held.going or going


def _ours(reference: str) -> UUID | None:
    kind, _, value = reference.partition(":")
    try:
        return UUID(value) if kind == "payment" else None
    except ValueError:
        return None


def _book(audit: Audit) -> Book:
    assert audit.book is not None  # noqa: S101 - these invariants are only asked where it is there
    return audit.book


def _payments(audit: Audit) -> Iterator[tuple[RowMapping, Held]]:
    """Ours, with what is held of each. What changed after the book was read is left for the next time."""
    book = _book(audit)
    for row in stream(audit, OURS):
        if moment(row["modified_at"]) <= audit.now:
            yield row, book.held.get(guid(row["payment_id"]).int, NOTHING)


NOTHING = Held()
NEVER_SENT = "SELECT id AS payment_id, invoice_id, state, modified_at FROM payments WHERE sent_at IS NULL"


def _waits(row: RowMapping, held: Held, audit: Audit) -> bool:
    """It will be settled, or a person looks at it: that is allowed for some days."""
    if row["review_at"] is not None or row["reserved_minor"] or held.going:
        return True
    if row["state"] in ("requires_action", "pending", "unknown"):
        return moment(row["sent_at"]) > audit.now - audit.limits.settling
    return bool(row["would_not_go"]) and moment(row["modified_at"]) > audit.now - audit.limits.settling


def charged_twice(audit: Audit) -> Found:
    for invoice_id, same in groupby(_payments(audit), key=lambda one: one[0]["invoice_id"]):
        kept = [(row, held) for row, held in same if held.charges and not _on_its_way(row, held)]
        charges = sum(held.charges for _, held in kept)
        if charges > 1:
            payment_id = kept[-1][0]["payment_id"]
            yield {"invoice_id": invoice_id, "payment_id": payment_id, "charges": charges}


def _on_its_way(row: RowMapping, held: Held) -> bool:
    """All that is held of it goes back."""
    return held.going or row["reserved_minor"] >= held.net


def strange_charges(audit: Audit) -> Found:
    book = _book(audit)
    known = {guid(row["payment_id"]).int for row in stream(audit, "SELECT id AS payment_id FROM payments")}
    for charge in book.strange:
        yield {"reference": charge.reference, "provider_id": charge.id, "amount": charge.amount}
    for ours, held in book.held.items():
        if ours not in known and held.net > 0:
            yield {"reference": f"payment:{UUID(int=ours)}", "amount": held.net}


def held_unsent(audit: Audit) -> Found:
    """It is sent, and written as sent before that, or it is not: nobody ever asks about one that was not."""
    book = _book(audit)
    for row in stream(audit, NEVER_SENT):
        held = book.held.get(guid(row["payment_id"]).int, NOTHING)
        if held.net > 0 and not held.going and moment(row["modified_at"]) <= audit.now:
            yield {name: row[name] for name in ("payment_id", "invoice_id", "state")} | {"held": held.net}


def held_for_nothing(audit: Audit) -> Found:
    """Taken, and neither our payment nor its invoice knows."""
    for row, held in _payments(audit):
        believed = row["state"] == "succeeded" and row["invoice_state"] == "paid"
        if held.there > 0 and not believed and not _waits(row, held, audit):
            yield _told(row, held)


def believed_for_nothing(audit: Audit) -> Found:
    """We say that it succeeded, and the payment system took nothing, or another sum."""
    for row, held in _payments(audit):
        believed = row["state"] in ("succeeded", "duplicate") and row["amount_minor"]
        if believed and (row["amount_minor"], row["currency"]) not in held.taken:
            yield _told(row, held) | {"amount": row["amount_minor"], "taken": held.taken}


def held_otherwise(audit: Audit) -> Found:
    """Received by both, and what is left of it differs by more than what is on its way back."""
    for row, held in _payments(audit):
        if row["state"] not in ("succeeded", "duplicate") or not held.taken or held.charges > 1:
            continue  # nothing was taken, or it is held twice: that is told already
        left = row["amount_minor"] - row["refunded_minor"] - row["disputed_minor"]
        if not left - row["reserved_minor"] <= held.there <= left:
            yield _told(row, held) | {"expected": left}


def _told(row: RowMapping, held: Held) -> dict[str, object]:
    ids = {"payment_id": row["payment_id"], "invoice_id": row["invoice_id"]}
    return {**ids, "state": row["state"], "invoice_state": row["invoice_state"], "held": held.there}


I6 = Invariant(
    "I6",
    "The payment systems hold at most one charge of an invoice, and none that we did not ask for",
    (
        Walk(N_("The payment system holds two charges of one invoice."), GIVE_BACK, charged_twice),
        Walk(N_("The payment system took money for a payment that we do not have."), GIVE_BACK, strange_charges),
        Walk(N_("The payment system holds money of a payment that was never sent to it."), GIVE_BACK, held_unsent),
    ),
    asks="provider",
)
I7 = Invariant(
    "I7",
    "What the payment systems hold was granted, or is on its way back, or a person looks at it",
    (Walk(N_("The payment system holds money of an invoice that is not paid."), ASK, held_for_nothing),),
    asks="provider",
)
I8 = Invariant(
    "I8",
    "What succeeded here was taken there, in that sum and currency",
    (
        Walk(
            N_("A payment succeeded here; the payment system took nothing or something else."),
            ASK,
            believed_for_nothing,
        ),
    ),
    asks="provider",
)
I10 = Invariant(
    "I10",
    "What is left of each payment is what the payment systems hold of it",
    (Walk(N_("What is left of a payment is not what the payment system holds of it."), ASK, held_otherwise),),
    asks="provider",
)

INVARIANTS = (I6, I7, I8, I10)
