"""The one door in: a payment system's word becomes ours here, whoever brought it (reply, webhook, page, worker)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, select

from portal import failpoints, runtime
from portal.db import rows
from portal.db.session import atomic, db
from portal.domain import disputing, refund_answer, refund_effects, settlement
from portal.domain.dispute import Dispute
from portal.domain.errors import NotFound
from portal.domain.ids import new_id
from portal.domain.invoice import Invoice
from portal.domain.method import PaymentMethod
from portal.domain.outcome import Outcome, turned_away
from portal.domain.payment import Payment
from portal.domain.plan import Plan
from portal.domain.quote import ChangeQuote
from portal.domain.refund import Refund
from portal.domain.subscription import Period, Subscription
from portal.domain.word import Standing, Word
from portal.models.payment import DisputeRow, PaymentRow, RefundRow
from portal.models.subscription import PeriodRow
from portal.models.user import PaymentMethodRow
from portal.providers.port import Answer
from portal.services import journal, standing


def settle(payment_id: UUID, answer: Answer) -> None:
    """Write what the provider said of a payment, and everything that follows from it. Repeating changes nothing."""
    now = runtime.clock.now()
    with atomic():
        subscription, invoice, payment = standing.lock_payment(payment_id)
        facts = facts_of(subscription, invoice, payment)
        actor = f"provider:{payment.provider}"
        change = settlement.decide(facts, _word(answer, payment), now, actor, runtime.policy)
        if change:
            journal.record([change])
            failpoints.reached("settle.recorded")


def settle_refund(refund_id: UUID, answer: Answer) -> None:
    """The same for a refund."""
    now = runtime.clock.now()
    with atomic():
        payment, refund = lock_refund(refund_id)
        word = refund_answer.Word(answer.outcome, answer.provider_ref, answer.decline, answer.note, answer.absent)
        facts, actor = refund_facts(payment), f"provider:{payment.provider}"
        change = refund_answer.decide(facts, refund, word, now, actor, runtime.policy)
        if change:
            journal.record([change])
            recount(payment.id, now, actor)
            failpoints.reached("settle_refund.recorded")


def of_both(answer: Answer) -> Answer:
    """Of what was sent twice. That the second send was not heard says nothing of the first, which may still arrive."""
    unheard = turned_away(answer.decline, answer.provider_ref)
    return replace(answer, outcome=Outcome.unknown, decline=None) if unheard else answer


def recount(payment_id: UUID, now: datetime, actor: str) -> None:
    """What a refund did not take after all is the bank's, as far as a dispute of its payment says so."""
    disputes = rows.find_all(Dispute, DisputeRow.payment_id == payment_id, order=[DisputeRow.id], lock=True)
    payment = rows.find(Payment, PaymentRow.id == payment_id) if disputes else None
    change = disputing.recounted(payment, disputes, now, actor) if payment else None
    if change:
        journal.record([change])


def refund_facts(payment: Payment) -> refund_effects.Standing:
    """What a refund of a payment may touch. A second payment of one invoice did not buy the time the first one did."""
    bought = PeriodRow.invoice_id == payment.invoice_id, PeriodRow.revoked_at.is_(None)
    subscription = standing.subscription(payment.subscription_id)
    renewal = standing.unpaid_renewal(subscription.id)
    return refund_effects.Standing(
        subscription=subscription,
        plan=standing.plan_of(subscription.plan_id),
        period=rows.find(Period, *bought) if payment.state == "succeeded" else None,
        payment=payment,
        unpaid_renewal=(renewal, standing.open_payment(renewal.id)) if renewal else None,
        bettered=_bettered(payment) if payment.state == "succeeded" else None,
    )


def _bettered(payment: Payment) -> tuple[ChangeQuote, Plan] | None:
    """A better plan that this payment bought, with the one before it."""
    quoted = standing.quote_of(payment.invoice_id)
    return (quoted, standing.plan_of(quoted.from_plan_id)) if quoted and quoted.bettered else None


def lock_refund(refund_id: UUID) -> tuple[Payment, Refund]:
    """Raises NotFound."""
    payment_id = db.session.scalar(select(RefundRow.payment_id).where(RefundRow.id == refund_id))
    if payment_id is None:
        raise NotFound(f"no refund {refund_id}")
    _, _, payment = standing.lock_payment(payment_id)
    refund = rows.find(Refund, RefundRow.id == refund_id, lock=True)
    assert refund is not None  # noqa: S101 - refunds are never deleted
    return payment, refund


def facts_of(subscription: Subscription, invoice: Invoice, payment: Payment) -> Standing:
    plan = standing.plan_of(invoice.plan_id)
    return Standing(
        subscription=subscription,
        plan=plan,
        invoice=invoice,
        payment=payment,
        paid_before=_paid_before(payment),
        before=None if plan.id == subscription.plan_id else standing.plan_of(subscription.plan_id),
        charged=_method(payment.payment_method_id),
        unpaid_renewal=standing.unpaid_renewal(subscription.id) if invoice.reason == "purchase" else None,
        quoted=standing.quote_of(invoice.id) if invoice.reason == "plan_change" else None,
        periods=standing.periods_ahead(subscription.id) if invoice.reason == "plan_change" else (),
    )


def _method(method_id: UUID | None) -> PaymentMethod | None:
    return rows.find(PaymentMethod, PaymentMethodRow.id == method_id) if method_id else None


def _paid_before(payment: Payment) -> bool:
    other = exists().where(
        PaymentRow.invoice_id == payment.invoice_id, PaymentRow.id != payment.id, PaymentRow.state == "succeeded"
    )
    return bool(db.session.scalar(select(other)))


def _word(answer: Answer, payment: Payment) -> Word:
    known = _known_method(answer, payment)
    fresh = _new_method(answer, payment) if known is None else None
    return Word(
        outcome=answer.outcome,
        provider_ref=answer.provider_ref,
        amount=answer.amount,
        redirect_url=answer.redirect_url,
        method=fresh or (known if _usable(known, payment) else None),
        method_is_new=fresh is not None,
        decline=answer.decline,
        note=answer.note,
        absent=answer.absent,
    )


def _known_method(answer: Answer, payment: Payment) -> PaymentMethod | None:
    if answer.method is None:
        return None
    return rows.find(
        PaymentMethod,
        PaymentMethodRow.provider == payment.provider,
        PaymentMethodRow.method_ref == answer.method.method_ref,
    )


def _usable(method: PaymentMethod | None, payment: Payment) -> bool:
    """A removed method never returns by itself, and nobody pays with another customer's."""
    return method is not None and method.removed_at is None and method.user_id == payment.user_id


def _new_method(answer: Answer, payment: Payment) -> PaymentMethod | None:
    if answer.method is None:
        return None
    now = runtime.clock.now()
    saved = answer.method
    return PaymentMethod(
        id=new_id(now),
        user_id=payment.user_id,
        provider=payment.provider,
        customer_ref=saved.customer_ref,
        method_ref=saved.method_ref,
        kind=saved.kind,
        title=saved.title,
        expires=saved.expires,
        created_at=now,
    )
