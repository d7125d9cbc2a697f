"""Money back: asked for, decided, sent, and what the payment system's word about it means for us."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from portal.domain import changing
from portal.domain.asking import absent_since, next_check, wants_review
from portal.domain.cancelling import ended
from portal.domain.change import Change, Move, Set, Write
from portal.domain.dunning import backoff, next_action_at
from portal.domain.errors import (
    ExceedsRefundable,
    InvalidAmount,
    InvalidRequest,
    NotDecidable,
    NotRefundable,
    SumChanged,
)
from portal.domain.ids import new_id
from portal.domain.invoice import Invoice
from portal.domain.money import Money
from portal.domain.offers import Offer, available
from portal.domain.outcome import Decline, DeclineClass, Outcome
from portal.domain.payment import Payment
from portal.domain.plan import Plan
from portal.domain.policy import Policy
from portal.domain.quote import ChangeQuote
from portal.domain.refund import GIVING, REFUSING, Refund
from portal.domain.subscription import Period, Subscription

# What operators say happens to access; `take_back` only where the customer's own offer says it, `old_plan` only of the
# money for a better plan.
Effect = Literal["end_now", "period_end", "keep", "take_back", "old_plan"]


@dataclass(frozen=True)
class Word:
    outcome: Outcome
    provider_ref: str | None = None
    decline: Decline | None = None
    note: str = ""
    absent: bool = False  # it knows no such refund, and that proves nothing yet


@dataclass(frozen=True)
class Standing:
    """Everything a refund may touch, as it is under the lock."""

    subscription: Subscription
    plan: Plan
    period: Period | None  # the time it bought: none for what came twice or too late
    payment: Payment
    unpaid_renewal: tuple[Invoice, Payment | None] | None  # with its open payment
    bettered: tuple[ChangeQuote, Plan] | None = None  # a better plan that it bought, and the one before that


def check_sum(payment: Payment | None, amount: Money) -> Payment:
    """The payment that `amount` can be given back of. Raises NotRefundable, InvalidAmount, ExceedsRefundable."""
    if payment is None:
        raise NotRefundable("nothing was paid for this invoice")
    refuse_disputed(payment)
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
    refund = replace(
        _to_be_sent(payment, amount, now),
        reason="customer",
        state="submitted" if at_once else "requested",
        offer=offer.kind if offer else None,
        effect=_effect_of(offer),
        comment=comment,
        next_check_at=now if at_once else None,
    )
    return refund, _reserving(payment, refund, now, f"user:{payment.user_id}")


def give(
    standing: Standing, amount: Money, effect: Effect, grounds: str | None, now: datetime, actor: str
) -> tuple[Refund, Change]:
    """An operator's refund, to be sent at once. Raises InvalidRequest, and what check_sum raises."""
    payment = standing.payment
    if payment.state not in ("succeeded", "duplicate"):
        raise NotRefundable("nothing was paid with this payment")
    if effect == "take_back" or (effect == "old_plan" and standing.bettered is None):
        raise InvalidRequest("an operator says end_now, period_end or keep", field="effect")
    check_sum(payment, amount)
    refund = replace(_to_be_sent(payment, amount, now), effect=_felt(standing, effect), grounds=grounds)
    return refund, _reserving(payment, refund, now, actor)


def approve(
    standing: Standing, refund: Refund, effect: Effect, grounds: str | None, now: datetime, actor: str
) -> Change:
    """What a customer asked for is sent; its sum has been reserved since.

    Raises NotDecidable, NotRefundable, InvalidRequest.
    """
    _refuse_decided(refund)
    refuse_disputed(standing.payment)
    brings_back = effect == "old_plan" and standing.bettered is not None
    if effect in ("take_back", "old_plan") and refund.effect != effect and not brings_back:
        raise InvalidRequest("only time that has not begun is taken back", field="effect")
    facts = {"effect": _felt(standing, effect), "grounds": grounds, "next_check_at": now}
    return _change(refund, now, actor, (Move(refund, "approved", facts),))


