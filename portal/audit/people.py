"""What operators and callers did, and whether it was written down."""

from __future__ import annotations

from portal.audit.guards import missing_of
from portal.audit.violation import N_, Invariant, Rule

SEE_ACTIVITY = N_("Find out who did this: the activity log does not know. Somebody may have written past the portal.")

# Which act an operator's step comes from. A step may be one of several acts.
ACTS = (
    "('cancelled_now', 'subscription.cancel'), ('cancelled_at_period_end', 'subscription.cancel'), "
    "('resumed', 'subscription.resume'), ('granted', 'subscription.grant'), ('parked', 'subscription.park'), "
    "('unparked', 'subscription.unpark'), ('approved', 'refund.approve'), ('rejected', 'refund.reject')"
)

I22 = Invariant(
    "I22",
    "One key of one caller has one answer",
    (
        Rule(
            N_("A key has half an answer."),
            N_("Look at what the caller's request did; then delete the key's row, so that it can be asked again."),
            "SELECT caller, key, status, created_at FROM idempotency_keys WHERE (status IS NULL) <> (answer IS NULL) "
            "OR (status IS NULL) <> (locked_until IS NOT NULL)",
        ),
        missing_of("I22"),
    ),
)

I23 = Invariant(
    "I23",
    "Each act of an operator is in the activity log",
    (
        Rule(
            N_("An operator did something more often than the activity log says."),
            SEE_ACTIVITY,
            f"WITH acts (event, act) AS (VALUES {ACTS}) SELECT h.kind, h.subject_id, h.subscription_id, h.actor, "
            "acts.act, h.times, coalesce(a.times, 0) AS logged FROM (SELECT kind, subject_id, subscription_id, actor, "
            "event, count(*) AS times FROM history WHERE actor LIKE 'operator:%' GROUP BY kind, subject_id, "
            "subscription_id, actor, event) AS h JOIN acts ON acts.event = h.event LEFT JOIN "
            "(SELECT kind, replace(subject_id, '-', '') AS subject, operator, act, count(*) AS times FROM activity "
            "WHERE outcome = 'done' GROUP BY kind, replace(subject_id, '-', ''), operator, act) AS a "
            "ON a.kind = h.kind AND a.act = acts.act AND 'operator:' || a.operator = h.actor "
            "AND a.subject = replace(CAST(h.subject_id AS text), '-', '') WHERE h.times > coalesce(a.times, 0)",
        ),
        Rule(
            N_("An operator's refund is not in the activity log."),
            SEE_ACTIVITY,
            "SELECT r.id AS refund_id, r.payment_id FROM refunds r WHERE r.reason = 'operator' AND NOT EXISTS "
            "(SELECT 1 FROM activity a WHERE a.act IN ('refund.give', 'subscription.cancel') AND a.outcome = 'done' "
            "AND a.user_id = r.user_id AND replace(CAST(a.after ->> 'refund_id' AS text), '-', '') "
            "= replace(CAST(r.id AS text), '-', ''))",
        ),
        Rule(
            N_("A price was moved by an act that the activity log does not know."),
            SEE_ACTIVITY,
            "SELECT m.id AS move_id, m.plan_id FROM price_moves m LEFT JOIN activity a ON a.id = m.id "
            "AND a.act = 'plan.move_price' AND a.outcome = 'done' WHERE a.id IS NULL",
        ),
        missing_of("I23"),
    ),
)

INVARIANTS = (I22, I23)
