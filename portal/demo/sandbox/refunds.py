"""Money back: never more than was taken, never while the bank has it under dispute."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from portal.demo.sandbox import webhooks
from portal.demo.sandbox.cards import decline
from portal.demo.sandbox.faults import Fault
from portal.demo.sandbox.orders import HandRefundOrder, RefundOrder
from portal.demo.sandbox.refusal import Refusal, invalid
from portal.demo.sandbox.tables import disputes, payments, refunds
from portal.domain.outcome import Decline


@dataclass(frozen=True)
class Refund:
    id: str
    reference: str
    payment_id: str
    amount: int
    currency: str
    state: str
    decline_code: str | None
    decline_class: str | None
    created_at: datetime
    settles_at: datetime | None
    settles_as: str | None


def refund(conn: Connection, now: datetime, order: RefundOrder, twist: Fault | None) -> Refund:
    _check(conn, order)
    refund_id = f"re_{secrets.token_hex(12)}"
    asked = {"reference": order.reference, "amount": order.amount, "currency": order.currency}
    row = {"id": refund_id, "payment_id": order.payment, "state": "pending", "created_at": now, **asked}
    conn.execute(insert(refunds).values(**row))
    _carry_out(conn, now, get(conn, refund_id), twist)
    return get(conn, refund_id)


def _check(conn: Connection, order: RefundOrder) -> None:
    # The lock makes two refunds that together are too much meet here, one after the other.
    payment = conn.execute(select(payments).where(payments.c.id == order.payment).with_for_update()).first()
    if payment is None or payment.state != "succeeded":
        raise invalid("nothing was taken by such a payment", "payment_not_refundable")
    if payment.currency != order.currency:
        raise invalid(f"the payment was in {payment.currency}", "currency_mismatch")
    dispute = conn.execute(select(disputes).where(disputes.c.payment_id == order.payment)).first()
    if dispute is not None and dispute.state == "open":
        raise invalid("the bank has this payment under dispute", "payment_disputed")
    lost = dispute.amount if dispute is not None and dispute.state == "lost" else 0
    left = payment.taken - given_back(conn, order.payment) - lost
    if order.amount > left:
        raise invalid(f"only {left} is left to refund", "refund_exceeds_payment")


def by_hand(conn: Connection, now: datetime, order: HandRefundOrder, twist: Fault | None) -> Refund:
    """What a merchant does on the pages of a payment system: its reference is none of the shop's."""
    payment = conn.execute(
        select(payments).where(payments.c.reference == order.reference, payments.c.taken > 0)
    ).first()
    if payment is None:
        raise Refusal(404, "not_found", "nothing was taken under this reference")
    amount = order.amount or payment.taken - given_back(conn, payment.id)
    if amount <= 0:
        raise invalid("all of it was given back already", "refund_exceeds_payment")
    reference = f"dashboard:{secrets.token_hex(8)}"
    made = RefundOrder(reference=reference, payment=payment.id, amount=amount, currency=payment.currency)
    return refund(conn, now, made, twist)


def of_payment(conn: Connection, payment_id: str) -> list[Refund]:
    """Oldest first."""
    mine = select(refunds).where(refunds.c.payment_id == payment_id).order_by(refunds.c.created_at, refunds.c.id)
    return [Refund(**row) for row in conn.execute(mine).mappings()]


def given_back(conn: Connection, payment_id: str) -> int:
    """Refunded or on its way, in minor units."""
    counts = (refunds.c.payment_id == payment_id) & (refunds.c.state != "failed")
    return int(conn.scalar(select(func.coalesce(func.sum(refunds.c.amount), 0)).where(counts)) or 0)


def _carry_out(conn: Connection, now: datetime, made: Refund, twist: Fault | None) -> None:
    if twist is not None and twist.name == "decline":
        end(conn, now, made, "failed", decline(twist.params["code"]))
    elif twist is not None and twist.name == "pending_then_late":
        late = now + timedelta(seconds=twist.params["after"])
        values = {"settles_at": late, "settles_as": twist.params["outcome"], "decline_code": twist.params["code"]}
        conn.execute(update(refunds).where(refunds.c.id == made.id).values(**values))
    else:
        end(conn, now, made, "succeeded")
    if twist is not None and twist.name == "comes_back":
        late = now + timedelta(seconds=twist.params["after"])
        values = {"settles_at": late, "settles_as": "failed", "decline_code": twist.params["code"]}
        conn.execute(update(refunds).where(refunds.c.id == made.id).values(**values))


def end(conn: Connection, now: datetime, made: Refund, state: str, why: Decline | None = None) -> None:
    """Nothing where it has ended like that already."""
    told = {"decline_code": why.code if why else None, "decline_class": why.kind.value if why else None}
    other = update(refunds).where(refunds.c.id == made.id, refunds.c.state == made.state, refunds.c.state != state)
    if conn.execute(other.values(state=state, settles_at=None, **told)).rowcount:
        webhooks.announce(conn, now, f"refund.{state}", as_json(get(conn, made.id)))


def get(conn: Connection, refund_id: str) -> Refund:
    return Refund(**conn.execute(select(refunds).where(refunds.c.id == refund_id)).mappings().one())


def find(conn: Connection, reference: str) -> Refund | None:
    newest = select(refunds).where(refunds.c.reference == reference).order_by(refunds.c.created_at.desc()).limit(1)
    row = conn.execute(newest).mappings().first()
    return Refund(**row) if row is not None else None


def as_json(made: Refund) -> dict[str, Any]:
    failed = made.state == "failed"
    named = {"object": "refund", "id": made.id, "reference": made.reference, "payment": made.payment_id}
    sums = {"state": made.state, "amount": made.amount, "currency": made.currency}
    sums["created_at"] = made.created_at.isoformat()
    return {**named, **sums, "decline": {"code": made.decline_code, "class": made.decline_class} if failed else None}
