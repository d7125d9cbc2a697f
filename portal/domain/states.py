"""Which moves exist. Data that can be printed: each edge names the event that causes it and what Auth is told of it.

A state that no edge leaves is terminal. `tells` is the type of the event that the same commit puts into the outbox.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Edge:
    state: str
    event: str
    to: str
    tells: str | None = None


class IllegalMove(Exception):
    """A move that no edge allows: a bug or a race, never a customer's mistake."""


RENEWED = "subscription.renewed"
ACTIVATED = "subscription.activated"
CANCELLED = "subscription.cancelled"
DEACTIVATED = "subscription.deactivated"
CHANGED = "subscription.changed"

SUBSCRIPTION = (
    Edge("pending", "superseded", "pending"),
    Edge("pending", "first_paid", "active", ACTIVATED),
    Edge("pending", "trial_started", "trialing", ACTIVATED),
    Edge("pending", "checkout_closed", "expired"),
    Edge("trialing", "trial_converted", "active", RENEWED),
    Edge("trialing", "trial_declined", "suspended", DEACTIVATED),
    Edge("trialing", "period_over", "ended", DEACTIVATED),
    Edge("trialing", "cancelled_now", "ended", DEACTIVATED),
    Edge("trialing", "cancelled_at_period_end", "trialing", CANCELLED),
    Edge("trialing", "resumed", "trialing", "subscription.resumed"),
    Edge("trialing", "method_removed", "trialing", CANCELLED),
    Edge("trialing", "method_forgotten", "trialing"),
    Edge("trialing", "method_changed", "trialing"),
    Edge("trialing", "method_added", "trialing", "subscription.resumed"),
    Edge("trialing", "not_reached", "trialing"),
    Edge("trialing", "rescheduled", "trialing"),
    Edge("trialing", "granted", "trialing", RENEWED),
    Edge("active", "prolonged", "active", RENEWED),
    Edge("active", "renewed", "active", RENEWED),
    Edge("active", "renewal_declined", "past_due", "subscription.past_due"),
    Edge("past_due", "declined_again", "past_due"),
    Edge("past_due", "recovered", "active", RENEWED),
    *(Edge(state, "grace_over", "suspended", DEACTIVATED) for state in ("trialing", "active", "past_due")),
    Edge("suspended", "declined_again", "suspended"),
    Edge("suspended", "recovered", "active", ACTIVATED),
    Edge("suspended", "given_up", "ended", DEACTIVATED),
    Edge("active", "period_over", "ended", DEACTIVATED),
    Edge("active", "cancelled_at_period_end", "active", CANCELLED),
    Edge("active", "resumed", "active", "subscription.resumed"),
    Edge("active", "method_removed", "active", CANCELLED),
    Edge("past_due", "method_removed", "past_due", CANCELLED),
    Edge("suspended", "method_removed", "suspended"),
    Edge("active", "method_forgotten", "active"),  # it did not renew anyway
    Edge("active", "method_changed", "active"),
    Edge("past_due", "method_changed", "past_due"),
    Edge("suspended", "method_changed", "suspended"),
    # A method where there was none: grace begins to count again, so access lasts longer.
    Edge("active", "method_added", "active", "subscription.resumed"),
    Edge("past_due", "method_added", "past_due", "subscription.resumed"),
    Edge("suspended", "method_added", "suspended"),
    *(
        edge
        for state in ("active", "past_due", "suspended")
        for edge in (
            Edge(state, "not_reached", state),
            Edge(state, "rescheduled", state),
            Edge(state, "cancelled_now", "ended", DEACTIVATED),
            Edge(state, "refunded", "ended", DEACTIVATED),
        )
    ),
    # The bank has a payment under dispute: nothing more is charged. `noted` where renewal was off already.
    Edge("active", "dispute_opened", "active", CANCELLED),
    Edge("past_due", "dispute_opened", "past_due", CANCELLED),
    Edge("suspended", "dispute_opened", "suspended"),
    *(
        edge
        for state in ("active", "past_due", "suspended")
        for edge in (
            Edge(state, "dispute_noted", state),
            Edge(state, "dispute_over", state),
            Edge(state, "dispute_lost", "ended", DEACTIVATED),
        )
    ),
    Edge("active", "granted", "active", RENEWED),
    Edge("active", "time_returned", "active", CHANGED),
    Edge("trialing", "plan_changed", "trialing", CHANGED),
    Edge("active", "plan_changed", "active", CHANGED),
    Edge("active", "plan_returned", "active", CHANGED),  # the money for it was given back
    Edge("active", "change_booked", "active"),
    Edge("active", "change_unbooked", "active"),
    *(
        Edge(state, event, state, "subscription.parked" if state in ("trialing", "active", "past_due") else None)
        for state in ("pending", "trialing", "active", "past_due", "suspended")
        for event in ("parked", "unparked")
    ),
)

