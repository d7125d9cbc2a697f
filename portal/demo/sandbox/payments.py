"""A payment and the only ways its state can change. Every change that others must know of is announced with it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Connection, case, insert, select, update

from portal.demo.sandbox import methods, webhooks
from portal.demo.sandbox.cards import BY_NAME, Challenge, Verdict, decline
from portal.demo.sandbox.faults import Fault
from portal.demo.sandbox.tables import checkouts, payments
from portal.domain.outcome import Decline

OPEN: Final = ("requires_action",)
UNSETTLED: Final = ("requires_action", "pending")
DISPUTED_AFTER = timedelta(days=3)
LATE_OR_OTHERWISE: Final = frozenset({"wrong_amount", "pending_then_late", "declined_then_late"})
NEVER_MIND: Final[Mapping[str, Any]] = MappingProxyType({"settles_at": None})


@dataclass(frozen=True)
class Payment:
    id: str
    reference: str
    amount: int
    currency: str
    description: str
    state: str
    taken: int | None
    decline_code: str | None
    decline_class: str | None
    user_id: str
    save_method: bool
    card: str | None
    card_expires: str | None
    method_id: str | None
    created_at: datetime
    settles_at: datetime | None
    settles_as: str | None
    settles_taking: int | None
    dispute_at: datetime | None

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def takes_back_its_no(self) -> bool:
        """The bank declined it, and will take the money all the same."""
        return self.state == "failed" and self.settles_at is not None

    @property
    def only_saves(self) -> bool:
        """Its page keeps a method for later and takes nothing."""
        return self.amount == 0


def create(conn: Connection, now: datetime, state: str, **values: Any) -> Payment:
    payment_id = f"pay_{secrets.token_hex(12)}"
    conn.execute(insert(payments).values(id=payment_id, state=state, created_at=now, **values))
    return get(conn, payment_id)


def get(conn: Connection, payment_id: str) -> Payment:
    return Payment(**conn.execute(select(payments).where(payments.c.id == payment_id)).mappings().one())


def find(conn: Connection, reference: str) -> Payment | None:
    """By the shop's reference. Where a forgotten key let it charge twice, the one that took the money."""
    took = case((payments.c.state == "succeeded", 0), else_=1)
    newest_of_best = select(payments).where(payments.c.reference == reference)
    row = conn.execute(newest_of_best.order_by(took, payments.c.created_at.desc()).limit(1)).mappings().first()
    return Payment(**row) if row is not None else None


def try_card(conn: Connection, now: datetime, payment: Payment, verdict: Verdict, twist: Fault | None) -> bool:
    """Do with an open payment what the bank says, or what the fault plan says instead. False: it was open no more."""
    if twist is not None and twist.name == "decline":
        return fail(conn, now, payment, decline(twist.params["code"]))
    if twist is not None and twist.name in LATE_OR_OTHERWISE:
        moot = isinstance(verdict, Decline | Challenge) or (twist.name == "wrong_amount" and payment.only_saves)
        twist.met = not moot and payment.state in UNSETTLED
    if isinstance(verdict, Decline):
        return fail(conn, now, payment, verdict)
    if isinstance(verdict, Challenge):
        return True
    taken = payment.amount
    if twist is not None and twist.name == "wrong_amount" and not payment.only_saves:
        taken = twist.params["amount"] or payment.amount + 100
    if twist is not None and twist.name == "pending_then_late":
        return wait(conn, now, payment, twist, taken)
    if twist is not None and twist.name == "declined_then_late":
        return fail(conn, now, payment, decline(twist.params["code"]), settles=_late(now, twist, taken))
    return succeed(conn, now, payment, taken)


def succeed(conn: Connection, now: datetime, payment: Payment, taken: int) -> bool:
    values: dict[str, Any] = {"state": "succeeded", "taken": taken, "settles_at": None}
    if payment.card is not None and BY_NAME[payment.card].disputed and taken:
        values["dispute_at"] = now + DISPUTED_AFTER
    if not _move(conn, payment, (*UNSETTLED, payment.state) if payment.takes_back_its_no else UNSETTLED, **values):
        return False
    _keep_method(conn, now, payment)
    _announce(conn, now, payment.id)
    return True


def fail(
    conn: Connection, now: datetime, payment: Payment, why: Decline, settles: Mapping[str, Any] = NEVER_MIND
) -> bool:
    values = {"state": "failed", "decline_code": why.code, "decline_class": why.kind.value, **settles}
    return _move(conn, payment, UNSETTLED, **values) and _announce(conn, now, payment.id)


def wait(conn: Connection, now: datetime, payment: Payment, twist: Fault, taken: int) -> bool:
    """The bank has it and answers later: the payment ends by itself when its moment comes."""
    outcome = twist.params["outcome"]
    code = twist.params["code"] if outcome == "failed" else None
    moved = _move(conn, payment, OPEN, state="pending", decline_code=code, **_late(now, twist, taken, outcome))
    return moved and _announce(conn, now, payment.id)


def _late(now: datetime, twist: Fault, taken: int, outcome: str = "succeeded") -> dict[str, Any]:
    at = now + timedelta(seconds=twist.params["after"])
    return {"settles_at": at, "settles_as": outcome, "settles_taking": taken}


def present_card(conn: Connection, payment: Payment, card: str, expires: str) -> bool:
    """Note on an open payment which card it is tried with."""
    return _move(conn, payment, OPEN, card=card, card_expires=expires)


def ask_customer(conn: Connection, now: datetime, payment: Payment) -> None:
    """Tell the shop that its absent customer has to come and confirm."""
    _announce(conn, now, payment.id)


def as_json(conn: Connection, payment: Payment, public_base: str) -> dict[str, Any]:
    """`amount` is what was taken where something was, else what will be."""
    failed = payment.state == "failed"
    return {
        **_bare_json(payment),
        "url": _page_of(conn, payment, public_base) if payment.is_open else None,
        "decline": {"code": payment.decline_code, "class": payment.decline_class} if failed else None,
        "method": methods.as_json(conn, payment.method_id) if payment.state == "succeeded" else None,
    }


def _bare_json(payment: Payment) -> dict[str, Any]:
    taken = payment.taken if payment.taken is not None else payment.amount
    named = {"object": "payment", "id": payment.id, "reference": payment.reference}
    return {**named, "state": payment.state, "amount": taken, "currency": payment.currency}


def _page_of(conn: Connection, payment: Payment, public_base: str) -> str | None:
    token = conn.scalar(select(checkouts.c.token).where(checkouts.c.payment_id == payment.id))
    return f"{public_base}/pay/{token}" if token is not None else None


def _move(conn: Connection, payment: Payment, allowed: tuple[str, ...], **values: Any) -> bool:
    """The row decides who was first, not what we read before: two tabs and a late answer may all come here."""
    still = (payments.c.id == payment.id) & payments.c.state.in_(allowed)
    return bool(conn.execute(update(payments).where(still).values(**values)).rowcount)


def _keep_method(conn: Connection, now: datetime, payment: Payment) -> None:
    if payment.method_id is None and payment.save_method and payment.card and payment.card_expires:
        kept = methods.save(conn, now, payment.user_id, BY_NAME[payment.card], payment.card_expires)
        conn.execute(update(payments).where(payments.c.id == payment.id).values(method_id=kept))


def _announce(conn: Connection, now: datetime, payment_id: str) -> bool:
    payment = get(conn, payment_id)
    webhooks.announce(conn, now, f"payment.{payment.state}", _bare_json(payment))
    return True
