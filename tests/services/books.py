"""The books against everything that they must agree with: the rows, and what the payment system holds.

Plain SQL over the postings; shares no code with what writes them.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.world import World

Sums = Counter[tuple[str, str]]  # (account, currency) or (provider, currency) -> minor units


def balances(world: World, where: str = "1 = 1") -> Sums:
    """Debits less credits of each account. Of all accounts together they are nothing."""
    found: Sums = Counter()
    for row in world.rows(f"SELECT * FROM ledger_postings WHERE {where}"):  # noqa: S608 - a test's own words
        found[row["debit"], row["currency"]] += row["amount_minor"]
        found[row["credit"], row["currency"]] -= row["amount_minor"]
    return Counter({key: minor for key, minor in found.items() if minor})


def balance(world: World, account: str, currency: str = "RUB") -> int:
    return balances(world)[account, currency]


def books_agree_with_the_rows(world: World) -> list[str]:
    """Asked for, held by payment systems and banks, earned or to be earned, owed: each sum from the rows themselves."""
    said, expected = balances(world), _by_the_rows(world)
    names = sorted({*said, *expected})
    earned = {key: said[key] for key in names if key[0] in ("deferred", "revenue")}
    wrong = [f"{key} is {minor}, on the wrong side" for key, minor in earned.items() if minor > 0]
    together: Sums = Counter()
    for (account, currency), minor in said.items():
        together["paid and kept" if account in ("deferred", "revenue") else account, currency] += minor
    return wrong + [
        f"{key}: the books say {together[key]}, the rows {expected[key]}"
        for key in sorted({*together, *expected})
        if together[key] != expected[key]
    ]


def _by_the_rows(world: World) -> Sums:
    found: Sums = Counter()
    for invoice in world.rows("SELECT total_minor, currency FROM invoices WHERE state = 'not_paid'"):
        found["receivable", invoice["currency"]] += invoice["total_minor"]
        found["invoiced", invoice["currency"]] -= invoice["total_minor"]
    for payment in _received(world):
        currency, kept = payment["currency"], payment["amount_minor"] - payment["refunded_minor"]
        disputed = payment.get("disputed_minor", 0)
        found[f"clearing:{payment['provider']}", currency] += kept - disputed
        found["disputed", currency] += disputed
        pays = payment["state"] == "succeeded" and payment["invoice_state"] == "paid"
        found["paid and kept" if pays else "owed", currency] -= kept
    return found


def _received(world: World) -> list[dict[str, Any]]:
    return world.rows(
        "SELECT p.*, i.state AS invoice_state FROM payments p JOIN invoices i ON i.id = p.invoice_id "
        "WHERE p.state IN ('succeeded', 'duplicate')"
    )


def holdings_agree_with_the_postings(world: World) -> list[str]:
    """Of each payment: what is earned of it, and what of it was given back."""
    wrong = []
    refunded = {row["id"]: row["refunded_minor"] for row in _received(world) if row["amount_minor"]}
    held = {row["payment_id"]: row for row in world.rows("SELECT * FROM ledger_holdings")}
    if set(refunded) != set(held):
        wrong.append(f"{len(refunded)} payments were received, {len(held)} are held")
    earned: Counter[Any] = Counter()
    for row in world.rows("SELECT * FROM ledger_postings WHERE 'revenue' IN (debit, credit)"):
        earned[row["payment_id"]] += row["amount_minor"] if row["credit"] == "revenue" else -row["amount_minor"]
    for guid, row in held.items():
        if (row["returned_minor"], row["earned_minor"]) != (refunded.get(guid), earned[guid]):
            wrong.append(f"of a payment {row} is held, {refunded.get(guid)} was given back, {earned[guid]} is earned")
    return wrong


def clearing_is_the_provider_s_book(world: World) -> list[str]:
    """What it took, less what it gave back and what banks took away. What a person has to look at is left out."""
    unclear = {f"payment:{row['id']}".replace("-", "") for row in world.rows(UNCLEAR)}
    charges = [one for one in world.sandbox.book.charges() if one["reference"].replace("-", "") not in unclear]
    known = {one["id"] for one in charges}
    theirs: Sums = Counter()
    for charge in charges:
        theirs["clearing:sandbox", charge["currency"]] += charge["taken"]
    gone = [one for one in world.sandbox.book.refunds() if one["state"] == "succeeded"]
    gone += [one for one in world.sandbox.book.disputes() if one["state"] != "won"]
    for one in gone:
        theirs["clearing:sandbox", one["currency"]] -= one["amount"] if one["payment_id"] in known else 0
    ours = {key: minor for key, minor in balances(world).items() if key[0].startswith("clearing:")}
    held = {key: minor for key, minor in theirs.items() if minor}
    return [] if ours == held else [f"the books say {ours} is at the payment system, it says {held}"]


# Money that may be there, and that nobody here believes in yet.
UNCLEAR = "SELECT id FROM payments WHERE review_at IS NOT NULL AND state NOT IN ('succeeded', 'duplicate')"

CHECKS = (books_agree_with_the_rows, holdings_agree_with_the_postings, clearing_is_the_provider_s_book)


def assert_books(world: World) -> None:
    assert [sentence for check in CHECKS for sentence in check(world)] == []
