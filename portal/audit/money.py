"""Payments, and what of them was given back or is under dispute."""

from __future__ import annotations

from portal.audit.guards import missing_of
from portal.audit.violation import N_, Invariant, Rule

SEE_PAYMENT = N_("Open the payment's page and compare it with the payment system; park its subscription meanwhile.")
GIVE_BACK = N_("Open the payment's page, and give the money back or have the payment system asked again.")

I4 = Invariant(
    "I4",
    "At most one open and one succeeded payment of an invoice",
    (
        Rule(
            N_("An invoice has two open payments."),
            SEE_PAYMENT,
            "SELECT invoice_id, count(*) AS payments FROM payments "
            "WHERE state IN ('created', 'requires_action', 'pending', 'unknown') "
            "GROUP BY invoice_id HAVING count(*) > 1",
        ),
        Rule(
            N_("An invoice has two succeeded payments."),
            GIVE_BACK,
            "SELECT invoice_id, count(*) AS payments FROM payments WHERE state = 'succeeded' "
            "GROUP BY invoice_id HAVING count(*) > 1",
        ),
        missing_of("I4"),
    ),
)

GIVEN_BACK = (
    "SELECT payment_id, sum(CASE WHEN state = 'succeeded' THEN amount_minor ELSE 0 END) AS done, "
    "sum(CASE WHEN state IN ('requested', 'submitted', 'pending', 'unknown') THEN amount_minor ELSE 0 END) AS held "
    "FROM refunds GROUP BY payment_id"
)
# What payment systems say where the bank was not reached, and sometimes take back.
SAID_OF_THE_BANK = "('processing_error', 'gateway')"
TAKEN_BACK = (
    "SELECT payment_id, sum(CASE WHEN state = 'lost' THEN counted_minor ELSE 0 END) AS lost, "
    "sum(CASE WHEN state = 'open' THEN counted_minor ELSE 0 END) AS held, "
    "sum(CASE WHEN state = 'open' THEN 1 ELSE 0 END) AS undecided FROM disputes GROUP BY payment_id"
)

I5 = Invariant(
    "I5",
    "What is given back, reserved or disputed is what refunds and disputes say, and never more than was paid",
    (
        Rule(
            N_("The sums on a payment's row are not those of its refunds and disputes."),
            SEE_PAYMENT,
            "SELECT p.id AS payment_id, p.refunded_minor AS refunded, p.reserved_minor AS reserved, "
            "p.disputed_minor AS disputed, coalesce(r.done, 0) AS refunds_done, coalesce(r.held, 0) AS refunds_open, "
            "coalesce(d.lost, 0) AS disputes_lost, coalesce(d.held, 0) AS disputes_open FROM payments p "
            f"LEFT JOIN ({GIVEN_BACK}) AS r ON r.payment_id = p.id "
            f"LEFT JOIN ({TAKEN_BACK}) AS d ON d.payment_id = p.id "
            "WHERE p.refunded_minor <> coalesce(r.done, 0) + coalesce(d.lost, 0) "
            "OR p.reserved_minor <> coalesce(r.held, 0) OR p.disputed_minor <> coalesce(d.held, 0) "
            "OR (p.disputed_at IS NULL) <> (coalesce(d.undecided, 0) = 0)",
        ),
        Rule(
            N_("More is given back, reserved or disputed than was paid."),
            SEE_PAYMENT,
            "SELECT id AS payment_id, amount_minor AS paid, refunded_minor AS refunded, reserved_minor AS reserved, "
            "disputed_minor AS disputed FROM payments WHERE refunded_minor < 0 OR reserved_minor < 0 "
            "OR disputed_minor < 0 OR refunded_minor + reserved_minor + disputed_minor > amount_minor",
        ),
        Rule(
            N_("A refund is of nothing, in another currency, or of a payment that did not succeed."),
            SEE_PAYMENT,
            "SELECT r.id AS refund_id, r.payment_id, r.amount_minor AS amount, r.currency, p.state AS payment_state "
            "FROM refunds r JOIN payments p ON p.id = r.payment_id WHERE r.amount_minor <= 0 "
            "OR r.currency <> p.currency OR p.state NOT IN ('succeeded', 'duplicate')",
        ),
        missing_of("I5"),
    ),
)

KEPT = "p.amount_minor - p.refunded_minor - p.reserved_minor - p.disputed_minor"

I7 = Invariant(
    "I7",
    "Money that came has given its time, or is on its way back, or a person looks at it",
    (
        Rule(
            N_("Money is kept for an invoice that it did not pay."),
            GIVE_BACK,
            f"SELECT p.id AS payment_id, p.invoice_id, p.state, i.state AS invoice_state, {KEPT} AS kept "
            "FROM payments p JOIN invoices i ON i.id = p.invoice_id WHERE p.state IN ('succeeded', 'duplicate') "
            f"AND (p.state = 'duplicate' OR i.state <> 'paid') AND {KEPT} > 0 AND (p.modified_at < :unsettled_since "
            "OR NOT EXISTS (SELECT 1 FROM refunds r WHERE r.payment_id = p.id AND r.state = 'failed'))",
        ),
        Rule(
            N_("A paid invoice gave neither time nor a better plan."),
            N_("Open the invoice's page; grant the time that was paid for, or give the money back."),
            "SELECT i.id AS invoice_id, i.subscription_id FROM invoices i LEFT JOIN periods p ON p.invoice_id = i.id "
            "LEFT JOIN change_quotes q ON q.invoice_id = i.id AND NOT q.anew AND q.applied_at IS NOT NULL "
            "WHERE i.state = 'paid' AND p.id IS NULL AND q.id IS NULL",
        ),
    ),
)

