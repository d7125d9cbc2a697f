"""The ledger against the rows that it tells of, invoice by invoice."""

from __future__ import annotations

from portal.audit.guards import missing_of
from portal.audit.violation import N_, Invariant, Rule

SEE_BOOKS = N_("Compare the postings of the subscription on its ledger page with its payments; add what is missing.")


def _balance(account: str) -> str:
    """Debits less credits of one account."""
    return (
        f"sum(CASE WHEN debit = '{account}' THEN amount_minor WHEN credit = '{account}' THEN -amount_minor ELSE 0 END)"
    )


# One pass over the ledger for both invariants: what it says of each invoice, and of the payments under it.
SAID = (
    f"SELECT invoice_id, {_balance('receivable')} AS receivable, {_balance('invoiced')} AS invoiced, "
    f"{_balance('disputed')} AS disputed, {_balance('owed')} AS owed, {_balance('deferred')} AS deferred, "
    f"{_balance('revenue')} AS revenue, sum(CASE WHEN debit LIKE 'clearing:%' THEN amount_minor "
    "WHEN credit LIKE 'clearing:%' THEN -amount_minor ELSE 0 END) AS clearing, "
    "max(CASE WHEN debit LIKE 'clearing:%' THEN debit END) AS debited, "
    "max(CASE WHEN credit LIKE 'clearing:%' THEN credit END) AS credited, "
    "min(currency) AS lowest, max(currency) AS highest FROM ledger_postings GROUP BY invoice_id"
)
# What the rows say: money that paid its invoice was bought time with, any other that came is owed.
ROWS = (
    "SELECT p.invoice_id, sum(p.disputed_minor) AS disputed, sum(p.amount_minor - p.refunded_minor) AS kept, "
    "sum(CASE WHEN p.state = 'succeeded' THEN p.amount_minor - p.refunded_minor ELSE 0 END) AS pays, "
    "sum(p.refunded_minor) AS returned, sum(p.amount_minor) AS came, max('clearing:' || p.provider) AS lies, "
    "sum(n.returned_minor) AS noted_returned, sum(n.earned_minor) AS noted_earned, sum(n.amount_minor) AS noted "
    "FROM payments p LEFT JOIN ledger_holdings n ON n.payment_id = p.id "
    "WHERE p.state IN ('succeeded', 'duplicate') GROUP BY p.invoice_id"
)
OPEN = "CASE WHEN i.state = 'not_paid' THEN i.total_minor ELSE 0 END"
PAID = "CASE WHEN i.state = 'paid' THEN coalesce(r.pays, 0) ELSE 0 END"
BOOKS = f"FROM invoices i LEFT JOIN ({SAID}) AS s ON s.invoice_id = i.id LEFT JOIN ({ROWS}) AS r ON r.invoice_id = i.id"
ELSEWHERE = (
    "coalesce(s.clearing, 0) <> coalesce(r.kept, 0) - coalesce(r.disputed, 0) "
    "OR coalesce(s.debited, r.lies) <> r.lies OR coalesce(s.credited, r.lies) <> r.lies"
)
OTHERWISE = (
    f"coalesce(s.receivable, 0) <> {OPEN} OR coalesce(s.invoiced, 0) <> -({OPEN}) "
    "OR s.lowest <> i.currency OR s.highest <> i.currency OR coalesce(s.disputed, 0) <> coalesce(r.disputed, 0) "
    f"OR coalesce(s.deferred + s.revenue, 0) <> -({PAID}) OR coalesce(s.owed, 0) <> ({PAID}) - coalesce(r.kept, 0) "
    "OR coalesce(s.deferred, 0) > 0 OR coalesce(s.revenue, 0) > 0 OR coalesce(r.noted, 0) <> coalesce(r.came, 0) "
    "OR coalesce(r.noted_returned, 0) <> coalesce(r.returned, 0) "
    "OR coalesce(r.noted_earned, 0) <> -coalesce(s.revenue, 0)"
)

I9 = Invariant(
    "I9",
    "No posting without its counterpart, and the ledger says what the rows say",
    (
        Rule(
            N_("A posting is of nothing, or from an account to itself."),
            SEE_BOOKS,
            "SELECT seq AS posting, subscription_id, debit, credit, amount_minor AS amount FROM ledger_postings "
            "WHERE amount_minor <= 0 OR debit = credit",
        ),
        Rule(
            N_("What the ledger says of an invoice and its payments is not what the rows say."),
            SEE_BOOKS,
            "SELECT i.id AS invoice_id, i.subscription_id, i.state, i.total_minor AS asked, s.receivable, s.invoiced, "
            "s.disputed, s.owed, s.deferred, s.revenue, r.kept, r.noted_returned, r.noted_earned, s.clearing, r.lies, "
            f"CASE WHEN {OTHERWISE} THEN 'I9' ELSE 'I10' END AS invariant "
            f"{BOOKS} WHERE {OTHERWISE} OR {ELSEWHERE}",
        ),
        missing_of("I9"),
    ),
)

I10 = Invariant(
    "I10",
    "What the ledger says lies at a payment system is what came, less what was given or taken back",
    (),
    nothing="asked together with I9",
)

INVARIANTS = (I9, I10)
