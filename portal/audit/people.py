"""What operators and callers did, and whether it was written down."""

from __future__ import annotations

from portal.audit.guards import missing_of
from portal.audit.violation import N_, Invariant, Rule

SEE_ACTIVITY = N_("Find out who did this: the activity log does not know. Somebody may have written past the portal.")
ERASE_AGAIN = N_("Find out who wrote past the portal; then have it erased again, on the customer's page of their data.")

# Which act an operator's step comes from. An act may take one of several steps.
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
            "h.act, h.times, coalesce(a.times, 0) AS logged FROM (SELECT s.kind, s.subject_id, s.subscription_id, "
            "s.actor, acts.act, count(*) AS times FROM history s JOIN acts ON acts.event = s.event "
            "WHERE s.actor LIKE 'operator:%' GROUP BY s.kind, s.subject_id, s.subscription_id, s.actor, acts.act) AS h "
            "LEFT JOIN (SELECT kind, replace(subject_id, '-', '') AS subject, operator, act, count(*) AS times "
            "FROM activity WHERE outcome = 'done' GROUP BY kind, replace(subject_id, '-', ''), operator, act) AS a "
            "ON a.kind = h.kind AND a.act = h.act AND 'operator:' || a.operator = h.actor "
            "AND a.subject = replace(CAST(h.subject_id AS text), '-', '') WHERE h.times > coalesce(a.times, 0)",
        ),
        Rule(
            N_("An operator's refund is not in the activity log."),
            SEE_ACTIVITY,
            "SELECT r.id AS refund_id, r.payment_id FROM refunds r WHERE r.reason = 'operator' AND NOT EXISTS "
            "(SELECT 1 FROM activity a WHERE a.act IN ('refund.give', 'subscription.cancel') AND a.outcome = 'done' "
            # One that was given, or the list of those that were given at once.
            "AND a.user_id = r.user_id AND replace(coalesce(a.after ->> 'refund_id', a.after ->> 'refund_ids'), "
            "'-', '') LIKE '%' || replace(CAST(r.id AS text), '-', '') || '%')",
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

ERASED = "JOIN users u ON u.id = {0}.user_id AND u.erased_at IS NOT NULL AND {0}.{1} < u.erased_at WHERE "

I27 = Invariant(
    "I27",
    "Of an erased user nothing is left that names a person",
    (
        Rule(
            N_("A user who was erased still has an address or a time zone."),
            ERASE_AGAIN,
            # Whoever comes back agrees anew, and what they say then is theirs to keep.
            "SELECT u.id AS user_id, u.erased_at FROM users u WHERE u.erased_at IS NOT NULL "
            "AND (u.email IS NOT NULL OR u.zone IS NOT NULL) AND NOT EXISTS (SELECT 1 FROM consents c "
            "WHERE c.user_id = u.id AND c.given AND c.at >= u.erased_at)",
        ),
        Rule(
            N_("A consent of an erased user still says from which address or browser it came."),
            ERASE_AGAIN,
            f"SELECT c.id AS consent_id, c.user_id FROM consents c {ERASED.format('c', 'at')}"
            "(c.address IS NOT NULL OR c.user_agent IS NOT NULL)",
        ),
        Rule(
            N_("A payment method of an erased user is still named, or was never removed."),
            ERASE_AGAIN,
            "SELECT m.id AS payment_method_id, m.user_id, m.provider FROM payment_methods m "
            f"{ERASED.format('m', 'created_at')}(m.title <> '—' OR m.expires IS NOT NULL OR m.removed_at IS NULL)",
        ),
        Rule(
            N_("What an erased user, or an operator about one, wrote in their own words is still there."),
            ERASE_AGAIN,
            f"SELECT 'refund' AS kind, r.id AS row_id, r.user_id FROM refunds r {ERASED.format('r', 'created_at')}"
            "r.comment IS NOT NULL "
            f"UNION ALL SELECT 'activity', a.id, a.user_id FROM activity a {ERASED.format('a', 'at')}"
            "a.note IS NOT NULL",
        ),
        Rule(
            N_("What an erased user wrote about why they cancelled is still there."),
            ERASE_AGAIN,
            "SELECT c.cancellation AS history_seq, c.user_id FROM cancel_reasons c "
            f"{ERASED.format('c', 'at')}c.comment IS NOT NULL",
        ),
        Rule(
            N_("An address that an erased user was sent to is still there: it may name them."),
            ERASE_AGAIN,
            f"SELECT 'invoice' AS kind, i.id AS row_id, i.user_id FROM invoices i {ERASED.format('i', 'created_at')}"
            "i.return_url IS NOT NULL "
            "UNION ALL SELECT 'payment', p.id, i.user_id FROM payments p JOIN invoices i ON i.id = p.invoice_id "
            f"{ERASED.format('i', 'created_at')}p.created_at < u.erased_at AND p.redirect_url IS NOT NULL "
            f"UNION ALL SELECT 'setup', s.id, s.user_id FROM method_setups s {ERASED.format('s', 'created_at')}"
            "s.redirect_url IS NOT NULL",
        ),
        Rule(
            N_("The content of a webhook about an erased user is still there."),
            ERASE_AGAIN,
            # Those that come later are emptied once they are applied.
            f"SELECT w.seq AS webhook, w.user_id FROM inbox w {ERASED.format('w', 'received_at')}"
            "length(w.body) > 0 AND w.state <> 'received'",
        ),
    ),
)

INVARIANTS = (I22, I23, I27)
