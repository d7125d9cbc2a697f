"""What Auth is told: once for each change of rights, in order, with nothing left out."""

from __future__ import annotations

from portal.audit.edges import SUBSCRIPTION, WITHDRAW, as_values
from portal.audit.guards import missing_of
from portal.audit.violation import N_, Invariant, Rule

SEE_USER = N_("Open the customer's page and compare the events with the history; replay the last event of this user.")
HEARD = as_values(tuple(step for step in SUBSCRIPTION if step.heard))
WITHDRAWING = ", ".join(f"'subscription.{word}'" for word in WITHDRAW)
SAID = "CAST(body -> 'data' ->> '{}' AS integer)"

I11 = Invariant(
    "I11",
    "Each change of rights has exactly one event, and no event is without a change",
    (
        Rule(
            N_("A change of rights was not told, was told twice, or was told without having happened."),
            SEE_USER,
            f"WITH heard (kind, state, event, ends, type) AS (VALUES {HEARD}) "
            "SELECT subscription_id, type, at, sum(changes) AS changes, sum(events) AS events FROM ("
            "SELECT h.subscription_id, s.type, h.at, 1 AS changes, 0 AS events FROM history h "
            "JOIN heard s ON s.state = h.from_state AND s.event = h.event WHERE h.kind = 'subscription' "
            "UNION ALL SELECT subscription_id, type, created_at, 0, 1 FROM outbox "
            "WHERE type <> 'subscription.restated') AS told "
            "GROUP BY subscription_id, type, at HAVING sum(changes) <> sum(events)",
        ),
    ),
)

I12 = Invariant(
    "I12",
    "Versions of a user's events are 1, 2, 3 ... up to the one on the user's row; tokens are withdrawn as told",
    (
        Rule(
            N_("The version on a user's row is not that of the last event."),
            SEE_USER,
            "SELECT u.id AS user_id, u.entitlements_version AS version, o.last FROM users u LEFT JOIN "
            "(SELECT user_id, max(version) AS last FROM outbox GROUP BY user_id) AS o ON o.user_id = u.id "
            "WHERE u.entitlements_version <> coalesce(o.last, 0)",
        ),
        Rule(
            N_("A version is missing or double, or an event withdraws other tokens than the last change that does so."),
            SEE_USER,
            "WITH told AS MATERIALIZED (SELECT user_id, seq, version, type = 'subscription.restated' AS restates, "
            f"CASE WHEN type IN ({WITHDRAWING}) THEN version ELSE 0 END AS withdraws, "
            f"{SAID.format('tokens_from_version')} AS said, {SAID.format('version')} AS said_version FROM outbox) "
            "SELECT user_id, seq AS event, version, before, said, expected FROM (SELECT told.*, "
            "max(withdraws) OVER of_user AS expected, lag(version) OVER of_user AS before FROM told "
            "WINDOW of_user AS (PARTITION BY user_id ORDER BY version)) AS seen "
            # Whoever restates rights to an Auth that knows of later versions begins after those.
            "WHERE (NOT restates AND version <> coalesce(before, 0) + 1) "
            "OR said IS DISTINCT FROM expected OR said_version IS DISTINCT FROM version",
        ),
        Rule(
            N_("A user's row withdraws other tokens than the events say."),
            SEE_USER,
            "SELECT u.id AS user_id, u.tokens_from_version AS withdrawn, o.expected FROM users u LEFT JOIN "
            f"(SELECT user_id, max(version) AS expected FROM outbox WHERE type IN ({WITHDRAWING}) GROUP BY user_id) "
            "AS o ON o.user_id = u.id WHERE u.tokens_from_version <> coalesce(o.expected, 0)",
        ),
        missing_of("I12"),
    ),
)

I14 = Invariant(
    "I14",
    "Every event is delivered",
    (
        Rule(
            N_("An event has waited too long to be published."),
            N_("See whether the relay runs and the broker answers: /admin/jobs, then flask relay --once."),
            "SELECT seq AS event, user_id, type, created_at, last_error FROM outbox WHERE published_at IS NULL "
            "AND coalesce(asked_at, created_at) < :unpublished_since",
        ),
    ),
)

INVARIANTS = (I11, I12, I14)
