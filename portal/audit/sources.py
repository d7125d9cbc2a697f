"""Time has one source, and a due moment one invoice."""

from __future__ import annotations

from portal.audit.calendar import GIVES_TIME
from portal.audit.guards import missing_of
from portal.audit.violation import N_, Invariant, Rule

SEE_PERIOD = N_("Open the subscription's page, compare its periods with its invoices, and park it until that is clear.")
GIVEN_BY = (*GIVES_TIME, "trial_started", "granted")

I1 = Invariant(
    "I1",
    "Each period has exactly one source: one paid invoice, or an operator's act",
    (
        Rule(
            N_("A period hangs on an invoice that is not paid, or not of the same subscription."),
            SEE_PERIOD,
            "SELECT p.id AS period_id, p.subscription_id, p.invoice_id, i.state AS invoice_state FROM periods p "
            "LEFT JOIN invoices i ON i.id = p.invoice_id WHERE p.invoice_id IS NOT NULL "
            "AND (i.id IS NULL OR i.state <> 'paid' OR i.subscription_id <> p.subscription_id)",
        ),
        Rule(
            N_("A period has no source, or two."),
            SEE_PERIOD,
            "SELECT id AS period_id, subscription_id, invoice_id, act_id FROM periods "
            "WHERE (invoice_id IS NULL) = (act_id IS NULL)",
        ),
        Rule(
            N_("A period was granted by an act that the activity log does not know."),
            SEE_PERIOD,
            "SELECT p.id AS period_id, p.subscription_id, p.act_id FROM periods p "
            "LEFT JOIN activity a ON a.id = p.act_id AND a.act = 'subscription.grant' AND a.outcome = 'done' "
            "AND replace(a.subject_id, '-', '') = replace(CAST(p.subscription_id AS text), '-', '') "
            "WHERE p.act_id IS NOT NULL AND a.id IS NULL",
        ),
        Rule(
            N_("One invoice gave two periods."),
            SEE_PERIOD,
            "SELECT invoice_id, count(*) AS periods FROM periods WHERE invoice_id IS NOT NULL "
            "GROUP BY invoice_id HAVING count(*) > 1",
        ),
        Rule(
            N_("One act of an operator gave two periods."),
            SEE_PERIOD,
            "SELECT act_id, count(*) AS periods FROM periods WHERE act_id IS NOT NULL "
            "GROUP BY act_id HAVING count(*) > 1",
        ),
        Rule(
            N_("A period has more or fewer intervals than its invoice was for."),
            SEE_PERIOD,
            'SELECT p.id AS period_id, p.subscription_id, p.invoice_id, p.intervals, i."count" AS bought '
            "FROM periods p JOIN invoices i ON i.id = p.invoice_id "
            'WHERE p.intervals <> CASE WHEN coalesce(i.trial_days, 0) > 0 THEN 0 ELSE i."count" END',
        ),
        Rule(
            N_("What was paid to make running time better gave a period of its own."),
            SEE_PERIOD,
            "SELECT p.id AS period_id, p.subscription_id, p.invoice_id FROM change_quotes q "
            "JOIN periods p ON p.invoice_id = q.invoice_id WHERE NOT q.anew",
        ),
        Rule(
            N_("A paid plan change was carried out although what its sum was reckoned from had changed."),
            N_("Open the subscription's page; give back what was paid for the change, and see what it is worth now."),
            "SELECT q.id AS quote_id, q.subscription_id, q.invoice_id FROM change_quotes q JOIN ("
            "SELECT subscription_id, at, event, lag(plan) OVER story AS plan, lag(price) OVER story AS price, "
            "lag(until) OVER story AS until FROM (SELECT seq, subscription_id, at, event, "
            "replace(facts ->> 'plan_id', '-', '') AS plan, replace(facts ->> 'price_id', '-', '') AS price, "
            "moment(facts ->> 'paid_through') AS until FROM history WHERE kind = 'subscription' "
            "AND subscription_id IN (SELECT subscription_id FROM change_quotes WHERE applied_at IS NOT NULL)) AS told "
            "WINDOW story AS (PARTITION BY subscription_id ORDER BY seq)) AS t "
            "ON t.subscription_id = q.subscription_id AND t.event = 'plan_changed' AND t.at = q.applied_at "
            "WHERE q.invoice_id IS NOT NULL AND (t.plan <> replace(CAST(q.from_plan_id AS text), '-', '') "
            "OR t.price <> replace(CAST(q.from_price_id AS text), '-', '') OR abs(elapsed(t.until, q.until)) > 1)",
        ),
        Rule(
            N_("A change of plan is said to be carried out, and its subscription's history has no such step."),
            SEE_PERIOD,
            "SELECT q.id AS quote_id, q.subscription_id, q.applied_at FROM change_quotes q "
            "LEFT JOIN history h ON h.subscription_id = q.subscription_id AND h.at = q.applied_at "
            "AND h.kind = 'subscription' AND h.event = 'plan_changed' WHERE q.applied_at IS NOT NULL AND h.seq IS NULL",
        ),
        Rule(
            N_("A period was given at a moment at which its subscription's history gives no time."),
            SEE_PERIOD,
            "SELECT p.id AS period_id, p.subscription_id, p.created_at FROM periods p "
            "LEFT JOIN history h ON h.subscription_id = p.subscription_id AND h.at = p.created_at "
            f"AND h.kind = 'subscription' AND h.event IN {GIVEN_BY} WHERE h.seq IS NULL",
        ),
        missing_of("I1"),
    ),
)

