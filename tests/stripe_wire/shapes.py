"""Stripe's objects as JSON, made of the book's rows. Only the members that somebody may rely on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, select

from portal.demo.sandbox import methods, payments, tables
from portal.demo.sandbox.payments import Payment
from portal.demo.sandbox.refunds import Refund
from tests.stripe_wire import tried
from tests.stripe_wire.tables import intents, sessions, tries

Shown = dict[str, Any]

# What the sandbox's bank says, as Stripe says it: the error's code, and the bank's own.
DECLINES: Final[dict[str, tuple[str, str | None]]] = {
    "declined": ("card_declined", "generic_decline"),
    "insufficient_funds": ("card_declined", "insufficient_funds"),
    "authentication_failed": ("payment_intent_authentication_failure", None),
    "lost_card": ("card_declined", "lost_card"),
    "stolen_card": ("card_declined", "stolen_card"),
    "expired_card": ("expired_card", "expired_card"),
    "method_detached": ("card_declined", "generic_decline"),
    "processing_error": ("processing_error", "processing_error"),
    "authentication_required": ("authentication_required", "authentication_required"),
}
REFUND_FAILED: Final = {"insufficient_funds": "insufficient_funds", "lost_card": "lost_or_stolen_card"}


def seconds(moment: datetime) -> int:
    return int(moment.timestamp())


@dataclass(frozen=True)
class Shapes:
    """`base`: where the hosted pages are."""

    conn: Connection
    base: str

    def customer(self, row: RowMapping) -> Shown:
        named = {"id": row["id"], "object": "customer", "livemode": False}
        return {**named, "created": seconds(row["created_at"]), "metadata": row["metadata"]}

    def session(self, row: RowMapping) -> Shown:
        payment = payments.get(self.conn, row["payment_id"])
        status = session_status(payment)
        setup = row["mode"] == "setup"
        return {
            "id": row["id"],
            "object": "checkout.session",
            "amount_total": None if setup else row["amount"],
            "client_reference_id": row["client_reference_id"],
            "created": seconds(row["created_at"]),
            "currency": None if setup else row["currency"].lower(),
            "customer": row["customer"],
            "expires_at": seconds(row["expires_at"]),
            "livemode": False,
            "locale": row["locale"],
            "metadata": row["metadata"],
            "mode": row["mode"],
            "payment_intent": None if setup else row["intent_id"],
            "payment_status": _paid(setup, payment),
            "setup_intent": setup_id(row["id"]) if setup else None,
            "status": status,
            "success_url": row["success_url"],
            "url": f"{self.base}/c/pay/{row['id']}" if status == "open" else None,
        }

    def setup_intent(self, row: RowMapping) -> Shown:
        """Of a session that only saves a method."""
        payment = payments.get(self.conn, row["payment_id"])
        before = _last_decline(self.conn, row["id"], payment)
        status = {"succeeded": "succeeded", "pending": "processing"}.get(payment.state, "requires_payment_method")
        return {
            "id": setup_id(row["id"]),
            "object": "setup_intent",
            "created": seconds(row["created_at"]),
            "customer": row["customer"],
            "last_setup_error": error(before) if before else None,
            "livemode": False,
            "metadata": row["inner"].get("metadata", {}),
            "next_action": None,
            "payment_method": payment.method_id,
            "status": "canceled" if payment.decline_class == "closed" else status,
            "usage": "off_session",
        }

    def intent(self, row: RowMapping) -> Shown:
        payment = payments.get(self.conn, row["payment_id"])
        status = intent_status(row, payment)
        refused = status == "requires_payment_method"
        return {
            "id": row["id"],
            "object": "payment_intent",
            "amount": row["amount"],
            "amount_received": (payment.taken or 0) if status == "succeeded" else 0,
            "canceled_at": seconds(row["created_at"]) if status == "canceled" else None,
            "capture_method": "automatic",
            "created": seconds(row["created_at"]),
            "currency": row["currency"].lower(),
            "customer": row["customer"],
            "description": row["description"],
            "last_payment_error": _last_error(row, payment) if refused else None,
            "latest_charge": charge_id(payment) if _was_charged(payment, row) else None,
            "livemode": False,
            "metadata": row["metadata"],
            "next_action": self._next_action(row) if status == "requires_action" else None,
            "payment_method": None if refused else payment.method_id,
            "setup_future_usage": row["setup_future_usage"],
            "status": status,
        }

    def _next_action(self, row: RowMapping) -> Shown:
        there = {"url": f"{self.base}/authenticate/{row['id']}", "return_url": row["return_url"]}
        return {"type": "redirect_to_url", "redirect_to_url": there}

    def charge(self, payment: Payment) -> Shown:
        owner = tried.of(self.conn, payment.id)
        back = [one for one in refund_rows(self.conn, payment.id) if one.state != "failed"]
        given = sum(one.amount for one in back)
        return {
            "id": charge_id(payment),
            "object": "charge",
            "amount": payment.amount,
            "amount_captured": payment.taken or 0,
            "amount_refunded": given,
            "created": seconds(payment.created_at),
            "currency": payment.currency.lower(),
            "customer": payment.user_id,
            "livemode": False,
            "metadata": owner["metadata"],
            "paid": payment.state == "succeeded",
            "payment_intent": owner["intent_id"],
            "refunded": given == payment.taken,
            "status": {"succeeded": "succeeded", "pending": "pending"}.get(payment.state, "failed"),
        }

    def method(self, method_id: str | None) -> Shown | None:
        method = methods.get(self.conn, method_id) if method_id is not None else None
        if method is None:
            return None
        year, month = method.expires.split("-")
        brand = method.brand.lower()
        card = {"brand": brand, "last4": method.last4, "exp_year": int(year), "exp_month": int(month), "wallet": None}
        return {
            "id": method.id,
            "object": "payment_method",
            "card": card,
            "created": seconds(method.created_at),
            "customer": method.user_id if method.detached_at is None else None,
            "livemode": False,
            "metadata": {},
            "type": "card",
        }

    def refund(self, made: Refund) -> Shown:
        owner = tried.of(self.conn, made.payment_id)
        ours = {} if made.reference.startswith("dashboard:") else {tried.REFERENCE: made.reference}
        failed = {"failure_reason": REFUND_FAILED.get(made.decline_code or "", "declined")}
        return {
            "id": made.id,
            "object": "refund",
            "amount": made.amount,
            "charge": f"ch_{made.payment_id[4:]}",
            "created": seconds(made.created_at),
            "currency": made.currency.lower(),
            "metadata": ours,
            "payment_intent": owner["intent_id"],
            "status": made.state,
            **(failed if made.state == "failed" else {}),
        }

    def dispute(self, row: RowMapping) -> Shown:
        return {
            "id": row["id"],
            "object": "dispute",
            "amount": row["amount"],
            "charge": f"ch_{row['payment_id'][4:]}",
            "created": seconds(row["opened_at"]),
            "currency": row["currency"].lower(),
            "livemode": False,
            "metadata": {},
            "payment_intent": tried.of(self.conn, row["payment_id"])["intent_id"],
            "reason": "fraudulent",
            "status": {"open": "needs_response"}.get(row["state"], row["state"]),
        }


def charge_id(payment: Payment) -> str:
    return f"ch_{payment.id[4:]}"


def setup_id(session_id: str) -> str:
    return f"seti_{session_id.removeprefix('cs_test_')[:24]}"


def session_status(payment: Payment) -> str:
    """Of its newest try: one that the bank declined is followed by another, so that the page stays open."""
    if payment.state == "failed":
        return "expired" if payment.decline_class == "closed" else "complete"
    return "open" if payment.is_open else "complete"


def _paid(setup: bool, payment: Payment) -> str:
    if setup:
        return "no_payment_required"
    return "paid" if payment.state == "succeeded" else "unpaid"


def intent_status(row: RowMapping, payment: Payment) -> str:
    if row["canceled"]:
        return "canceled"
    if payment.is_open:
        return "requires_action" if row["asking"] else "requires_payment_method"
    states = {"succeeded": "succeeded", "pending": "processing"}
    return "canceled" if payment.decline_class == "closed" else states.get(payment.state, "requires_payment_method")


def _was_charged(payment: Payment, row: RowMapping) -> bool:
    """A bank that could not make sure who pays was never asked for money."""
    return payment.decline_code != "authentication_failed" and not (payment.is_open and row["asking"])


def _last_error(row: RowMapping, payment: Payment) -> Shown | None:
    if payment.is_open:
        return error("authentication_required") if payment.method_id is not None else None
    return error(payment.decline_code or "declined")


def _last_decline(conn: Connection, session_id: str, payment: Payment) -> str | None:
    """What a bank said last. That a page was closed, or ran out, no bank says."""
    if payment.decline_code in DECLINES:
        return payment.decline_code
    before = select(tables.payments.c.decline_code).join(tries, tries.c.payment_id == tables.payments.c.id)
    mine = before.where(tries.c.session_id == session_id, tables.payments.c.decline_code.in_(list(DECLINES)))
    return conn.scalar(mine.order_by(tables.payments.c.created_at.desc()).limit(1))


def error(ours: str) -> Shown:
    code, bank = DECLINES[ours]
    said = {"type": "card_error", "code": code, "message": f"Your card was declined: {code}."}
    return said if bank is None else {**said, "decline_code": bank}


def refund_rows(conn: Connection, payment_id: str) -> list[Refund]:
    mine = select(tables.refunds).where(tables.refunds.c.payment_id == payment_id)
    return [Refund(**row) for row in conn.execute(mine).mappings()]


def expanded(shapes: Shapes, shown: Shown, paths: Iterable[str]) -> Shown:
    """With the objects in place of their ids, as far as each path goes."""
    whole = json.loads(json.dumps(shown))
    for path in paths:
        at: Any = whole
        for name in path.split("."):
            if isinstance(at.get(name), str):
                at[name] = _object(shapes, at[name])
            at = at.get(name) or {}
    return dict(whole)


def _object(shapes: Shapes, guid: str) -> Shown | None:
    kinds: dict[str, Callable[[str], Shown | None]] = {
        "pm_": shapes.method,
        "pi_": lambda one: shapes.intent(tried.intent(shapes.conn, one)),
        "ch_": lambda one: shapes.charge(payments.get(shapes.conn, f"pay_{one[3:]}")),
        "seti_": lambda one: shapes.setup_intent(_session_of_setup(shapes.conn, one)),
    }
    make = next(make for prefix, make in kinds.items() if guid.startswith(prefix))
    return make(guid)


def _session_of_setup(conn: Connection, guid: str) -> RowMapping:
    rows = conn.execute(select(sessions).where(sessions.c.mode == "setup")).mappings()
    return next(row for row in rows if setup_id(row["id"]) == guid)


def intent_of(conn: Connection, payment_id: str) -> RowMapping | None:
    guid = tried.of(conn, payment_id)["intent_id"]
    return conn.execute(select(intents).where(intents.c.id == guid)).mappings().first() if guid else None