def reject(payment: Payment, refund: Refund, grounds: str | None, now: datetime, actor: str) -> Change:
    """The sum may be asked for again. Raises NotDecidable."""
    _refuse_decided(refund)
    released = {"reserved_minor": payment.reserved_minor - refund.amount_minor}
    writes = Move(refund, "rejected", {"grounds": grounds}), Move(payment, "refund_released", released)
    return _change(refund, now, actor, writes)


def refuse_disputed(payment: Payment) -> None:
    """What the bank may take back is not given back as well. Raises NotRefundable."""
    if payment.disputed_at is not None:
        raise NotRefundable("the bank has this payment under dispute", disputed=True)


def refuse_changed(payment: Payment, shown_left: Money) -> None:
    """An operator decides on what the page showed, and on nothing else. Raises SumChanged."""
    left = available(payment)
    if left != shown_left:
        raise SumChanged(f"{left.major} {left.currency} can be given back now", available=left)


def giving(reason: str | None) -> str:
    """Raises InvalidRequest."""
    return _one_of(GIVING, reason)


def refusing(reason: str | None) -> str:
    """Raises InvalidRequest."""
    return _one_of(REFUSING, reason)


def _one_of(words: tuple[str, ...], reason: str | None) -> str:
    if reason not in words:
        raise InvalidRequest(f"the reason is one of {', '.join(words)}", field="reason")
    return reason


def _refuse_decided(refund: Refund) -> None:
    if refund.state != "requested":
        raise NotDecidable(f"the refund is {refund.state}")


def _felt(standing: Standing, effect: Effect) -> Effect:
    """Where the payment bought no time, or its time is over for good, the refund touches nothing and says so."""
    if not standing.subscription.live:
        return "keep"
    if standing.bettered is not None:
        return "old_plan" if effect == "end_now" else effect  # what ends is what it bought
    return effect if standing.period is not None else "keep"


def _to_be_sent(payment: Payment, amount: Money, now: datetime) -> Refund:
    return Refund(
        id=new_id(now),
        payment_id=payment.id,
        invoice_id=payment.invoice_id,
        subscription_id=payment.subscription_id,
        user_id=payment.user_id,
        reason="operator",
        state="submitted",
        amount_minor=amount.minor,
        currency=amount.currency,
        created_at=now,
        modified_at=now,
        next_check_at=now,
    )


def _reserving(payment: Payment, refund: Refund, now: datetime, actor: str) -> Change:
    reserved = Move(payment, "refund_reserved", {"reserved_minor": payment.reserved_minor + refund.amount_minor})
    return _change(refund, now, actor, (reserved, refund))


def _change(refund: Refund, now: datetime, actor: str, writes: tuple[Write, ...]) -> Change:
    return Change(refund.user_id, now, actor, writes, reason="refund", invoice_id=refund.invoice_id)


def decide(standing: Standing, refund: Refund, word: Word, now: datetime, actor: str, policy: Policy) -> Change | None:
    """None: we knew that already. The reservation becomes money given back, or is released on proven failure."""
    writes = _writes(standing, refund, word, now, policy)
    if not writes:
        return None
    return Change(refund.user_id, now, actor, tuple(writes), reason="refunded", invoice_id=refund.invoice_id)


def _effect_of(offer: Offer | None) -> str:
    if offer is None:
        return "keep"  # until an operator says otherwise
    if offer.returns_plan:
        return "old_plan"
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
            facts |= _SETTLED | {"accepted_at": refund.accepted_at or now}
            paid_back = [Move(refund, "succeeded", facts), Move(payment, "refund_done", done)]
            return [*paid_back, *_effects(standing, refund, now, policy)]
        case Outcome.pending if refund.state == "unknown":
            facts |= _SETTLED | _later(refund, now) | {"accepted_at": now}
            return [Move(refund, "taken_in_hand", facts), *_effects(standing, refund, now, policy)]
        case Outcome.failed if refund.state == "unknown" and _bounced(word):
            later = {"checks": refund.checks + 1, "next_check_at": now + backoff(refund.checks + 1)}
            later |= {"sent_at": None, "absent_at": None}
            return [Move(refund, "bounced", facts | later), *_called(replace(refund, state="submitted"), later, now)]
        case Outcome.failed:
            released = {"reserved_minor": reserved}
            failed = Move(refund, "failed", facts | _SETTLED)
            return [failed, Move(payment, "refund_released", released)]
        case _ if refund.next_check_at is None or now >= refund.next_check_at:
            later = _later(refund, now) | _seen(refund, word, now)
            return [Move(refund, "asked", facts | later), *_called(refund, later, now)]
    # A look between two scheduled ones does not count; what it found does.
    seen = _seen(refund, word, now)
    return [Move(refund, "asked", seen)] if seen["absent_at"] != refund.absent_at else []