# Renewals, with the price of what was invoiced before: of those subscriptions only whose price was ever moved.
RENEWED_AT_A_MOVED_PRICE = (
    "SELECT * FROM (SELECT id, subscription_id, price_id, reason, due_at, created_at, "
    "lag(price_id) OVER (PARTITION BY subscription_id ORDER BY created_at, id) AS price_before "
    "FROM invoices WHERE state <> 'fail' AND subscription_id IN (SELECT subscription_id FROM invoices "
    "WHERE price_id IN (SELECT from_price_id FROM price_moves))) AS told WHERE reason = 'renewal'"
)

I2 = Invariant(
    "I2",
    "One invoice for one due moment of a subscription, of those that have not failed",
    (
        Rule(
            N_("Two invoices that have not failed are for one due moment."),
            N_("Open both invoices; cancel the one that is not paid, or give back the payment of the later one."),
            "SELECT subscription_id, reason, due_at, count(*) AS invoices FROM invoices WHERE state <> 'fail' "
            "GROUP BY subscription_id, reason, due_at HAVING count(*) > 1",
        ),
        Rule(
            N_("A renewal goes on at a price that its subscriber was moved from, or is at one that is still to come."),
            N_("Open the invoice's page; give back what is too much, and compare the plan's prices with their moves."),
            f"WITH asked AS ({RENEWED_AT_A_MOVED_PRICE}) "
            "SELECT a.id AS invoice_id, a.subscription_id, m.id AS move_id FROM asked a "
            "JOIN price_moves m ON m.from_price_id = a.price_id AND a.price_id = a.price_before "
            "WHERE m.starts_at <= a.due_at AND m.created_at < a.created_at "
            "UNION SELECT a.id, a.subscription_id, m.id FROM asked a "
            "JOIN price_moves m ON m.to_price_id = a.price_id AND m.from_price_id = a.price_before "
            "WHERE m.starts_at > a.due_at AND NOT EXISTS (SELECT 1 FROM price_moves o "
            "WHERE o.from_price_id = a.price_before AND o.starts_at <= a.due_at)",
        ),
        missing_of("I2"),
    ),
)

I3 = Invariant(
    "I3",
    "Periods of a subscription never overlap; a user has one subscription in a group that is not over",
    (
        Rule(
            N_("Two periods of one subscription overlap."),
            SEE_PERIOD,
            "SELECT id AS period_id, subscription_id, start, taken_until FROM (SELECT id, subscription_id, start, "
            'max("end") OVER (PARTITION BY subscription_id ORDER BY start '
            "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS taken_until "
            "FROM periods WHERE revoked_at IS NULL) AS given WHERE start < taken_until",
        ),
        Rule(
            N_("A user has two subscriptions in one group that are not over."),
            N_("Open the customer's page; cancel one subscription now, and give back what was paid for it."),
            'SELECT user_id, "group" AS plan_group, count(*) AS subscriptions FROM subscriptions '
            "WHERE state NOT IN ('expired', 'ended') GROUP BY user_id, \"group\" HAVING count(*) > 1",
        ),
        Rule(
            N_("A user has had two trials in one group."),
            N_("Nothing was taken for it, so that nobody is owed anything; see which act or page allowed it."),
            'SELECT h.user_id, s."group" AS plan_group, count(*) AS trials FROM history h '
            "JOIN subscriptions s ON s.id = h.subject_id WHERE h.kind = 'subscription' AND h.event = 'trial_started' "
            'GROUP BY h.user_id, s."group" HAVING count(*) > 1',
        ),
        missing_of("I3"),
    ),
)

INVARIANTS = (I1, I2, I3)
