"""The story of each subscription, invoice, payment, refund and dispute is a path that may be walked."""

from __future__ import annotations

from portal.audit.edges import as_values
from portal.audit.guards import missing_of
from portal.audit.violation import N_, Invariant, Rule

SEE_HISTORY = N_("Open the subscription's history: somebody or something wrote past the portal. Park it until then.")

SUBJECTS = " UNION ALL ".join(
    f"SELECT id, '{kind}' AS kind, state, {whose} AS subscription_id FROM {kind}s"
    for kind, whose in (
        ("subscription", "id"),
        ("invoice", "subscription_id"),
        ("payment", "subscription_id"),
        ("refund", "subscription_id"),
        ("dispute", "subscription_id"),
    )
)

# What a row says stands last in its story, as if it were one more step: it begins where the last one has to have ended.
TOLD = (
    "SELECT kind, subject_id, subscription_id, seq, event, from_state, to_state FROM history "
    f"UNION ALL SELECT kind, id, subscription_id, {2**63 - 1}, NULL, state, NULL FROM ({SUBJECTS}) AS subjects"
)

LAST_TOLD = (
    "SELECT h.seq, h.subscription_id, replace(h.facts ->> 'plan_id', '-', '') AS plan, "
    "replace(h.facts ->> 'price_id', '-', '') AS price, moment(h.facts ->> 'paid_through') AS until FROM history h "
    "JOIN (SELECT max(seq) AS seq FROM history WHERE kind = 'subscription' GROUP BY subscription_id) AS last "
    "ON last.seq = h.seq"
)

I15 = Invariant(
    "I15",
    "The history of each subject is a path from its creation to its state, along steps that exist",
    (
        Rule(
            N_("A step does not exist, a history has a gap, or a row is not where its history ends."),
            SEE_HISTORY,
            f"WITH steps (kind, state, event, ends, heard) AS (VALUES {as_values()}) "
            "SELECT h.kind, h.subject_id, h.subscription_id, CASE WHEN h.event IS NOT NULL THEN h.seq END AS seq, "
            "h.before, h.from_state AS state, h.event, h.to_state FROM (SELECT told.*, lag(to_state) OVER "
            f"(PARTITION BY subject_id ORDER BY seq) AS before FROM ({TOLD}) AS told) AS h "
            "LEFT JOIN steps s ON s.kind = h.kind AND s.state = coalesce(h.from_state, '') AND s.event = h.event "
            "AND s.ends = h.to_state "
            "WHERE (s.kind IS NULL AND h.event IS NOT NULL) OR h.from_state IS DISTINCT FROM h.before",
        ),
        Rule(
            N_("A subscription's plan, price or paid time is not what the last step of its history says."),
            SEE_HISTORY,
            "SELECT s.id AS subscription_id, s.user_id, l.seq AS history, s.paid_through, l.until AS told "
            f"FROM subscriptions s JOIN ({LAST_TOLD}) AS l ON l.subscription_id = s.id "
            "WHERE l.plan <> replace(CAST(s.plan_id AS text), '-', '') "
            "OR l.price <> replace(CAST(s.price_id AS text), '-', '') "
            "OR (l.until IS NULL) <> (s.paid_through IS NULL) OR abs(elapsed(l.until, s.paid_through)) > 1",
        ),
        missing_of("I15"),
    ),
)

STOPS = (
    "event IN ('cancelled_at_period_end', 'method_removed', 'method_forgotten', 'dispute_opened', 'dispute_noted') "
    "OR to_state IN ('ended', 'expired')"
)
# 1 while renewal is agreed, 0 while it is not; other events say nothing of it.
AGREED = (
    f"CASE WHEN {STOPS} THEN 0 "
    "WHEN event IN ('resumed', 'method_added', 'first_paid', 'trial_started', 'recovered') "
    # Whoever prolongs agrees on the page to the card that pays; without a card nothing is agreed by it.
    "OR event = 'prolonged' AND facts ->> 'payment_method_id' IS NOT NULL "
    "THEN CASE WHEN CAST(facts ->> 'auto_renew' AS text) IN ('true', '1') THEN 1 ELSE 0 END END"
)

I21 = Invariant(
    "I21",
    "No scheduled charge is first sent after renewal was stopped",
    (
        Rule(
            N_("A renewal was charged after its subscription was cancelled, or lost its method, or was disputed."),
            N_("Open the payment's page and give the money back."),
            "WITH stopped AS (SELECT DISTINCT subscription_id FROM history WHERE kind = 'subscription' "
            f"AND ({STOPS})), told AS (SELECT h.kind, h.seq, h.subject_id, h.at, "
            f"h.subscription_id, CASE WHEN h.kind = 'subscription' THEN {AGREED} END AS agreed FROM history h "
            "JOIN stopped ON stopped.subscription_id = h.subscription_id WHERE h.kind = 'subscription' "
            "OR (h.kind = 'payment' AND h.event = 'sent' AND h.from_state = 'created')), "
            "known AS (SELECT kind, seq, subject_id, at, subscription_id, max(CASE WHEN agreed IS NOT NULL "
            "THEN seq * 2 + agreed END) OVER (PARTITION BY subscription_id ORDER BY seq) AS last FROM told) "
            "SELECT k.subject_id AS payment_id, k.subscription_id, k.at AS sent_at FROM known k "
            "JOIN payments p ON p.id = k.subject_id AND p.kind = 'charge' "
            "JOIN invoices i ON i.id = p.invoice_id AND i.reason = 'renewal' "
            "WHERE k.kind = 'payment' AND k.last % 2 = 0",
        ),
        Rule(
            N_("A saved method was charged after its owner had removed it."),
            N_("Open the payment's page and give the money back."),
            # Who removes it in the very moment of the charge may be the second.
            "SELECT p.id AS payment_id, p.subscription_id, m.id AS payment_method_id FROM payment_methods m "
            "JOIN payments p ON p.payment_method_id = m.id AND p.kind = 'charge' "
            "WHERE m.removed_at < p.created_at AND elapsed(p.created_at, m.removed_at) > 60",
        ),
        Rule(
            N_("A renewal was charged while the bank had a payment of its subscription under dispute."),
            N_("Open the payment's page and give the money back."),
            "SELECT s.subject_id AS payment_id, s.subscription_id, o.subject_id AS dispute_id, s.at AS sent_at "
            "FROM history o JOIN history s ON s.subscription_id = o.subscription_id AND s.seq > o.seq "
            "AND s.kind = 'payment' AND s.event = 'sent' AND s.from_state = 'created' "
            "JOIN payments p ON p.id = s.subject_id AND p.kind = 'charge' "
            "JOIN invoices i ON i.id = p.invoice_id AND i.reason = 'renewal' "
            "WHERE o.kind = 'dispute' AND o.event = 'created' AND NOT EXISTS (SELECT 1 FROM history b "
            "WHERE b.subscription_id = o.subscription_id AND b.seq > o.seq AND b.seq < s.seq AND ("
            "b.subject_id = o.subject_id AND b.to_state <> 'open' "  # the bank decided
            # What ended may be bought anew meanwhile.
            "OR b.kind = 'subscription' AND (b.to_state = 'ended' OR b.event IN ('first_paid', 'trial_started'))))",
        ),
    ),
)

INVARIANTS = (I15, I21)
