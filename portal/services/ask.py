"""Ask a payment system what became of something. Webhook, return page and worker all end here: one path, one truth."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from uuid import UUID

from portal import failpoints, runtime
from portal.db import rows
from portal.db.session import end_reads
from portal.domain.asking import absence, refund_absence
from portal.domain.outcome import Outcome
from portal.domain.payment import OPEN, Payment
from portal.domain.refund import Refund
from portal.models.payment import PaymentRow, RefundRow
from portal.providers.port import Answer
from portal.services import clues, give_back
from portal.services.settle import settle, settle_refund


class Heard(Enum):
    told = "told"
    absent = "absent"  # the provider knows no such object (yet)
    silent = "silent"  # nobody could tell: ask again later


def heard(answer: Answer) -> Heard:
    if answer.absent:
        return Heard.absent
    return Heard.silent if answer.outcome is Outcome.unknown else Heard.told


def ask(payment_id: UUID) -> Heard:
    """Ask about a payment and settle the answer."""
    payment = rows.find(Payment, PaymentRow.id == payment_id)
    if payment is None or payment.sent_at is None:
        return Heard.told
    return heard(settled_word(payment))


def settled_word(payment: Payment) -> Answer:
    """What was said of a payment that was sent, after it was settled."""
    known = clues.of_payment(payment)
    end_reads()
    answer = _understood(runtime.providers[payment.provider].find(payment.reference, known), payment)
    failpoints.reached("ask.answered")
    settle(payment.id, answer)
    failpoints.reached("ask.settled")
    give_back.send_due(payment.id)
    return answer


def ask_about_refund(refund_id: UUID) -> Heard:
    """The same for a refund; one that never arrived is sent again while its key is still recognised."""
    refund = rows.find(Refund, RefundRow.id == refund_id)
    if refund is None or refund.sent_at is None or refund.reason == "provider":
        return Heard.told  # what was made past us is asked about with its payment
    payment = rows.find(Payment, PaymentRow.id == refund.payment_id)
    assert payment is not None  # noqa: S101 - a foreign key holds it
    end_reads()
    answer = runtime.providers[payment.provider].find_refund(refund.reference, clues.of_refund(refund, payment))
    failpoints.reached("ask_refund.answered")
    decline = refund_absence(refund, runtime.clock.now()) if answer.absent and refund.open else None
    settle_refund(refund_id, replace(answer, outcome=Outcome.failed, decline=decline) if decline else answer)
    failpoints.reached("ask_refund.settled")
    if answer.absent:
        give_back.send(refund_id)
    return heard(answer)


def ask_about_invoice(invoice_id: UUID) -> None:
    """Hurry: what became of the open payment of an invoice?"""
    payment = rows.find(Payment, PaymentRow.invoice_id == invoice_id, PaymentRow.state.in_(OPEN))
    if payment is not None:
        ask(payment.id)


def _understood(answer: Answer, payment: Payment) -> Answer:
    """Absence is an answer only where it proves something."""
    if not answer.absent:
        return answer
    decline = absence(payment, runtime.clock.now())
    return replace(answer, outcome=Outcome.failed, decline=decline) if decline else answer
