"""The moves that may happen, written down a second time: from what, by which event, to what, and what Auth hears.

On purpose not the table that the portal itself walks by. A test compares the two.
"""

from __future__ import annotations

from typing import NamedTuple

PAYING = ("active", "past_due", "suspended")


class Step(NamedTuple):
    kind: str
    state: str  # "": it begins
    event: str
    to: str
    heard: str = ""  # by Auth, in the same commit


def _subscription(state: str, heard: str = "", **events: str) -> tuple[Step, ...]:
    """`event=to` pairs of one state; all of them say the same to Auth."""
    return tuple(
        Step("subscription", state, event, to, f"subscription.{heard}" if heard else "") for event, to in events.items()
    )


def _stays(kind: str, state: str, *events: str) -> tuple[Step, ...]:
    return tuple(Step(kind, state, event, state) for event in events)


BEGINNINGS = (
    Step("subscription", "", "created", "pending"),
    Step("invoice", "", "created", "not_paid"),
    Step("invoice", "", "created", "paid"),  # credited in full
    Step("payment", "", "created", "created"),
    Step("refund", "", "created", "requested"),
    Step("refund", "", "created", "submitted"),
    Step("refund", "", "created", "unknown"),  # made at the payment system, past us
    Step("dispute", "", "created", "open"),
)

SUBSCRIPTION = (
    *_subscription("pending", superseded="pending", checkout_closed="expired", parked="pending", unparked="pending"),
    *_subscription("pending", "activated", first_paid="active", trial_started="trialing"),
    # Being tried
    *_subscription("trialing", "renewed", trial_converted="active", granted="trialing"),
    *_subscription("trialing", "deactivated", trial_declined="suspended", period_over="ended", cancelled_now="ended"),
    *_subscription("trialing", "cancelled", cancelled_at_period_end="trialing", method_removed="trialing"),
    *_subscription("trialing", "resumed", resumed="trialing", method_added="trialing"),
    *_subscription("trialing", "changed", plan_changed="trialing"),
    *_subscription("trialing", "parked", parked="trialing", unparked="trialing"),
    *_stays("subscription", "trialing", "method_forgotten", "method_changed", "not_reached", "rescheduled"),
    # Paid for
    *_subscription("active", "renewed", prolonged="active", renewed="active", granted="active"),
    *_subscription("active", "past_due", renewal_declined="past_due"),
    *_subscription("active", "cancelled", cancelled_at_period_end="active", method_removed="active"),
    *_subscription("active", "cancelled", dispute_opened="active"),
    *_subscription("active", "resumed", resumed="active", method_added="active"),
    *_subscription("active", "changed", plan_changed="active", plan_returned="active", time_returned="active"),
    *_subscription("active", "deactivated", period_over="ended"),
    *_stays("subscription", "active", "method_forgotten", "method_changed", "change_booked", "change_unbooked"),
    *_subscription("active", "parked", parked="active", unparked="active"),
    # Asked for money in vain
    *_subscription("past_due", "renewed", recovered="active"),
    *(
        step
        for state in ("trialing", "active", "past_due")
        for step in _subscription(state, "deactivated", grace_over="suspended")
    ),
    *_subscription("past_due", "cancelled", method_removed="past_due", dispute_opened="past_due"),
    *_subscription("past_due", "resumed", method_added="past_due"),
    *_subscription("past_due", "parked", parked="past_due", unparked="past_due"),
    *_stays("subscription", "past_due", "declined_again", "method_changed"),
    # Shut off
    *_subscription("suspended", "activated", recovered="active"),
    *_subscription("suspended", "deactivated", given_up="ended"),
    *_stays("subscription", "suspended", "declined_again", "method_removed", "method_changed", "method_added"),
    *_stays("subscription", "suspended", "dispute_opened", "parked", "unparked"),
    *(step for state in PAYING for step in _stays("subscription", state, "not_reached", "rescheduled")),
    *(step for state in PAYING for step in _stays("subscription", state, "dispute_noted", "dispute_over")),
    *(
        step
        for state in PAYING
        for step in _subscription(state, "deactivated", cancelled_now="ended", refunded="ended", dispute_lost="ended")
    ),
)

INVOICE = (Step("invoice", "not_paid", "paid", "paid"), Step("invoice", "not_paid", "closed", "fail"))

ASKED = ("unknown", "requires_action", "pending")
RECEIVED = ("succeeded", "duplicate")
BACK = ("refund_reserved", "refund_done", "refund_released", "refund_undone", "disputed", "dispute_won", "dispute_lost")

PAYMENT = (
    Step("payment", "created", "sent", "unknown"),
    Step("payment", "created", "aborted", "aborted"),
    Step("payment", "unknown", "sent", "unknown"),
    Step("payment", "unknown", "taken_in_hand", "pending"),
    Step("payment", "requires_action", "taken_in_hand", "pending"),
    *(Step("payment", state, "action_required", "requires_action") for state in ASKED),
    *(step for state in ASKED for step in _stays("payment", state, "asked", "put_in_review")),
    *(Step("payment", state, "failed", "failed") for state in ASKED),
    *(Step("payment", state, "succeeded", "succeeded") for state in (*ASKED, "failed")),
    *(Step("payment", state, "succeeded_again", "duplicate") for state in (*ASKED, "failed")),
    *_stays("payment", "failed", "put_in_review", "failed"),
    *(step for state in RECEIVED for step in _stays("payment", state, *BACK, "dispute_counted")),
)

REFUND = (
    Step("refund", "requested", "approved", "submitted"),
    Step("refund", "requested", "rejected", "rejected"),
    Step("refund", "submitted", "sent", "unknown"),
    Step("refund", "submitted", "overtaken", "failed"),
    *_stays("refund", "submitted", "held", "put_in_review"),
    Step("refund", "unknown", "taken_in_hand", "pending"),
    Step("refund", "unknown", "bounced", "submitted"),
    Step("refund", "succeeded", "failed", "failed"),
    *_stays("refund", "unknown", "sent"),
    *(step for state in ("unknown", "pending") for step in _stays("refund", state, "asked", "put_in_review")),
    *(Step("refund", state, end, end) for state in ("unknown", "pending") for end in ("succeeded", "failed")),
)

DISPUTE = (
    *_stays("dispute", "open", "asked", "counted"),
    Step("dispute", "open", "won", "won"),
    Step("dispute", "open", "lost", "lost"),
    *_stays("dispute", "lost", "counted"),
)

STEPS = (*BEGINNINGS, *SUBSCRIPTION, *INVOICE, *PAYMENT, *REFUND, *DISPUTE)

# Tokens that were formed before are refused from these on.
WITHDRAW = ("activated", "changed", "cancelled", "deactivated", "restated")


def as_values(steps: tuple[Step, ...] = STEPS) -> str:
    """Rows of a VALUES list: kind, state, event, to, heard."""
    return ", ".join(f"('{s.kind}', '{s.state}', '{s.event}', '{s.to}', '{s.heard}')" for s in steps)