INVOICE = (
    Edge("not_paid", "paid", "paid"),
    Edge("not_paid", "closed", "fail"),
)

PAYMENT = (
    Edge("created", "sent", "unknown"),
    Edge("unknown", "sent", "unknown"),
    Edge("created", "aborted", "aborted"),
    *(
        edge
        for state in ("unknown", "requires_action", "pending")
        for edge in (
            Edge(state, "succeeded", "succeeded"),
            Edge(state, "succeeded_again", "duplicate"),
            Edge(state, "failed", "failed"),
            Edge(state, "asked", state),
            Edge(state, "put_in_review", state),
        )
    ),
    Edge("unknown", "action_required", "requires_action"),
    Edge("pending", "action_required", "requires_action"),
    Edge("requires_action", "action_required", "requires_action"),  # the address came later
    Edge("unknown", "taken_in_hand", "pending"),
    Edge("requires_action", "taken_in_hand", "pending"),
    # Money that came after we had been told that it would not.
    Edge("failed", "succeeded", "succeeded"),
    Edge("failed", "succeeded_again", "duplicate"),
    Edge("failed", "put_in_review", "failed"),
    Edge("failed", "failed", "failed"),  # it was another sum, and went back
    *(
        edge
        for state in ("succeeded", "duplicate")
        for edge in (
            Edge(state, "refund_reserved", state),
            Edge(state, "refund_done", state),
            Edge(state, "refund_released", state),
            Edge(state, "refund_undone", state),
            Edge(state, "disputed", state),
            Edge(state, "dispute_won", state),
            Edge(state, "dispute_lost", state),
            Edge(state, "dispute_counted", state),  # a refund was not made after all: its sum was the bank's
        )
    ),
)

REFUND = (
    Edge("requested", "approved", "submitted"),
    Edge("requested", "rejected", "rejected"),
    Edge("submitted", "sent", "unknown"),
    Edge("unknown", "sent", "unknown"),
    *(
        edge
        for state in ("unknown", "pending")
        for edge in (
            Edge(state, "succeeded", "succeeded"),
            Edge(state, "failed", "failed"),
            Edge(state, "asked", state),
        )
    ),
    Edge("unknown", "taken_in_hand", "pending"),
    Edge("unknown", "bounced", "submitted"),
    Edge("succeeded", "failed", "failed"),  # the bank could not give it out: it has come back
    *(Edge(state, "put_in_review", state) for state in ("submitted", "unknown", "pending")),
    Edge("submitted", "held", "submitted"),  # until the bank has decided a dispute
    Edge("submitted", "overtaken", "failed"),  # the money has gone back in another way
)

DISPUTE = (
    Edge("open", "asked", "open"),
    Edge("open", "counted", "open"),
    Edge("open", "won", "won"),
    Edge("open", "lost", "lost"),
    Edge("lost", "counted", "lost"),
)

SETUP = (
    Edge("created", "sent", "unknown"),
    Edge("unknown", "sent", "unknown"),
    Edge("unknown", "action_required", "requires_action"),
    *(
        edge
        for state in ("unknown", "requires_action")
        for edge in (
            Edge(state, "succeeded", "succeeded"),
            Edge(state, "failed", "failed"),
            Edge(state, "asked", state),
        )
    ),
)

EDGES = {
    "subscription": SUBSCRIPTION,
    "invoice": INVOICE,
    "payment": PAYMENT,
    "refund": REFUND,
    "setup": SETUP,
    "dispute": DISPUTE,
}


def edge(kind: str, state: str, event: str) -> Edge:
    """The edge that `event` takes from `state`. Raises IllegalMove."""
    for candidate in EDGES[kind]:
        if candidate.state == state and candidate.event == event:
            return candidate
    raise IllegalMove(f"{kind} cannot take {event!r} from {state!r}")


def states(kind: str) -> tuple[str, ...]:
    """Every state of a kind, in the order the table first names them."""
    return tuple(dict.fromkeys(state for edge in EDGES[kind] for state in (edge.state, edge.to)))


def terminal(kind: str) -> tuple[str, ...]:
    """States that cannot become another one."""
    left = {edge.state for edge in EDGES[kind] if edge.to != edge.state}
    return tuple(state for state in states(kind) if state not in left)
