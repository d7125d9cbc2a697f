"""What a payment system's word means for us. Pure: the rows as they are under the lock, its answer, the moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from portal.domain import changing, dunning, states, trials
from portal.domain.asking import absent_since, calls_person, next_check
from portal.domain.calendar import Interval, step
from portal.domain.change import Change, Move, Set, Write
from portal.domain.ids import new_id
from portal.domain.invoice import Invoice
from portal.domain.method import PaymentMethod
from portal.domain.money import Money
from portal.domain.outcome import Decline, DeclineClass, Outcome
from portal.domain.payment import Payment
from portal.domain.plan import Plan
from portal.domain.policy import Policy
from portal.domain.quote import ChangeQuote
from portal.domain.refund import Refund
from portal.domain.subscription import Period, Subscription


@dataclass(frozen=True)
class Word:
    """A provider's answer about one payment, in the domain's terms."""

    outcome: Outcome
    provider_ref: str | None = None
    amount: Money | None = None
    redirect_url: str | None = None
    method: PaymentMethod | None = None
    method_is_new: bool = False
    decline: Decline | None = None
    note: str = ""
    absent: bool = False  # it knows no such object, and that proves nothing yet


@dataclass(frozen=True)
class Standing:
    subscription: Subscription
    plan: Plan  # of the invoice
    invoice: Invoice
    payment: Payment
    paid_before: bool  # another payment of this invoice has succeeded
    before: Plan | None = None  # the plan that ran until now, where that is another one
    unpaid_renewal: Invoice | None = None  # of the same subscription, where this invoice is a purchase
    charged: PaymentMethod | None = None  # the saved method that was charged
    quoted: ChangeQuote | None = None  # what a change of plan was agreed to be
    periods: tuple[Period, ...] = ()  # that are not over, where that change begins time anew


def decide(standing: Standing, word: Word, now: datetime, actor: str, policy: Policy) -> Change | None:
    """None: we knew that already."""
    writes = _writes(standing, word, now, policy)
    if not writes:
        return None
    invoice = standing.invoice
    return Change(invoice.user_id, now, actor, tuple(writes), reason=invoice.reason, invoice_id=invoice.id)


def _writes(standing: Standing, word: Word, now: datetime, policy: Policy) -> list[Write]:
    payment = standing.payment
    if payment.state in ("succeeded", "duplicate", "created", "aborted"):
        return []
    if standing.invoice.trial_days and word.outcome is Outcome.succeeded and word.method is None:
        word = replace(word, outcome=Outcome.failed, decline=trials.NOT_SAVED)
    if word.outcome is Outcome.succeeded:
        if word.amount != payment.amount:
            return _review(standing, word, now)
        return _succeeded(standing, word, now, policy)
    if not payment.open:
        return []
    match word.outcome:
        case Outcome.failed:
            return _failed(standing, word, now, policy)
        case Outcome.requires_action if payment.state != "requires_action" or _brings_address(payment, word):
            return [Move(payment, "action_required", _known(payment, word) | {"next_check_at": next_check(now, 0)})]
        case Outcome.pending if payment.state != "pending":
            return [Move(payment, "taken_in_hand", _known(payment, word) | {"next_check_at": next_check(now, 0)})]
        case _:
            return _asked(standing, word, now)


def _brings_address(payment: Payment, word: Word) -> bool:
    return payment.redirect_url is None and word.redirect_url is not None


def _known(payment: Payment, word: Word) -> dict[str, object]:
    """What any answer teaches about the provider's object."""
    return {
        "provider_ref": word.provider_ref or payment.provider_ref,
        "redirect_url": word.redirect_url or payment.redirect_url,
        "note": word.note or None,
        "checks": 0,
        "absent_at": None,
    }


def _asked(standing: Standing, word: Word, now: datetime) -> list[Write]:
    """Nothing new. Ask later; after days of not knowing, a person has to look."""
    payment = standing.payment
    seen = {"absent_at": absent_since(payment.absent_at, word.absent, word.outcome is Outcome.unknown, now)}
    if payment.next_check_at is None or now < payment.next_check_at:
        # A look between two scheduled ones does not count, and in review none is scheduled; what it found does.
        return [Move(payment, "asked", seen)] if seen["absent_at"] != payment.absent_at else []
    checks = payment.checks + 1
    if calls_person(payment, checks, now):
        return _review(standing, word, now)
    later = {"checks": checks, "next_check_at": next_check(now, checks), "note": word.note}
    return [Move(payment, "asked", later | seen)]


def _review(standing: Standing, word: Word, now: datetime) -> list[Write]:
    """The provider says what cannot be, or nothing for days: stop here, keep the payment open, call a person."""
    payment, subscription = standing.payment, standing.subscription
    if payment.review_at is not None:
        return []
    said = f"provider says {word.outcome} {word.amount.minor} {word.amount.currency}" if word.amount else word.note
    seen = absent_since(payment.absent_at, word.absent, word.outcome is Outcome.unknown, now)
    facts = _known(payment, word) | {"review_at": now, "next_check_at": None, "note": said, "absent_at": seen}
    writes: list[Write] = [Move(payment, "put_in_review", facts)]
    if subscription.parked_at is None and subscription.state not in ("expired", "ended"):
        writes.append(Move(subscription, "parked", {"parked_at": now, "park_reason": "review"}))
    return writes


def _failed(standing: Standing, word: Word, now: datetime, policy: Policy) -> list[Write]:
    payment, invoice = standing.payment, standing.invoice
    decline = word.decline or Decline(DeclineClass.soft, "declined")
    facts = _known(payment, word) | {
        "decline_kind": decline.kind,
        "decline_code": decline.code,
        "next_check_at": None,
        "review_at": None,
    }
    failed: list[Write] = [Move(payment, "failed", facts)]
    if not invoice.payable:
        return failed
    if invoice.reason == "renewal":
        # What a customer tries on a page is their own affair: it uses up no retry, and another card may be at fault.
        return [*failed, *_dun(standing, decline, now, policy)] if payment.kind == "charge" else failed
    if decline.kind is DeclineClass.closed:
        return [*failed, *_closed(standing, decline, now)]
    if invoice.reason == changing.REASON and payment.kind == "charge":
        return [*failed, Move(invoice, "closed", {"fail_reason": "declined"})]  # the plan stays as it is
    return failed


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
        return [_rescheduled(standing, "not_reached", facts, policy)]
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
    return [*dead, _rescheduled(standing, event, facts, policy)]


_FIRST_DECLINE = {"trialing": "trial_declined", "active": "renewal_declined"}


def _rescheduled(standing: Standing, event: str, facts: dict[str, object], policy: Policy) -> Move:
    """A move of the subscription, with the moment at which it wants attention next."""
    subscription = standing.subscription
    to = states.edge("subscription", subscription.state, event).to
    after = replace(subscription, state=to, **facts)  # type: ignore[arg-type]  # columns of the row
    plan = standing.plan if after.plan_id == standing.plan.id else standing.before or standing.plan
    return Move(subscription, event, facts | {"next_action_at": dunning.next_action_at(after, plan, policy)})


def _succeeded(standing: Standing, word: Word, now: datetime, policy: Policy) -> list[Write]:
    payment, invoice = standing.payment, standing.invoice
    known = {"next_check_at": None, "review_at": None, "decline_kind": None, "decline_code": None, "succeeded_at": now}
    facts = _known(payment, word) | known
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
    return [*before, _rescheduled(standing, _granted_by(standing), facts, policy), period]


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