I8 = Invariant(
    "I8",
    "A paid invoice was paid by one payment of its sum and currency",
    (
        Rule(
            N_("An invoice is paid, and no payment of its sum succeeded."),
            SEE_PAYMENT,
            "SELECT i.id AS invoice_id, i.subscription_id, p.id AS payment_id, i.total_minor AS asked, "
            "p.amount_minor AS paid, i.currency, p.currency AS paid_in FROM invoices i "
            "LEFT JOIN payments p ON p.invoice_id = i.id AND p.state = 'succeeded' "
            "WHERE i.state = 'paid' AND i.total_minor > 0 "
            "AND (p.id IS NULL OR p.amount_minor <> i.total_minor OR p.currency <> i.currency)",
        ),
    ),
)

I17 = Invariant(
    "I17",
    "A payment is written down before it is sent, has a key of its own, and is not sent again once the key is old",
    (
        Rule(
            N_("A payment was sent before it was written down."),
            SEE_PAYMENT,
            "SELECT id AS payment_id, created_at, sent_at FROM payments WHERE sent_at < created_at",
        ),
        Rule(
            N_("A refund was sent before it was written down."),
            SEE_PAYMENT,
            "SELECT id AS refund_id, payment_id, created_at, sent_at FROM refunds "
            "WHERE sent_at < created_at AND reason <> 'provider'",
        ),
        Rule(
            N_("Two payments that succeeded are one object at the payment system."),
            SEE_PAYMENT,
            "SELECT provider, provider_ref, count(*) AS payments, CAST(min(CAST(id AS text)) AS text) AS payment_id "
            "FROM payments WHERE state IN ('succeeded', 'duplicate') AND provider_ref IS NOT NULL "
            "GROUP BY provider, provider_ref HAVING count(*) > 1",
        ),
        Rule(
            N_("A payment was sent again more than 20 hours after it was first sent."),
            SEE_PAYMENT,
            "SELECT payment_id, first_at, last_at FROM (SELECT subject_id AS payment_id, max(at) AS last_at, "
            "(SELECT min(f.at) FROM history f WHERE f.kind = 'payment' AND f.subject_id = h.subject_id "
            "AND f.event = 'sent') AS first_at FROM history h WHERE kind = 'payment' AND event = 'sent' "
            "AND from_state = 'unknown' GROUP BY subject_id) AS sent WHERE elapsed(last_at, first_at) > 72000",
        ),
        Rule(
            N_("A refund was sent again more than 20 hours after it was first sent."),
            SEE_PAYMENT,
            "SELECT refund_id, first_at, last_at FROM (SELECT refund_id, min(at) AS first_at, max(at) AS last_at FROM "
            "(SELECT subject_id AS refund_id, at, event, sum(CASE WHEN event = 'bounced' THEN 1 ELSE 0 END) OVER "
            "(PARTITION BY subject_id ORDER BY seq) AS life FROM history WHERE kind = 'refund' "
            "AND event IN ('sent', 'bounced')) AS told WHERE event = 'sent' GROUP BY refund_id, life "
            "HAVING count(*) > 1) AS sent WHERE elapsed(last_at, first_at) > 72000",
        ),
        Rule(
            N_("A charge was given up as never made less than 44 hours after it was sent, when it could still arrive."),
            SEE_PAYMENT,
            "SELECT h.subject_id AS payment_id, p.sent_at, h.at AS given_up_at FROM history h "
            "JOIN payments p ON p.id = h.subject_id WHERE h.kind = 'payment' AND h.to_state = 'failed' "
            "AND h.facts ->> 'kind' = 'charge' AND h.facts ->> 'decline_code' = 'not_created' "
            "AND elapsed(h.at, p.sent_at) < 158400",
        ),
        Rule(
            N_("A charge that was taken for not made succeeded after all: until then it could be made once more."),
            SEE_PAYMENT,
            # But for what a payment system itself said of the bank, and took back.
            "SELECT h.subject_id AS payment_id, h.at AS given_up_at FROM history h "
            "JOIN payments p ON p.id = h.subject_id WHERE h.kind = 'payment' AND h.to_state = 'failed' "
            "AND h.facts ->> 'kind' = 'charge' AND h.facts ->> 'decline_kind' = 'gateway' "
            f"AND h.facts ->> 'decline_code' NOT IN {SAID_OF_THE_BANK} AND p.state IN ('succeeded', 'duplicate')",
        ),
        missing_of("I17"),
    ),
)

I24 = Invariant(
    "I24",
    "No subscription is charged by itself more often in a day than the bound allows",
    (
        Rule(
            N_("More scheduled charges of a subscription reached the bank within 24 hours than the bound allows."),
            N_("Park the subscription on its page, and give back what was charged too often."),
            "SELECT id AS payment_id, subscription_id, first_at, sent_at FROM (SELECT id, subscription_id, sent_at, "
            "lag(sent_at, :charges_per_day) OVER (PARTITION BY subscription_id ORDER BY sent_at, id) AS first_at "
            "FROM payments WHERE kind = 'charge' AND sent_at IS NOT NULL AND decline_kind IS DISTINCT FROM 'gateway' "
            "AND coalesce(CAST(why ->> 'own_try' AS text), 'false') NOT IN ('true', '1')) AS charges "
            "WHERE elapsed(sent_at, first_at) < 86400",
        ),
    ),
)

INVARIANTS = (I4, I5, I7, I8, I17, I24)
