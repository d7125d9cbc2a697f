"""What must be true of every world once it has settled, read from the rows, the provider's book and Auth.

Shares no code with the services it judges: plain SQL and the sandbox's own book.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from tests.services import books
from tests.world import World

Check = Callable[[World], list[str]]
GRACE = timedelta(days=7)
PARKED_GRACE = timedelta(days=14)
TRIAL_GRACE = timedelta(days=1)


def assert_kept(world: World) -> None:
    """No promise is broken: one sentence for each that is."""
    assert [sentence for check in CHECKS for sentence in check(world)] == []


def period_per_paid_invoice(world: World) -> list[str]:
    """One that made running time better gave none of its own."""
    found = world.rows(
        "SELECT i.id, i.state, (SELECT count(*) FROM periods p WHERE p.invoice_id = i.id) AS periods, "
        "(SELECT count(*) FROM change_quotes q WHERE q.invoice_id = i.id AND NOT q.anew) AS better FROM invoices i"
    )
    wrong = [r for r in found if r["periods"] != (r["state"] == "paid" and not r["better"])]
    return [f"invoice {r['state']} has {r['periods']} periods" for r in wrong]


def success_per_paid_invoice(world: World) -> list[str]:
    """Paid means that one payment succeeded, and a success that paid nothing was sent back in full."""
    found = world.rows(
        "SELECT i.state, p.amount_minor - p.refunded_minor - p.reserved_minor AS kept FROM invoices i "
        "JOIN payments p ON p.invoice_id = i.id WHERE p.state IN ('succeeded', 'duplicate')"
    )
    kept = [row for row in found if row["kept"] > 0]
    paid = world.one("SELECT count(*) AS n FROM invoices WHERE state = 'paid' AND total_minor > 0")["n"]
    wrong = [f"money of an invoice in state {row['state']} was kept" for row in kept if row["state"] != "paid"]
    return wrong + ([f"{paid} paid invoices, {len(kept)} payments kept"] if paid != len(kept) else [])


def versions_without_gaps(world: World) -> list[str]:
    told: dict[str, list[int]] = defaultdict(list)
    for row in world.rows("SELECT user_id, version FROM outbox ORDER BY seq"):
        told[row["user_id"]].append(row["version"])
    known = {row["id"]: row["entitlements_version"] for row in world.rows("SELECT * FROM users")}
    return [
        f"{user}: versions {told[user]}, the user's row says {last}"
        for user, last in known.items()
        if told[user] != list(range(1, last + 1))
    ]


def auth_knows(world: World) -> list[str]:
    """Everything was published, and Auth's rights are those that the rows give."""
    waiting = world.one("SELECT count(*) AS n FROM outbox WHERE published_at IS NULL")["n"]
    wrong = [f"{waiting} events were not published"] if waiting else []
    for user in world.rows("SELECT id, entitlements_version FROM users"):
        heard = world.rights(user["id"])
        told = [(right["plan"], moment_of(right["until"])) for right in heard["entitlements"]]
        given = sorted(right for right in told if right[1] > world.clock.now())  # what ran out by itself needs no word
        if heard["version"] != user["entitlements_version"] or given != _rights(world, user["id"]):
            wrong.append(f"Auth knows {heard} of {user['id']}")
    return wrong


def _rights(world: World, user_id: str) -> list[tuple[str, datetime]]:
    found = world.rows(
        "SELECT s.*, p.code FROM subscriptions s JOIN plans p ON p.id = s.plan_id "
        "WHERE s.user_id = :user AND s.state IN ('trialing', 'active', 'past_due')",
        user=user_id,
    )
    whole = [(row["code"], _whole_second_up(_until(row))) for row in found]  # as on the wire
    return sorted(right for right in whole if right[1] > world.clock.now())


def _whole_second_up(moment: datetime) -> datetime:
    return (moment + timedelta(microseconds=999_999)).replace(microsecond=0)


def _until(row: dict[str, Any]) -> datetime:
    tries = row["state"] == "trialing"
    end = moment_of(row["trial_end"] if tries else row["paid_through"])
    if not (row["auto_renew"] and row["payment_method_id"]):
        return end
    return end + (PARKED_GRACE if row["parked_at"] else TRIAL_GRACE if tries else GRACE)


def nothing_left_open(world: World) -> list[str]:
    """What is open waits for something: a customer with time left, a question that will be asked, or a person."""
    found = world.rows(
        "SELECT p.state, p.review_at, p.next_check_at, i.state AS invoice, i.expires_at FROM payments p "
        "JOIN invoices i ON i.id = p.invoice_id WHERE p.state IN ('created', 'requires_action', 'pending', 'unknown')"
    )
    return [f"left open: {row}" for row in found if not row["review_at"] and not _waits(row, world.clock.now())]


def _waits(row: dict[str, Any], now: datetime) -> bool:
    if row["state"] == "pending":
        return row["next_check_at"] is not None
    return row["invoice"] == "not_paid" and moment_of(row["expires_at"]) > now


