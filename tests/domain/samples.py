"""One customer's rows with sensible defaults, which fit together; a test names only what it is about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from portal.domain.calendar import Interval
from portal.domain.consent import Agreement
from portal.domain.dispute import Dispute
from portal.domain.invoice import Invoice
from portal.domain.method import PaymentMethod
from portal.domain.money import Money
from portal.domain.payment import Payment
from portal.domain.plan import Plan, Price
from portal.domain.refund import Refund
from portal.domain.subscription import Period, Subscription
from portal.domain.user import User

DISPUTE_ID = UUID(int=91)
NOW = datetime(2027, 1, 31, 9, 0, tzinfo=UTC)
SENT = NOW - timedelta(hours=1)
SUM = Money(29_900, "RUB")
PLAN_ID, OTHER_PLAN_ID, PRICE_ID, SUBSCRIPTION_ID, INVOICE_ID, PAYMENT_ID, REFUND_ID, METHOD_ID, PERIOD_ID = (
    UUID(int=number) for number in range(1, 10)
)


def plan(**more: Any) -> Plan:
    given: dict[str, Any] = {
        "id": PLAN_ID,
        "code": "standard",
        "group": "main",
        "state": "on_sale",
        "names": {"en": "Standard"},
        "descriptions": {"en": "Films"},
        "features": ("hd",),
        "interval": Interval.month,
        "interval_count": 1,
        "trial_days": 0,
        "position": 1,
        "created_at": SENT,
    }
    return Plan(**(given | more))


def price(**more: Any) -> Price:
    given: dict[str, Any] = {
        "id": PRICE_ID,
        "plan_id": PLAN_ID,
        "amount_minor": SUM.minor,
        "currency": SUM.currency,
        "valid_from": SENT,
        "created_at": SENT,
    }
    return Price(**(given | more))


def user(**more: Any) -> User:
    given: dict[str, Any] = {
        "id": "alice",
        "email": "alice@matinee.example",
        "locale": "en",
        "zone": None,
        "first_subscribed_at": None,
        "entitlements_version": 0,
        "tokens_from_version": 0,
        "created_at": SENT,
    }
    return User(**(given | more))


def subscription(**more: Any) -> Subscription:
    """One that waits for its first payment."""
    given: dict[str, Any] = {
        "id": SUBSCRIPTION_ID,
        "user_id": "alice",
        "plan_id": PLAN_ID,
        "price_id": PRICE_ID,
        "group": "main",
        "state": "pending",
        "auto_renew": False,
        "zone": "Europe/Moscow",
        "created_at": SENT,
    }
    return Subscription(**(given | more))


def running(**more: Any) -> Subscription:
    """An active one: bought on 10 January 2027, paid until 10 February, renewed by itself."""
    start = datetime(2027, 1, 10, 9, 0, tzinfo=UTC)
    given: dict[str, Any] = {
        "state": "active",
        "auto_renew": True,
        "anchor": start,
        "steps": 1,
        "paid_through": datetime(2027, 2, 10, 9, 0, tzinfo=UTC),
        "started_at": start,
        "payment_method_id": METHOD_ID,
    }
    return subscription(**(given | more))


def period(**more: Any) -> Period:
    given: dict[str, Any] = {
        "id": PERIOD_ID,
        "subscription_id": SUBSCRIPTION_ID,
        "start": datetime(2027, 1, 10, 9, 0, tzinfo=UTC),
        "end": datetime(2027, 2, 10, 9, 0, tzinfo=UTC),
        "intervals": 1,
        "invoice_id": INVOICE_ID,
        "created_at": SENT,
    }
    return Period(**(given | more))


def invoice(state: str = "not_paid", **more: Any) -> Invoice:
    given: dict[str, Any] = {
        "id": INVOICE_ID,
        "number": "M-2027-000001",
        "user_id": "alice",
        "subscription_id": SUBSCRIPTION_ID,
        "plan_id": PLAN_ID,
        "price_id": PRICE_ID,
        "reason": "purchase",
        "due_at": SENT,
        "state": state,
        "count": 1,
        "total_minor": SUM.minor,
        "currency": SUM.currency,
        "provider": "sandbox",
        "renews": True,
        "expires_at": SENT + timedelta(days=1),
        "created_at": SENT,
        "modified_at": SENT,
        "fail_reason": "superseded" if state == "fail" else None,
        "paid_at": SENT if state == "paid" else None,
    }
    return Invoice(**(given | more))


def payment(state: str = "unknown", **more: Any) -> Payment:
    """A checkout; where it was sent, its next question is due now."""
    sent = state not in ("created", "aborted")
    opened = state in ("unknown", "requires_action", "pending")
    given: dict[str, Any] = {
        "id": PAYMENT_ID,
        "invoice_id": INVOICE_ID,
        "subscription_id": SUBSCRIPTION_ID,
        "user_id": "alice",
        "provider": "sandbox",
        "kind": "checkout",
        "state": state,
        "amount_minor": SUM.minor,
        "currency": SUM.currency,
        "created_at": SENT,
        "modified_at": SENT,
        "why": {},
        "sent_at": SENT if sent else None,
        "next_check_at": NOW if opened else None,
        "redirect_url": "https://pay.example/1" if state == "requires_action" else None,
        "decline_kind": "soft" if state == "failed" else None,
        "decline_code": "declined" if state == "failed" else None,
    }
    return Payment(**(given | more))


def refund(state: str = "unknown", **more: Any) -> Refund:
    given: dict[str, Any] = {
        "id": REFUND_ID,
        "payment_id": PAYMENT_ID,
        "invoice_id": INVOICE_ID,
        "subscription_id": SUBSCRIPTION_ID,
        "user_id": "alice",
        "reason": "late",
        "state": state,
        "amount_minor": SUM.minor,
        "currency": SUM.currency,
        "created_at": SENT,
        "modified_at": SENT,
        "sent_at": None if state == "submitted" else SENT,
        "next_check_at": NOW,
    }
    return Refund(**(given | more))


def dispute(state: str = "open", **more: Any) -> Dispute:
    given: dict[str, Any] = {
        "id": DISPUTE_ID,
        "payment_id": PAYMENT_ID,
        "invoice_id": INVOICE_ID,
        "subscription_id": SUBSCRIPTION_ID,
        "user_id": "alice",
        "provider": "sandbox",
        "provider_ref": "dp_1",
        "state": state,
        "amount_minor": SUM.minor,
        "counted_minor": 0 if state == "won" else SUM.minor,
        "currency": SUM.currency,
        "opened_at": SENT,
        "created_at": SENT,
        "modified_at": SENT,
        "decided_at": None if state == "open" else SENT,
        "next_check_at": NOW if state == "open" else None,
    }
    return Dispute(**(given | more))


def method(**more: Any) -> PaymentMethod:
    given: dict[str, Any] = {
        "id": METHOD_ID,
        "user_id": "alice",
        "provider": "sandbox",
        "customer_ref": "customer_1",
        "method_ref": "method_1",
        "kind": "card",
        "title": "Visa ·· 4242",
        "expires": "2034-12",
        "created_at": NOW,
    }
    return PaymentMethod(**(given | more))


def agreement(**more: Any) -> Agreement:
    given: dict[str, Any] = {
        "terms": True,
        "personal_data": True,
        "renewal": True,
        "source": "cabinet",
        "locale": "en",
        "address": "192.0.2.7",
    }
    return Agreement(**(given | more))
