"""Send back what we must not keep: a second payment of one invoice, a payment that came too late."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from portal import failpoints, runtime
from portal.db import rows
from portal.db.session import atomic, end_reads
from portal.domain.asking import IN_FLIGHT, THEN, may_resend
from portal.domain.change import Change, Move
from portal.domain.payment import Payment
from portal.domain.refund import Refund
from portal.models.payment import RefundRow
from portal.providers.port import Answer, RefundOrder
from portal.services import journal
from portal.services.settle import lock_refund, of_both, settle_refund


def send_due(payment_id: UUID) -> None:
    """Every refund of a payment that waits to be sent."""
    waiting = rows.find_all(Refund, RefundRow.payment_id == payment_id, RefundRow.state == "submitted")
    for refund in waiting:
        send(refund.id)


def send(refund_id: UUID) -> None:
    """Intent (already written), stamp, call, outcome. Sent again with the same key only inside the key's life."""
    stamped = _stamp(refund_id)
    if stamped is None:
        return
    payment, refund = stamped
    end_reads()
    failpoints.reached("refund.stamped")
    answer = _call(payment, refund)
    failpoints.reached("refund.answered")
    settle_refund(refund_id, of_both(answer) if refund.sent_at is not None else answer)
    failpoints.reached("refund.settled")


def _stamp(refund_id: UUID) -> tuple[Payment, Refund] | None:
    """The refund as it was before: one with a moment at which it was sent is sent once more."""
    now = runtime.clock.now()
    with atomic():
        payment, refund = lock_refund(refund_id)
        if refund.state not in ("submitted", "unknown") or not may_resend(refund.sent_at, now):
            return None
        if refund.reason == "provider":
            return None  # it was made there
        if payment.disputed_at is not None:
            _hold(refund, now)
            return None
        sent = Move(refund, "sent", {"sent_at": refund.sent_at or now, "next_check_at": now + IN_FLIGHT})
        change = Change(refund.user_id, now, "worker", (sent,), reason=refund.reason, invoice_id=refund.invoice_id)
        journal.record([change])
    return payment, refund


def _hold(refund: Refund, now: datetime) -> None:
    """While the bank has the payment under dispute, nothing of it is sent, and nothing sent again."""
    if refund.state == "submitted" and refund.next_check_at is not None and refund.next_check_at <= now:
        held = Move(refund, "held", {"next_check_at": now + THEN})
        journal.record(
            [Change(refund.user_id, now, "worker", (held,), reason=refund.reason, invoice_id=refund.invoice_id)]
        )


def _call(payment: Payment, refund: Refund) -> Answer:
    order = RefundOrder(refund.reference, payment.provider_ref or "", refund.amount)
    return runtime.providers[payment.provider].refund(order)
