"""An operator gives money back, or decides about what a customer asked for."""

from __future__ import annotations

from uuid import UUID

from portal import failpoints, runtime
from portal.db import rows
from portal.db.session import atomic
from portal.domain import refunding
from portal.domain.act import Act
from portal.domain.money import Money
from portal.domain.offers import available
from portal.domain.payment import Payment
from portal.domain.refund import Refund
from portal.domain.refund_effects import Effect
from portal.models.payment import PaymentRow, RefundRow
from portal.services import activity, give_back, journal, standing
from portal.services.settle import lock_refund, recount, refund_facts


def give(act: Act, payment_id: UUID, amount: Money, shown_left: Money, effect: Effect) -> UUID:
    """Give back a part of a payment, or all of it. Answers the refund, which was sent.

    Raises NotFound, AlreadyDone, InvalidRequest, NotRefundable, InvalidAmount, ExceedsRefundable, and SumChanged
    where another sum can be given back than the operator was shown.
    """
    now = runtime.clock.now()
    grounds = refunding.giving(act.reason)
    with atomic():
        _, _, payment = standing.lock_payment(payment_id)
        activity.refuse_repeat(act)
        refunding.refuse_disputed(payment)
        refunding.refuse_changed(payment, shown_left)
        refund, change = refunding.give(refund_facts(payment), amount, effect, grounds, now, act.actor)
        journal.record([change])
        given = {"refund_id": refund.id, "amount_minor": amount.minor, "effect": refund.effect}
        after = _sums(_again(payment)) | given
        activity.log(
            act, "refund.give", "payment", payment.id, user_id=payment.user_id, before=_sums(payment), after=after
        )
    failpoints.reached("refund.reserved")
    give_back.send(refund.id)
    return refund.id


def approve(act: Act, refund_id: UUID, effect: Effect, shown_left: Money) -> None:
    """Send what a customer asked for. Its own sum is reserved since then and not part of `shown_left`.

    `shown_left` is what could be given back beside it: where that has changed, somebody gave or refused another
    refund of the same payment after the page was opened, and the operator decides anew. Raises NotFound, AlreadyDone,
    NotDecidable, InvalidRequest, SumChanged.
    """
    now = runtime.clock.now()
    grounds = refunding.giving(act.reason) if act.reason is not None else None
    with atomic():
        payment, refund = lock_refund(refund_id)
        activity.refuse_repeat(act)
        change = refunding.approve(refund_facts(payment), refund, effect, grounds, now, act.actor)
        refunding.refuse_changed(payment, shown_left)
        journal.record([change])
        _log(act, "refund.approve", refund)
    failpoints.reached("refund.reserved")
    give_back.send(refund_id)


def reject(act: Act, refund_id: UUID) -> None:
    """Raises NotFound, AlreadyDone, NotDecidable, and InvalidRequest without a reason the customer can be told."""
    now = runtime.clock.now()
    grounds = refunding.refusing(act.reason)
    with atomic():
        payment, refund = lock_refund(refund_id)
        activity.refuse_repeat(act)
        journal.record([refunding.reject(payment, refund, grounds, now, act.actor)])
        recount(payment.id, now, act.actor)
        _log(act, "refund.reject", refund)


def _log(act: Act, what: str, refund: Refund) -> None:
    after = rows.find(Refund, RefundRow.id == refund.id)
    assert after is not None  # noqa: S101 - refunds are never deleted
    activity.log(act, what, "refund", refund.id, user_id=refund.user_id, before=_decided(refund), after=_decided(after))


def _decided(refund: Refund) -> dict[str, object]:
    sum_ = {"amount_minor": refund.amount_minor, "currency": refund.currency}
    return {"state": refund.state, "effect": refund.effect, "grounds": refund.grounds, **sum_}


def _again(payment: Payment) -> Payment:
    found = rows.find(Payment, PaymentRow.id == payment.id)
    assert found is not None  # noqa: S101 - payments are never deleted
    return found


def _sums(payment: Payment) -> dict[str, object]:
    left = available(payment)
    return {"left_minor": left.minor, "reserved_minor": payment.reserved_minor, "currency": left.currency}
