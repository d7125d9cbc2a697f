"""Refunds that were made at the payment system itself, past us: they become rows of ours like any other."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from portal.domain.change import Change, Move, Write
from portal.domain.disputing import felt
from portal.domain.ids import new_id
from portal.domain.money import Money
from portal.domain.offers import available
from portal.domain.refund import Refund
from portal.domain.refund_answer import overtaken
from portal.domain.refund_effects import Standing


def imported(
    standing: Standing,
    unsent: Sequence[Refund],
    amount: Money,
    provider_ref: str | None,
    made_at: datetime,
    now: datetime,
    actor: str,
) -> tuple[Refund, Change] | None:
    """Reserved as if we had sent it; what the payment system says of it is settled next. `unsent`: oldest first.

    Money has left already, so refunds nobody was asked for yet give way. None: what was sent holds the rest of the
    payment, so that one of the two will not be made; the payment system is asked again later.
    """
    payment, writes = standing.payment, list[Write]()
    left, reserved = available(payment).minor, payment.reserved_minor
    for waiting in reversed(unsent):
        if left < amount.minor:
            writes.append(overtaken(waiting, "it was given back at the payment system"))
            left, reserved = left + waiting.amount_minor, reserved - waiting.amount_minor
    if left < amount.minor:
        return None
    whole = payment.refunded_minor + amount.minor == payment.amount_minor
    refund = Refund(
        id=new_id(now),
        payment_id=payment.id,
        invoice_id=payment.invoice_id,
        subscription_id=payment.subscription_id,
        user_id=payment.user_id,
        reason="provider",
        state="unknown",
        amount_minor=amount.minor,
        currency=amount.currency,
        created_at=now,
        modified_at=now,
        effect=felt(standing, now) if whole else "keep",
        provider_ref=provider_ref,
        sent_at=made_at,
        next_check_at=now,
    )
    held = Move(payment, "refund_reserved", {"reserved_minor": reserved + amount.minor})
    written = (*writes, held, refund)
    return refund, Change(refund.user_id, now, actor, written, reason="refund", invoice_id=refund.invoice_id)
