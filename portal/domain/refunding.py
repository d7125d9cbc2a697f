"""Money back: what customers ask for, and what operators give, approve and reject."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from portal.domain.change import Change, Move, Write
from portal.domain.errors import (
    ExceedsRefundable,
    InvalidAmount,
    InvalidRequest,
    NotDecidable,
    NotRefundable,
    SumChanged,
)
from portal.domain.ids import new_id
from portal.domain.money import Money
from portal.domain.offers import Offer, available
from portal.domain.payment import Payment
from portal.domain.policy import Policy
from portal.domain.refund import GIVING, REFUSING, Refund
from portal.domain.refund_effects import Effect, Standing


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


def _effect_of(offer: Offer | None) -> str:
    if offer is None:
        return "keep"  # until an operator says otherwise
    if offer.returns_plan:
        return "old_plan"
    return "end_now" if offer.ends_access else "take_back"


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