_SETTLED: dict[str, object] = {"next_check_at": None, "review_at": None, "absent_at": None}


def _seen(refund: Refund, word: Word, now: datetime) -> dict[str, object]:
    return {"absent_at": absent_since(refund.absent_at, word.absent, word.outcome is Outcome.unknown, now)}


def _called(refund: Refund, later: dict[str, object], now: datetime) -> list[Move]:
    """After days without news a person is told. The refund goes on being asked about: it owes, and charges nobody."""
    checks = refund.checks + 1
    if refund.review_at is not None or not wants_review(checks):
        return []
    return [Move(replace(refund, **later), "put_in_review", {"review_at": now})]  # type: ignore[arg-type]  # its columns


def _bounced(word: Word) -> bool:
    """It never reached the bank: nothing was given back, and the same refund is sent again later."""
    return word.decline is not None and word.decline.kind is DeclineClass.gateway


def _later(refund: Refund, now: datetime) -> dict[str, object]:
    return {"checks": refund.checks + 1, "next_check_at": next_check(now, refund.checks)}


def _effects(standing: Standing, refund: Refund, now: datetime, policy: Policy) -> list[Write]:
    """What happens to access once the payment system has accepted; only once, and only while there is something."""
    subscription, period = standing.subscription, standing.period
    if refund.accepted_at is not None or not subscription.live:
        return []
    if standing.bettered is not None and refund.effect == "old_plan":
        quoted, plan = standing.bettered
        return changing.returned(quoted, subscription, plan, now, policy)
    if period is None:
        return _renews_no_more(standing, now, policy) if standing.bettered and refund.effect == "period_end" else []
    revoked = Set(period, {"revoked_at": now})
    match refund.effect:
        case "end_now":
            return [revoked, *drop_renewal(standing), Move(subscription, "refunded", ended("refunded", now))]
        case "take_back" if subscription.state == "active" and period.end == subscription.paid_through:
            steps = subscription.steps - period.intervals
            after = replace(subscription, steps=steps, paid_through=period.start)
            facts = {"steps": steps, "paid_through": period.start}
            next_at = next_action_at(after, standing.plan, policy)
            return [revoked, Move(subscription, "time_returned", facts | {"next_action_at": next_at})]
        case "period_end":
            return _renews_no_more(standing, now, policy)
    return []


def _renews_no_more(standing: Standing, now: datetime, policy: Policy) -> list[Write]:
    subscription = standing.subscription
    if subscription.state == "active" and subscription.auto_renew:
        after = replace(subscription, auto_renew=False, retry_at=None)
        stopped = {"auto_renew": False, "retry_at": None} | changing.UNBOOKED
        next_at = next_action_at(after, standing.plan, policy)
        move = Move(subscription, "cancelled_at_period_end", stopped | {"next_action_at": next_at})
        return [*drop_renewal(standing), move]
    if subscription.state in ("past_due", "suspended"):
        # The paid time is over already, as for any cancelling in these states.
        return [*drop_renewal(standing), Move(subscription, "refunded", ended("refunded", now))]
    return []


def overtaken(refund: Refund, note: str) -> Move:
    """A refund that nobody was asked for yet, of money that has gone back in another way."""
    if refund.state == "requested":
        return Move(refund, "rejected", {"grounds": "already_returned", "note": note})
    return Move(refund, "overtaken", {"next_check_at": None, "note": note})


def drop_renewal(standing: Standing) -> list[Write]:
    """What waits to be charged for the next period is not asked for any more."""
    if standing.unpaid_renewal is None:
        return []
    invoice, payment = standing.unpaid_renewal
    writes: list[Write] = [Move(invoice, "closed", {"fail_reason": "cancelled"})]
    if payment is not None and payment.state == "created":
        writes.append(Move(payment, "aborted", {"next_check_at": None}))
    return writes
