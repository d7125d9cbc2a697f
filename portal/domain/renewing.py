"""What becomes of a subscription whose moment has come."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from portal.domain import bounds, parking
from portal.domain.cancelling import ended
from portal.domain.change import Change, Move, Write
from portal.domain.dunning import Due, due, next_action_at
from portal.domain.invoice import Invoice, issue
from portal.domain.method import PaymentMethod
from portal.domain.payment import intent
from portal.domain.plan import Plan, Price
from portal.domain.policy import Policy
from portal.domain.pricing import quote
from portal.domain.subscription import Subscription

ACTOR = "worker"


@dataclass(frozen=True)
class Standing:
    subscription: Subscription
    plan: Plan
    price: Price  # the row that the next period is sold at
    invoice: Invoice | None  # the renewal that waits to be paid
    purchase: Invoice | None  # time the customer thought of buying ahead
    method: PaymentMethod | None
    charged_today: int = 0  # see bounds.reason_to_park
    booked: Plan | None = None  # the plan of the next period, where it is another one
    change: Invoice | None = None  # a better plan that was not paid for in time


@dataclass(frozen=True)
class Decision:
    change: Change | None
    payment_id: UUID | None = None  # to be sent after the commit


def decide(standing: Standing, now: datetime, policy: Policy, room: int = 1) -> Decision:
    """For a subscription without an open payment: charge it, let it fall, end it, or wait.

    `room`: how many charges this run may still make.
    """
    subscription = standing.subscription
    match due(subscription, standing.plan, policy, now):
        case Due.charge if standing.method is not None:
            return _charge_within_bounds(standing, standing.method, now, policy, room)
        case Due.suspend:
            since: dict[str, object] = {"past_due_since": subscription.past_due_since or now}
            return Decision(_move(standing, "grace_over", since, now, policy))
        case Due.give_up:
            return Decision(_over(standing, "given_up", "unpaid", now))
        case Due.end:
            reason = "no_method" if subscription.auto_renew else "cancelled"
            return Decision(_over(standing, "period_over", reason, now))
    if subscription.next_action_at != next_action_at(subscription, standing.plan, policy):
        return Decision(_move(standing, "rescheduled", {}, now, policy))
    return Decision(None)


def _charge_within_bounds(
    standing: Standing, method: PaymentMethod, now: datetime, policy: Policy, room: int
) -> Decision:
    subscription = standing.subscription
    reason = bounds.reason_to_park(subscription, standing.price, method, standing.charged_today, room, policy)
    if reason is not None:
        return Decision(parking.park(subscription, reason, now, ACTOR))
    return _charge(standing, method, now, policy)


def _charge(standing: Standing, method: PaymentMethod, now: datetime, policy: Policy) -> Decision:
    """One invoice for one due moment, whoever asks; each try to collect it is a payment of its own."""
    subscription = standing.subscription
    writes: list[Write] = []
    invoice = standing.invoice
    if invoice is None:
        assert subscription.runs_until is not None  # noqa: S101 - a renewal follows paid time, or a trial
        quoted = quote(standing.booked or standing.plan, standing.price, 1)
        invoice, lines = issue(
            subscription,
            quoted,
            price_id=standing.price.id,
            reason="renewal",
            due_at=subscription.runs_until,
            provider=method.provider,
            renews=True,
            expires_at=now + timedelta(days=policy.give_up_days + 30),
            now=now,
        )
        writes += [invoice, *lines]
    payment = intent(invoice, subscription, now, kind="charge", method=method)
    # Where the bank wants its customer to confirm, they have as long as for a checkout.
    payment = replace(payment, expires_at=now + policy.checkout_ttl)
    if bounds.own_try(subscription):
        payment = replace(payment, why={**payment.why, bounds.OWN_TRY: True})
    change = Change(
        subscription.user_id,
        now,
        ACTOR,
        (*writes, payment),
        due_at=subscription.next_action_at,
        reason="renewal",
        invoice_id=invoice.id,
    )
    return Decision(change, payment.id)


def _move(standing: Standing, event: str, facts: dict[str, object], now: datetime, policy: Policy) -> Change:
    subscription = standing.subscription
    to = "suspended" if event == "grace_over" else subscription.state
    after = replace(subscription, state=to, **facts)  # type: ignore[arg-type]  # its columns
    facts = facts | {"next_action_at": next_action_at(after, standing.plan, policy)}
    return _change(standing, [Move(subscription, event, facts)], now)


def _over(standing: Standing, event: str, reason: str, now: datetime) -> Change:
    """The end, and of every invoice that could still be paid for it."""
    unpaid = ((standing.invoice, "declined"), (standing.purchase, "expired"), (standing.change, "expired"))
    closed = [Move(invoice, "closed", {"fail_reason": why}) for invoice, why in unpaid if invoice is not None]
    return _change(standing, [*closed, Move(standing.subscription, event, ended(reason, now))], now)


def _change(standing: Standing, writes: list[Move], now: datetime) -> Change:
    subscription = standing.subscription
    return Change(
        subscription.user_id,
        now,
        ACTOR,
        tuple(writes),
        due_at=subscription.next_action_at,
        reason="renewal",
        invoice_id=standing.invoice.id if standing.invoice else None,
    )
