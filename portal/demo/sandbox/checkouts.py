"""The hosted page's life: started for one payment, paid at most once, closed for good."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select

from portal.demo.sandbox import payments
from portal.demo.sandbox.cards import BY_NAME, Approve, Card, Challenge, decline
from portal.demo.sandbox.faults import Fault
from portal.demo.sandbox.orders import CheckoutOrder
from portal.demo.sandbox.payments import Payment
from portal.demo.sandbox.refusal import Refusal, invalid
from portal.demo.sandbox.tables import checkouts


@dataclass(frozen=True)
class Checkout:
    token: str
    payment_id: str
    reference: str | None
    locale: str
    return_url: str | None
    expires_at: datetime | None

    @property
    def takes_cards(self) -> bool:
        """False where the page only confirms a charge on a saved method."""
        return self.reference is not None


def start(conn: Connection, now: datetime, order: CheckoutOrder, _: Fault | None = None) -> Payment:
    """A page for this reference. Asked again after the key was forgotten, it is the page that is there already."""
    if order.expires_at <= now:
        raise invalid("expires_at: has passed already")
    started = conn.scalar(select(checkouts.c.payment_id).where(checkouts.c.reference == order.reference))
    if started is not None:
        return _same(payments.get(conn, started), order)
    asked = order.model_dump(include={"reference", "amount", "currency", "description", "user_id", "save_method"})
    payment = payments.create(conn, now, "requires_action", **asked)
    _open_page(conn, payment, order.language, order.return_url, order.expires_at, reference=order.reference)
    return payment


def _same(payment: Payment, order: CheckoutOrder) -> Payment:
    if (payment.amount, payment.currency) != (order.amount, order.currency):
        raise invalid("this reference has a checkout over another sum", "reference_taken")
    return payment


def open_confirmation(conn: Connection, payment: Payment, language: str, return_url: str | None) -> None:
    """A page on which an absent customer confirms the charge of a saved method. It does not run out."""
    _open_page(conn, payment, language, return_url, None, reference=None)


def _open_page(
    conn: Connection,
    payment: Payment,
    locale: str,
    return_url: str | None,
    expires_at: datetime | None,
    reference: str | None,
) -> None:
    place = {"token": secrets.token_urlsafe(24), "payment_id": payment.id, "reference": reference}
    values = {**place, "locale": locale, "return_url": return_url, "expires_at": expires_at}
    conn.execute(insert(checkouts).values(**values))


def by_token(conn: Connection, token: str) -> tuple[Checkout, Payment] | None:
    row = conn.execute(select(checkouts).where(checkouts.c.token == token)).mappings().first()
    if row is None:
        return None
    return Checkout(**row), payments.get(conn, row["payment_id"])


def close(conn: Connection, now: datetime, reference: str) -> Payment:
    """Whatever waits for the customer under this reference waits no longer. What was paid stays paid, and is said."""
    payment = payments.find(conn, reference)
    if payment is None:
        raise Refusal(404, "not_found", "there is no checkout with this reference")
    if payment.is_open:
        payments.fail(conn, now, payment, decline("checkout_closed"))
    return payments.get(conn, payment.id)


def pay(conn: Connection, now: datetime, payment_id: str, card: Card, expires: str, twist: Fault | None) -> bool:
    """The customer pressed the button. True: their bank wants them to confirm first."""
    if not payments.present_card(conn, payments.get(conn, payment_id), card.name, expires):
        return False
    payments.try_card(conn, now, payments.get(conn, payment_id), card.on_page, twist)
    return payments.get(conn, payment_id).is_open and isinstance(card.on_page, Challenge)


def confirm(conn: Connection, now: datetime, payment_id: str, agreed: bool, twist: Fault | None) -> None:
    """The customer answered their bank."""
    payment = payments.get(conn, payment_id)
    if payment.is_open and awaits_confirmation(payment):
        payments.try_card(conn, now, payment, Approve() if agreed else decline("authentication_failed"), twist)


def awaits_confirmation(payment: Payment) -> bool:
    if not payment.is_open or payment.card is None:
        return False
    card = BY_NAME[payment.card]
    return isinstance(card.saved if payment.method_id else card.on_page, Challenge)
