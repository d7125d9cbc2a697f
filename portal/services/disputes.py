"""What was taken back of a payment without us: disputes at the bank, and refunds made at the payment system itself."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, select

from portal import failpoints, runtime
from portal.db import rows
from portal.db.session import atomic, db, end_reads
from portal.domain import disputing, importing, refund_answer, settlement
from portal.domain.dispute import Dispute
from portal.domain.money import Money
from portal.domain.outcome import Outcome
from portal.domain.payment import Payment
from portal.domain.refund import Refund
from portal.models.payment import DisputeRow, PaymentRow, RefundRow
from portal.providers.port import Answer, DisputeSeen, MoneyBack, RefundSeen
from portal.services import clues, give_back, journal, standing
from portal.services.ask import Heard, settled_word
from portal.services.settle import facts_of, recount, refund_facts

TAKEN = ("succeeded", "duplicate")
UNSENT = ("requested", "submitted")
UNDECIDED = ("unknown", "pending")


def ask_about_money_back(payment_id: UUID) -> Heard:
    """Ask what was taken back of a payment, and settle all of the answer."""
    payment = rows.find(Payment, PaymentRow.id == payment_id)
    if payment is None or payment.sent_at is None:
        return Heard.told
    taken = None
    if payment.state not in TAKEN:
        word = settled_word(payment)  # of its success, which may be still on its way; or of another sum
        taken = word.amount if word.outcome is Outcome.succeeded else None
    known = clues.of_payment(payment)
    end_reads()
    said = runtime.providers[payment.provider].money_back(payment.reference, known)
    failpoints.reached("money_back.answered")
    if not settle_money_back(payment_id, said, taken):
        return Heard.silent
    failpoints.reached("money_back.settled")
    give_back.send_due(payment_id)
    return Heard.told


def settle_money_back(payment_id: UUID, said: MoneyBack, taken: Money | None = None) -> bool:
    """Write what the payment system said; repeating changes nothing. False: it has to be asked again.

    `taken`: what it says that it took, where we do not know that it succeeded.
    """
    now = runtime.clock.now()
    with atomic():
        subscription, invoice, payment = standing.lock_payment(payment_id)
        if not said.known:
            _unheard(payment, now)
            return False
        if payment.state not in TAKEN:
            if taken is not None:
                facts, went_back = facts_of(subscription, invoice, payment), _all_went_back(said, taken)
                change = None
                if went_back:
                    change = settlement.given_back(facts, now, _actor(payment), runtime.policy)
                elif not _on_its_way(said):
                    change = settlement.not_given_back(facts, taken, now, _actor(payment))
                if change:
                    journal.record([change])
                if went_back or change:
                    return True
            # While a person has to decide about it there is nothing to apply this to; `ask_again` asks afterwards.
            return payment.review_at is not None or not (said.refunds or said.disputes)
        complete = [_refund(payment_id, seen, now) for seen in said.refunds]
        for seen in said.disputes:
            _dispute(payment_id, seen, now)
    return all(complete)


def _all_went_back(said: MoneyBack, taken: Money) -> bool:
    """As refunds there, or because the bank took it."""
    back = [one.answer.amount for one in said.refunds if one.answer.outcome is Outcome.succeeded]
    back += [one.amount for one in said.disputes if one.state == "lost"]
    return sum(sum_.minor for sum_ in back if sum_ and sum_.currency == taken.currency) >= taken.minor > 0


def _on_its_way(said: MoneyBack) -> bool:
    refunds = any(one.answer.outcome not in (Outcome.succeeded, Outcome.failed) for one in said.refunds)
    return refunds or any(one.state == "open" for one in said.disputes)


def due(limit: int) -> list[UUID]:
    """Payments of which a dispute, or a refund that is not ours, is to be asked about."""
    now = runtime.clock.now()
    disputed = select(DisputeRow.payment_id).where(DisputeRow.state == "open", DisputeRow.next_check_at <= now)
    imported = select(RefundRow.payment_id).where(
        RefundRow.reason == "provider", RefundRow.state.in_(UNDECIDED), RefundRow.next_check_at <= now
    )
    found = list(db.session.scalars(disputed.union(imported).limit(limit)))
    end_reads()
    return found


def _refund(payment_id: UUID, seen: RefundSeen, now: datetime) -> bool:
    """One of ours is settled by its own reference; any other becomes a row. False: there is no room for it yet."""
    payment, mine = _locked(payment_id)
    answer = seen.answer
    known = _known(mine, seen)
    if known is None:
        if answer.outcome is Outcome.failed or answer.amount is None:
            return True
        _refuse_currency(payment, answer.amount.currency)
        made = importing.imported(
            refund_facts(payment),
            [one for one in mine if one.state in UNSENT],
            answer.amount,
            answer.provider_ref,
            seen.made_at,
            now,
            _actor(payment),
        )
        if made is None:
            return False
        known, change = made
        journal.record([change])
    if known.reason == "provider" or known.state == "succeeded":  # which may have come back
        _settle_imported(payment_id, known, answer, now)
    return True


def _known(mine: list[Refund], seen: RefundSeen) -> Refund | None:
    """By its id there; one of ours whose answer was lost has none yet, and is known by our reference."""
    theirs = seen.answer.provider_ref
    by_id = next((one for one in mine if one.provider_ref == theirs), None)
    return by_id or next((one for one in mine if one.provider_ref is None and one.reference == seen.reference), None)


def _settle_imported(payment_id: UUID, refund: Refund, answer: Answer, now: datetime) -> None:
    payment, _ = _locked(payment_id)
    word = refund_answer.Word(answer.outcome, answer.provider_ref, answer.decline, answer.note)
    change = refund_answer.decide(refund_facts(payment), refund, word, now, _actor(payment), runtime.policy)
    if change:
        journal.record([change])
        recount(payment_id, now, _actor(payment))


def _dispute(payment_id: UUID, seen: DisputeSeen, now: datetime) -> None:
    """A dispute that is new to us and decided already is opened first: the order in which we hear does not matter."""
    word = disputing.Word(seen.provider_ref, seen.state, seen.amount, seen.opened_at)
    facts = _standing(payment_id)
    payment, actor = facts.payment, _actor(facts.payment)
    _refuse_currency(payment, seen.amount.currency)
    dispute = next((one for one in facts.disputes if one.provider_ref == seen.provider_ref), None)
    if dispute is None:
        dispute, change = disputing.opened(facts, word, now, actor, runtime.policy)
        journal.record([change])
        facts = _standing(payment_id)
    decided = disputing.decided(facts, dispute, word, now, actor, runtime.policy)
    if decided:
        journal.record([decided])


def _standing(payment_id: UUID) -> disputing.Standing:
    payment, mine = _locked(payment_id)
    elsewhere = exists().where(
        DisputeRow.subscription_id == payment.subscription_id,
        DisputeRow.payment_id != payment_id,
        DisputeRow.state == "open",
    )
    return disputing.Standing(
        money=refund_facts(payment),
        disputes=rows.find_all(Dispute, DisputeRow.payment_id == payment_id, order=[DisputeRow.id], lock=True),
        elsewhere=bool(db.session.scalar(select(elsewhere))),
        unsent=[one for one in mine if one.state in UNSENT],
    )


def _locked(payment_id: UUID) -> tuple[Payment, list[Refund]]:
    """As they are after what this transaction has written. Oldest first."""
    payment = rows.find(Payment, PaymentRow.id == payment_id, lock=True)
    assert payment is not None  # noqa: S101 - payments are never deleted
    return payment, rows.find_all(Refund, RefundRow.payment_id == payment_id, order=[RefundRow.id], lock=True)


def _unheard(payment: Payment, now: datetime) -> None:
    """Nobody could tell: what was due is asked about again later, not at once."""
    _, mine = _locked(payment.id)
    for refund in mine:
        if refund.reason == "provider" and refund.state in UNDECIDED:
            _settle_imported(payment.id, refund, Answer(Outcome.unknown), now)
    facts = _standing(payment.id)
    for dispute in facts.disputes:
        word = disputing.Word(dispute.provider_ref, "open", dispute.amount, dispute.opened_at)
        asked = disputing.decided(facts, dispute, word, now, _actor(payment), runtime.policy)
        if asked:
            journal.record([asked])


def _actor(payment: Payment) -> str:
    return f"provider:{payment.provider}"


def _refuse_currency(payment: Payment, currency: str) -> None:
    """No payment system says this; one that did must not be believed silently."""
    if currency != payment.currency:
        raise ValueError(f"payment {payment.id} was made in {payment.currency}, not in {currency}")
