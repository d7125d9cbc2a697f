"""Nothing waits for ever: what is open will be asked about, is being looked at, or is over."""

from __future__ import annotations

from portal.audit.books import SEE_BOOKS
from portal.audit.guards import missing_of
from portal.audit.violation import N_, Invariant, Rule

RUN_WORKER = N_("See on /admin/jobs whether the worker runs and what its jobs say; then look at the row's own page.")
OPEN = "('created', 'requires_action', 'pending', 'unknown')"
LIVE = "('trialing', 'active', 'past_due', 'suspended')"

I20 = Invariant(
    "I20",
    "Each webhook is processed, ignored with a reason, or given up with an alert",
    (
        Rule(
            N_("A webhook has waited too long to be applied."),
            N_("See on /admin/jobs whether the inbox runs; flask inbox --once applies what waits and says what fails."),
            "SELECT seq AS webhook, kind, attempts, received_at, outcome FROM inbox "
            "WHERE state = 'received' AND (next_attempt_at < :unprocessed_since OR received_at < :untiring_since)",
        ),
        Rule(
            N_("A webhook is done, and nobody knows when or why."),
            N_("Open the webhook's page and have it processed again."),
            "SELECT seq AS webhook, kind, state, outcome FROM inbox WHERE state <> 'received' "
            "AND (processed_at IS NULL OR (state <> 'processed' AND outcome IS NULL))",
        ),
        missing_of("I20"),
    ),
)

I25 = Invariant(
    "I25",
    "Nothing is open that nobody will look at again, and nothing is overdue",
    (
        Rule(
            N_("An open payment will not be asked about, and no person has been called."),
            N_("Open the payment's page and have the payment system asked again."),
            "SELECT id AS payment_id, subscription_id, state, created_at FROM payments WHERE review_at IS NULL "
            "AND state IN ('requires_action', 'pending', 'unknown') AND next_check_at IS NULL",
        ),
        Rule(
            N_("An open payment should have been asked about, sent or closed long ago."),
            RUN_WORKER,
            "SELECT p.id AS payment_id, p.subscription_id, p.state, p.next_check_at, p.expires_at FROM payments p "
            f"WHERE p.review_at IS NULL AND p.state IN {OPEN} AND (p.next_check_at < :undone_since "
            "OR (p.state = 'created' AND p.created_at < :undone_since) "
            "OR (p.state = 'requires_action' AND p.expires_at < :undone_since))",
        ),
        Rule(
            N_("A refund that was not decided by the payment system will not be asked about."),
            N_("Open the refund's payment and have the payment system asked again."),
            "SELECT id AS refund_id, payment_id, state, next_check_at FROM refunds "
            "WHERE state IN ('submitted', 'unknown', 'pending') "
            "AND (next_check_at IS NULL OR next_check_at < :undone_since)",
        ),
        Rule(
            N_("An open dispute will not be asked about."),
            N_("Open the dispute's payment and have the payment system asked again."),
            "SELECT id AS dispute_id, payment_id, next_check_at FROM disputes WHERE state = 'open' "
            "AND (next_check_at IS NULL OR next_check_at < :undone_since)",
        ),
        Rule(
            N_("A method that is being saved will not be asked about."),
            RUN_WORKER,
            "SELECT id AS setup_id, user_id, state, next_check_at FROM method_setups "
            "WHERE state IN ('created', 'unknown', 'requires_action') "
            "AND (next_check_at < :undone_since OR (next_check_at IS NULL AND expires_at < :undone_since))",
        ),
        Rule(
            N_("A subscription's moment has come and gone, and nothing happened."),
            RUN_WORKER,
            f"SELECT s.id AS subscription_id, s.user_id, s.state, s.next_action_at FROM subscriptions s "
            f"WHERE s.parked_at IS NULL AND s.state IN {LIVE} "
            # What happened to it since may have made a moment count that was over already: a card removed, say.
            "AND (s.next_action_at IS NULL OR s.next_action_at < :undone_since AND NOT EXISTS (SELECT 1 FROM history h "
            "WHERE h.subscription_id = s.id AND h.kind = 'subscription' AND h.at >= :undone_since)) AND NOT EXISTS "
            f"(SELECT 1 FROM payments p WHERE p.subscription_id = s.id AND p.state IN {OPEN})",
        ),
        Rule(
            N_("An invoice can still be paid, although its time or its subscription is over."),
            RUN_WORKER,
            "SELECT i.id AS invoice_id, i.subscription_id, i.reason, i.expires_at FROM invoices i "
            "JOIN subscriptions s ON s.id = i.subscription_id WHERE i.state = 'not_paid' "
            "AND CASE WHEN s.state IN ('expired', 'ended') "
            "THEN i.reason = 'renewal' OR s.ended_at IS NULL OR s.ended_at < :undone_since "
            "ELSE i.reason <> 'renewal' AND i.expires_at < :undone_since END "
            f"AND NOT EXISTS (SELECT 1 FROM payments p WHERE p.invoice_id = i.id AND (p.state IN {OPEN} "
            "OR (i.reason <> 'renewal' AND p.modified_at >= :undone_since)))",
        ),
        Rule(
            N_("Revenue of a payment should have been booked long ago."),
            RUN_WORKER,
            "SELECT payment_id, subscription_id, due_at FROM ledger_holdings WHERE due_at < :undone_since",
        ),
        Rule(
            N_("Revenue of a payment is not all booked, and never will be."),
            SEE_BOOKS,
            "SELECT payment_id, subscription_id, amount_minor - returned_minor AS kept, earned_minor AS earned "
            "FROM ledger_holdings WHERE due_at IS NULL AND start IS NOT NULL AND stopped_at IS NULL "
            "AND earned_minor < amount_minor - returned_minor",
        ),
        Rule(
            N_("A subscription waits for its first payment, and nothing is left by which it could be paid."),
            N_("Open the subscription's page; see what closed its invoice. A new order of its owner goes on with it."),
            "SELECT s.id AS subscription_id, s.user_id, s.created_at FROM subscriptions s "
            "WHERE s.state = 'pending' AND s.created_at < :undone_since AND NOT EXISTS "
            "(SELECT 1 FROM invoices i WHERE i.subscription_id = s.id AND i.state = 'not_paid') AND NOT EXISTS "
            f"(SELECT 1 FROM payments p WHERE p.subscription_id = s.id AND p.state IN {OPEN}) AND NOT EXISTS "
            "(SELECT 1 FROM history h WHERE h.subscription_id = s.id AND h.at >= :undone_since)",
        ),
    ),
)

INVARIANTS = (I20, I25)
