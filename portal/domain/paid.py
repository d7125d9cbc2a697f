"""What a payment that came in gives: time, a plan, a trial; or it goes back, because it came twice or too late."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from portal.domain import changing, dunning, trials
from portal.domain.calendar import Interval, step
from portal.domain.change import Move, Write
from portal.domain.ids import new_id
from portal.domain.method import PaymentMethod
from portal.domain.payment import Payment
from portal.domain.policy import Policy
from portal.domain.refund import Refund
from portal.domain.subscription import Period
from portal.domain.word import Standing, Word, known, rescheduled


def succeeded(standing: Standing, word: Word, now: datetime, policy: Policy) -> list[Write]:
    payment, invoice = standing.payment, standing.invoice
    settled = {"next_check_at": None, "review_at": None, "decline_kind": None, "decline_code": None}
    facts = known(payment, word) | settled | {"succeeded_at": now}
    reserved = {"reserved_minor": payment.amount_minor}
    if standing.paid_before:
        return [Move(payment, "succeeded_again", facts | reserved), *_all_back(payment, "duplicate", now)]
    over = standing.subscription.state in ("expired", "ended") or _outdated(standing, now)
    if over or not invoice.payable:
        # Over, cancelled or superseded while the customer was paying: nothing is granted, the money goes back.
        closed = [Move(invoice, "closed", {"fail_reason": "expired"})] if invoice.payable else []
        return [Move(payment, "succeeded", facts | reserved), *closed, *_all_back(payment, "late", now)]
    saved: list[Write] = []
    method = word.method if invoice.saves_method and payment.kind == "checkout" else None
    if method is not None:
        saved, facts = [method] if word.method_is_new else [], facts | {"payment_method_id": method.id}
    paid = [Move(payment, "succeeded", facts), Move(invoice, "paid", {"paid_at": now})]
    return [*saved, *paid, *_grant(standing, method, now, policy)]


def _outdated(standing: Standing, now: datetime) -> bool:
    """A better plan that was paid too late: the time that it was reckoned for is over, or not what it was."""
    late = standing.invoice.reason == changing.REASON
    return late and not changing.stands(standing.quoted, standing.subscription, now)


def _all_back(payment: Payment, reason: str, now: datetime) -> list[Refund]:
    """The whole sum, reserved in the same commit that learnt of it. A page that only saved a method took none."""
    if not payment.amount_minor:
        return []
    refund = Refund(
        id=new_id(now),
        payment_id=payment.id,
        invoice_id=payment.invoice_id,
        subscription_id=payment.subscription_id,
        user_id=payment.user_id,
        reason=reason,
        state="submitted",
        amount_minor=payment.amount_minor,
        currency=payment.currency,
        created_at=now,
        modified_at=now,
        next_check_at=now,
    )
    return [refund]


def _grant(standing: Standing, method: PaymentMethod | None, now: datetime, policy: Policy) -> list[Write]:
    """The paid time. Its anchor stays while access runs on from what was paid before, else it is this moment."""
    subscription, invoice, plan = standing.subscription, standing.invoice, standing.plan
    if invoice.trial_days and method is not None:
        return trials.begin(subscription, invoice, plan, method, now, policy)
    if standing.quoted is not None:
        return changing.moved(standing.quoted, subscription, plan, invoice, standing.periods, now, policy)
    anchor, steps, start = _from_where(standing, now, policy)
    steps += invoice.count
    end = step(anchor, subscription.zone, Interval(plan.interval), plan.interval_count * steps)
    facts: dict[str, object] = dict(_SETTLED) | {"anchor": anchor, "steps": steps, "paid_through": end}
    if method is not None:
        facts["payment_method_id"] = method.id
    if anchor == now and start != subscription.trial_end:
        facts["started_at"] = now  # access begins here, be it again
    if invoice.reason == "purchase" and subscription.state != "active":
        # What was agreed for this plan holds from now on; an older consent was given for another price.
        renews = invoice.renews and (method is not None or subscription.payment_method_id is not None)
        renews = renews and subscription.disputed_at is None
        facts |= {"plan_id": invoice.plan_id, "price_id": invoice.price_id, "auto_renew": renews}
        facts |= changing.UNBOOKED
    if invoice.reason == "renewal":
        # A plan that was booked, or a price that was moved, begins with the time that is paid for it.
        facts |= changing.UNBOOKED | {"plan_id": invoice.plan_id, "price_id": invoice.price_id}
    before: list[Write] = []
    if invoice.reason == "purchase" and standing.unpaid_renewal is not None:
        before.append(Move(standing.unpaid_renewal, "closed", {"fail_reason": "superseded"}))
    period = Period(new_id(now), subscription.id, start, end, invoice.count, invoice.id, now)
    return [*before, rescheduled(standing, _granted_by(standing), facts, policy), period]


# What a payment puts an end to.
_SETTLED: Mapping[str, object] = {
    "past_due_since": None,
    "declines": 0,
    "method_dead": False,
    "gateway_failures": 0,
    "retry_at": None,
}


def _from_where(standing: Standing, now: datetime, policy: Policy) -> tuple[datetime, int, datetime]:
    """Anchor, intervals consumed before, start. A new anchor after a break, or where the interval is another one."""
    subscription = standing.subscription
    if subscription.state == "trialing":
        start = trials.first_paid_day(subscription, standing.before or standing.plan, now, policy)
        return start, 0, start
    if subscription.anchor is None or subscription.paid_through is None or subscription.state == "suspended":
        return now, 0, now
    ran = standing.before or standing.plan
    if now >= dunning.access_end(subscription, ran, policy):
        return now, 0, now  # access was over (our own downtime, a late page): nobody pays for days without it
    if (ran.interval, ran.interval_count) != (standing.plan.interval, standing.plan.interval_count):
        return subscription.paid_through, 0, subscription.paid_through
    return subscription.anchor, subscription.steps, subscription.paid_through


def _granted_by(standing: Standing) -> str:
    match standing.subscription.state:
        case "pending":
            return "first_paid"
        case "trialing":
            return "trial_converted"
        case "active":
            return "prolonged" if standing.invoice.reason == "purchase" else "renewed"
        case _:
            return "recovered"