def one_net_charge(world: World) -> list[str]:
    """The provider's book: of all it took for an invoice it holds one sum, or none where the invoice is not paid."""
    back = Counter[str]()
    for refund in world.sandbox.book.refunds():
        back[refund["payment_id"]] += refund["amount"] if refund["state"] == "succeeded" else 0
    wrong = []
    for invoice in world.rows("SELECT id, state, total_minor FROM invoices"):
        kept = [taken - back[charge] for charge, taken in _charges(world, invoice["id"])]
        held = [sum_ for sum_ in kept if sum_]
        expected = [invoice["total_minor"]] if invoice["state"] == "paid" and invoice["total_minor"] else []
        if held != expected and not _in_review(world, invoice["id"]):
            wrong.append(f"invoice {invoice['state']}: the provider holds {held}")
    return wrong


def _charges(world: World, invoice_id: object) -> list[tuple[str, int]]:
    payments = world.rows("SELECT id FROM payments WHERE invoice_id = :id", id=invoice_id)
    named = [f"payment:{uuid_of(payment['id'])}" for payment in payments]
    return [(charge["id"], charge["taken"]) for name in named for charge in world.sandbox.book.charges(name)]


def _in_review(world: World, invoice_id: object) -> bool:
    return bool(world.rows("SELECT id FROM payments WHERE invoice_id = :id AND review_at IS NOT NULL", id=invoice_id))


def refunds_add_up(world: World) -> list[str]:
    found = world.rows(
        "SELECT p.refunded_minor - (SELECT coalesce(sum(d.counted_minor), 0) FROM disputes d "
        "WHERE d.payment_id = p.id AND d.state = 'lost') AS refunded_minor, p.reserved_minor, "
        "coalesce(sum(CASE WHEN r.state = 'succeeded' THEN r.amount_minor END), 0) AS done, "
        "coalesce(sum(CASE WHEN r.state IN ('requested', 'submitted', 'pending', 'unknown') "
        "THEN r.amount_minor END), 0) AS open "
        "FROM payments p LEFT JOIN refunds r ON r.payment_id = p.id GROUP BY p.id, p.refunded_minor, p.reserved_minor"
    )
    disputed = world.rows(
        "SELECT p.disputed_minor, p.disputed_at, coalesce(sum(d.counted_minor), 0) AS counted, count(d.id) AS n "
        "FROM payments p LEFT JOIN disputes d ON d.payment_id = p.id AND d.state = 'open' "
        "GROUP BY p.id, p.disputed_minor, p.disputed_at"
    )
    return [
        f"a payment's refunds: {row}"
        for row in found
        if (row["refunded_minor"], row["reserved_minor"]) != (row["done"], row["open"])
    ] + [
        f"a payment's disputes: {row}"
        for row in disputed
        if (row["disputed_minor"], row["disputed_at"] is not None) != (row["counted"], row["n"] > 0)
    ]


def history_is_a_path(world: World) -> list[str]:
    """Each subject's story begins with `created`, and every step starts where the last one ended."""
    told: dict[Any, str | None] = {}
    wrong = []
    for row in world.rows("SELECT * FROM history ORDER BY seq"):
        if told.get(row["subject_id"]) != row["from_state"]:
            wrong.append(f"{row['kind']} went from {told.get(row['subject_id'])} to {row['from_state']} untold")
        told[row["subject_id"]] = row["to_state"]
    for kind in ("subscriptions", "invoices", "payments", "refunds", "disputes"):
        for row in world.rows(f"SELECT id, state FROM {kind}"):  # noqa: S608 - names from the line above
            if told.get(row["id"]) != row["state"]:
                wrong.append(f"{kind}: {row['state']}, but its story ends in {told.get(row['id'])}")
    return wrong


def history_ends_where_the_rows_are(world: World) -> list[str]:
    """The last step of a subscription's story says what its row says."""
    last = world.rows(
        "SELECT s.plan_id, s.price_id, s.steps, s.paid_through, h.facts FROM subscriptions s JOIN history h ON h.seq = "
        "(SELECT max(seq) FROM history WHERE kind = 'subscription' AND subject_id = s.id)"
    )
    wrong = []
    for row in last:
        facts = json.loads(row["facts"]) if isinstance(row["facts"], str) else row["facts"]
        here = (uuid_of(row["plan_id"]), uuid_of(row["price_id"]), row["steps"], _moment(row["paid_through"]))
        told = UUID(facts["plan_id"]), UUID(facts["price_id"]), facts["steps"], _moment(facts["paid_through"])
        if here != told:
            wrong.append(f"subscription: {here}, but its story ends with {told}")
    return wrong


def _moment(value: object) -> datetime | None:
    return moment_of(value) if value else None


def inbox_is_done(world: World) -> list[str]:
    return [
        f"inbox: {row['kind']} is {row['state']} ({row['outcome']})"
        for row in world.rows("SELECT kind, state, outcome FROM inbox WHERE state IN ('received', 'dead')")
    ]


CHECKS: tuple[Check, ...] = (
    period_per_paid_invoice,
    success_per_paid_invoice,
    versions_without_gaps,
    auth_knows,
    nothing_left_open,
    one_net_charge,
    refunds_add_up,
    history_is_a_path,
    history_ends_where_the_rows_are,
    inbox_is_done,
    *books.CHECKS,
)


def uuid_of(value: object) -> UUID:
    """SQLite gives an id as 32 hexadecimal digits."""
    return value if isinstance(value, UUID) else UUID(str(value))


def moment_of(value: object) -> datetime:
    """SQLite gives a moment as text without a zone."""
    read = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return read if read.tzinfo else read.replace(tzinfo=UTC)
