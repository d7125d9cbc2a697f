"""Frozen rows as the queries hand them out, each with defaults that make a believable customer."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from portal.domain.calendar import Interval
from portal.domain.invoice import Invoice, InvoiceLine
from portal.domain.method import PaymentMethod
from portal.domain.money import Money
from portal.domain.payment import Payment
from portal.domain.plan import Plan, Price
from portal.domain.refund import Refund
from portal.domain.subscription import Period, Subscription
from portal.queries.history import HistoryEntry
from portal.queries.invoices import InvoiceDetail, InvoiceEntry
from portal.queries.offers import Offer
from portal.queries.subscriptions import NextStep, SubscriptionCard
from portal.services.buy import Preview

NOW = datetime(2026, 11, 22, 11, 5, tzinfo=UTC)  # 14:05 in Moscow
LATER = datetime(2026, 12, 22, 11, 5, tzinfo=UTC)
DAY = timedelta(days=1)
METHOD = "Visa ·· 4242"


def number(n: int) -> UUID:
    return UUID(int=0x7000_8000_0000_0000_0000 + n)


def plan(code: str = "premium", **given: Any) -> Plan:
    names = {"ru": "Премиум", "en": "Premium"}
    texts = {"ru": "Премьеры в день выхода, 4K и загрузка.", "en": "Premieres on the day they open, 4K, downloads."}
    features = ("library", "uhd", "premieres", "offline", "four_screens")
    made = Plan(number(1), code, "main", "on_sale", names, texts, features, Interval.month, 1, 0, 1, NOW - 90 * DAY)
    return replace(made, **given)


def offer(minor: int = 49900, currency: str = "RUB", **given: Any) -> Offer:
    sold = plan(**given)
    return Offer(sold, Price(number(2), sold.id, minor, currency, NOW - 90 * DAY, NOW - 90 * DAY))


def subscription(state: str = "active", **given: Any) -> Subscription:
    made = Subscription(
        id=number(3),
        user_id="alice",
        plan_id=number(1),
        price_id=number(2),
        group="main",
        state=state,
        auto_renew=True,
        zone="Europe/Moscow",
        created_at=NOW,
        anchor=NOW,
        steps=1,
        paid_through=LATER,
        payment_method_id=number(4),
        started_at=NOW,
    )
    return replace(made, **given)


def card(of: Subscription | None = None, **given: Any) -> SubscriptionCard:
    mine = of or subscription()
    step = NextStep("renewal", LATER, Money(49900, "RUB")) if mine.auto_renew else NextStep("end", LATER, None)
    made = SubscriptionCard(
        subscription=mine,
        plan=plan(),
        period=Period(number(5), mine.id, NOW, LATER, 1, number(6), NOW),
        access_until=LATER + 7 * DAY,
        next=step if mine.state == "active" else None,
        method_title=METHOD if mine.payment_method_id else None,
        first_start=NOW,
        price=Money(49900, "RUB"),
        gives_up_at=LATER + 14 * DAY if mine.state in ("past_due", "suspended") else None,
        last_invoice_id=number(6),
    )
    return replace(made, **given)


def invoice(state: str = "not_paid", **given: Any) -> Invoice:
    made = Invoice(
        id=number(6),
        number="M-2026-000042",
        user_id="alice",
        subscription_id=number(3),
        plan_id=number(1),
        price_id=number(2),
        reason="purchase",
        due_at=NOW,
        state=state,
        count=1,
        total_minor=49900,
        currency="RUB",
        provider="sandbox",
        renews=True,
        expires_at=NOW + DAY,
        created_at=NOW,
        modified_at=NOW,
        paid_at=NOW if state == "paid" else None,
    )
    return replace(made, **given)


def payment(state: str = "requires_action", **given: Any) -> Payment:
    made = Payment(
        id=number(7),
        invoice_id=number(6),
        subscription_id=number(3),
        user_id="alice",
        provider="sandbox",
        kind="checkout",
        state=state,
        amount_minor=49900,
        currency="RUB",
        created_at=NOW,
        modified_at=NOW,
        why={},
        redirect_url="https://pay.example/checkout/1",
    )
    return replace(made, **given)


def method(**given: Any) -> PaymentMethod:
    made = PaymentMethod(number(4), "alice", "sandbox", "customer", "method", "card", METHOD, "2034-12", NOW)
    return replace(made, **given)


def refund(state: str = "pending", **given: Any) -> Refund:
    made = Refund(
        id=number(8),
        payment_id=number(7),
        invoice_id=number(6),
        subscription_id=number(3),
        user_id="alice",
        reason="late",
        state=state,
        amount_minor=49900,
        currency="RUB",
        created_at=NOW,
        modified_at=NOW,
    )
    return replace(made, **given)


def detail(of: Invoice | None = None, payments: tuple[Payment, ...] = (), **given: Any) -> InvoiceDetail:
    mine = of or invoice()
    sold = plan()
    lines = [InvoiceLine(number(9), mine.id, 1, sold.names, sold.descriptions, 49900, mine.count, 0, "0", 49900)]
    made = InvoiceDetail(mine, sold, lines, None, payments, (), None, None)
    if mine.state == "paid":
        period = Period(number(5), mine.subscription_id, NOW, LATER, 1, mine.id, NOW)
        made = replace(made, period=period, method_title=METHOD)
    return replace(made, **given)


def entry(of: Invoice | None = None, **given: Any) -> InvoiceEntry:
    mine = of or invoice()
    ends = LATER if mine.state == "paid" else None
    return replace(InvoiceEntry(mine, "premium", plan().names, NOW if ends else None, ends), **given)


def happened(kind: str, event: str, facts: dict[str, object] | None = None, **given: Any) -> HistoryEntry:
    made = HistoryEntry(1, NOW, None, kind, number(3), event, "", facts or {}, plan().names)
    return replace(made, **given)


def preview(**given: Any) -> Preview:
    sold = offer()
    made = Preview(
        sold, 1, sold.price.amount, NOW, LATER, sold.price.amount, prolongs=False, needs_email=False, provider="sandbox"
    )
    return replace(made, **given)
