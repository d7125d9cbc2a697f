"""What a payment that failed means for its invoice, and for what it should have renewed."""

from __future__ import annotations

from datetime import datetime

from portal.domain import changing, dunning
from portal.domain.change import Move, Set, Write
from portal.domain.outcome import Decline, DeclineClass
from portal.domain.policy import Policy
from portal.domain.word import Standing, Word, known, rescheduled


def failed(standing: Standing, word: Word, now: datetime, policy: Policy) -> list[Write]:
    payment, invoice = standing.payment, standing.invoice
    decline = word.decline or Decline(DeclineClass.soft, "declined")
    facts = known(payment, word) | {
        "decline_kind": decline.kind,
        "decline_code": decline.code,
        "next_check_at": None,
        "review_at": None,
    }
    over: list[Write] = [Move(payment, "failed", facts)]
    if not invoice.payable:
        return over
    if invoice.reason == "renewal":
        # What a customer tries on a page is their own affair: it uses up no retry, and another card may be at fault.
        return [*over, *_dun(standing, decline, now, policy)] if payment.kind == "charge" else over
    if decline.kind is DeclineClass.closed:
        return [*over, *_closed(standing, decline, now)]
    if invoice.reason == changing.REASON and payment.kind == "charge":
        return [*over, Move(invoice, "closed", {"fail_reason": "declined"})]  # the plan stays as it is
    return over


def _closed(standing: Standing, decline: Decline, now: datetime) -> list[Write]:
    """The hosted page of a purchase can no longer be paid, so neither can its invoice.

    We close a page when its time is over, or before that because the customer does not want to pay.
    """
    given_up = decline.code == "checkout_closed" and now < standing.invoice.expires_at
    reason = "cancelled" if given_up else "expired"
    writes: list[Write] = [Move(standing.invoice, "closed", {"fail_reason": reason})]
    if standing.subscription.state == "pending":
        writes.append(Move(standing.subscription, "checkout_closed"))
    return writes


def _dun(standing: Standing, decline: Decline, now: datetime, policy: Policy) -> list[Write]:
    """A renewal that was not paid: the schedule goes on from the first decline; what never reached the bank waits."""
    subscription = standing.subscription
    if not subscription.live:
        return []
    if decline.kind is DeclineClass.gateway:
        failures = subscription.gateway_failures + 1
        facts: dict[str, object] = {"gateway_failures": failures, "retry_at": now + dunning.backoff(failures)}
        return [rescheduled(standing, "not_reached", facts, policy)]
    changed = subscription.payment_method_id != standing.payment.payment_method_id
    since = subscription.past_due_since or now
    facts = {
        "past_due_since": since,
        "declines": max(subscription.declines + 1, dunning.steps_passed(since, now, policy) + 1),
        # Late word of a method that is no longer used says nothing of the one that is: that is tried now.
        "method_dead": subscription.method_dead if changed else decline.kind is DeclineClass.hard,
        "gateway_failures": 0,
        "retry_at": now if changed else None,
    }
    event = _FIRST_DECLINE.get(subscription.state, "declined_again")
    dead = [Set(standing.charged, {"dead_at": now})] if decline.kind is DeclineClass.hard and standing.charged else []
    return [*dead, rescheduled(standing, event, facts, policy)]


_FIRST_DECLINE = {"trialing": "trial_declined", "active": "renewal_declined"}
