"""Money back: asked for, decided, sent, and what the payment system's word about it means for us."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from portal.domain.asking import next_check
from portal.domain.cancelling import ended
from portal.domain.change import Change, Move, Set, Write
from portal.domain.dunning import backoff, next_action_at
from portal.domain.errors import ExceedsRefundable, InvalidAmount, NotRefundable
from portal.domain.ids import new_id
from portal.domain.invoice import Invoice
from portal.domain.money import Money
from portal.domain.offers import Offer, available
from portal.domain.outcome import Decline, DeclineClass, Outcome
from portal.domain.payment import Payment
from portal.domain.plan import Plan
from portal.domain.policy import Policy
from portal.domain.refund import Refund
from portal.domain.subscription import Period, Subscription


@dataclass(frozen=True)
class Word:
    outcome: Outcome
    provider_ref: str | None = None
    decline: Decline | None = None
    note: str = ""


@dataclass(frozen=True)
class Standing:
    """Everything a refund may touch, as it is under the lock."""

    subscription: Subscription
    plan: Plan
    period: Period | None  # the time its invoice gave
    payment: Payment
    unpaid_renewal: tuple[Invoice, Payment | None] | None  # with its open payment


def check_sum(payment: Payment | None, amount: Money) -> Payment:
    """The payment that `amount` can be given back of. Raises NotRefundable, InvalidAmount, ExceedsRefundable."""
    if payment is None:
        raise NotRefundable("nothing was paid for this invoice")
    if amount.currency != payment.currency:
        raise InvalidAmount(f"the payment was made in {payment.currency}")
    if amount.minor <= 0:
        raise InvalidAmount("a refund is more than nothing")
    left = available(payment)
    if amount > left:
        raise ExceedsRefundable(f"{left.major} {left.currency} can still be given back", available=left)
    return payment


def request(
    payment: Payment, amount: Money, offers: list[Offer], comment: str | None, now: datetime, policy: Policy
) -> tuple[Refund, Change]:
    """A sum that equals an offer is that offer, and is sent at once where the policy says so; others wait."""
    exact = [offer for offer in offers if offer.amount == amount]
    offer = next(iter(exact + [offer for offer in offers if offer.is_meant_by(amount)]), None)
    at_once = offer is not None and policy.refund_policy == "auto"
    refund = Refund(
        id=new_id(now),
        payment_id=payment.id,
        invoice_id=payment.invoice_id,
        subscription_id=payment.subscription_id,
        user_id=payment.user_id,
        reason="customer",
        state="submitted" if at_once else "requested",
        amount_minor=amount.minor,
        currency=amount.currency,
        created_at=now,
        modified_at=now,
        offer=offer.kind if offer else None,
        effect=_effect_of(offer),
        comment=comment,
        next_check_at=now if at_once else None,
    )
    reserved = Move(payment, "refund_reserved", {"reserved_minor": payment.reserved_minor + amount.minor})
    actor = f"user:{payment.user_id}"
    return refund, Change(
        payment.user_id, now, actor, (reserved, refund), reason="refund", invoice_id=payment.invoice_id
    )


def decide(standing: Standing, refund: Refund, word: Word, now: datetime, actor: str, policy: Policy) -> Change | None:
    """None: we knew that already. The reservation becomes money given back, or is released on proven failure."""
    writes = _writes(standing, refund, word, now, policy)
    if not writes:
        return None
    return Change(refund.user_id, now, actor, tuple(writes), reason="refunded", invoice_id=refund.invoice_id)


def _effect_of(offer: Offer | None) -> str:
    if offer is None:
        return "keep"  # until an operator says otherwise
    return "end_now" if offer.ends_access else "take_back"


def _writes(standing: Standing, refund: Refund, word: Word, now: datetime, policy: Policy) -> list[Write]:
    if refund.state not in ("unknown", "pending"):
        return []
    payment = standing.payment
    facts: dict[str, object] = {"provider_ref": word.provider_ref or refund.provider_ref, "note": word.note or None}
    reserved = payment.reserved_minor - refund.amount_minor
    match word.outcome:
        case Outcome.succeeded:
            done = {"reserved_minor": reserved, "refunded_minor": payment.refunded_minor + refund.amount_minor}
            facts |= {"next_check_at": None, "accepted_at": refund.accepted_at or now}
            paid_back = [Move(refund, "succeeded", facts), Move(payment, "refund_done", done)]
            return [*paid_back, *_effects(standing, refund, now, policy)]
        case Outcome.pending if refund.state == "unknown":
            facts |= _later(refund, now) | {"accepted_at": now}
            return [Move(refund, "taken_in_hand", facts), *_effects(standing, refund, now, policy)]
        case Outcome.failed if refund.state == "unknown" and _bounced(word):
            later = {"checks": refund.checks + 1, "next_check_at": now + backoff(refund.checks + 1)}
            return [Move(refund, "bounced", facts | later | {"sent_at": None})]
        case Outcome.failed:
            released = {"reserved_minor": reserved}
            failed = Move(refund, "failed", facts | {"next_check_at": None})
            return [failed, Move(payment, "refund_released", released)]
        case _ if refund.next_check_at is None or now >= refund.next_check_at:
            return [Move(refund, "asked", facts | _later(refund, now))]
    return []  # a look between two scheduled ones does not count


def _bounced(word: Word) -> bool:
    """It never reached the bank: nothing was given back, and the same refund is sent again later."""
    return word.decline is not None and word.decline.kind is DeclineClass.gateway


def _later(refund: Refund, now: datetime) -> dict[str, object]:
    return {"checks": refund.checks + 1, "next_check_at": next_check(now, refund.checks)}


def _effects(standing: Standing, refund: Refund, now: datetime, policy: Policy) -> list[Write]:
    """What happens to access once the payment system has accepted; only once, and only while there is something."""
    subscription, period = standing.subscription, standing.period
    if refund.accepted_at is not None or period is None or not subscription.live:
        return []
    revoked = Set(period, {"revoked_at": now})
    match refund.effect:
        case "end_now":
            return [revoked, *_drop(standing), Move(subscription, "refunded", ended("refunded", now))]
        case "take_back" if subscription.state == "active" and period.end == subscription.paid_through:
            steps = subscription.steps - period.intervals
            after = replace(subscription, steps=steps, paid_through=period.start)
            facts = {"steps": steps, "paid_through": period.start}
            next_at = next_action_at(after, standing.plan, policy)
            return [revoked, Move(subscription, "time_returned", facts | {"next_action_at": next_at})]
        case "period_end" if subscription.state == "active" and subscription.auto_renew:
            after = replace(subscription, auto_renew=False, retry_at=None)
            stopped = {"auto_renew": False, "retry_at": None}
            next_at = next_action_at(after, standing.plan, policy)
            return [Move(subscription, "cancelled_at_period_end", stopped | {"next_action_at": next_at})]
    return []


def _drop(standing: Standing) -> list[Write]:
    if standing.unpaid_renewal is None:
        return []
    invoice, payment = standing.unpaid_renewal
    writes: list[Write] = [Move(invoice, "closed", {"fail_reason": "cancelled"})]
    if payment is not None and payment.state == "created":
        writes.append(Move(payment, "aborted", {"next_check_at": None}))
    return writes
