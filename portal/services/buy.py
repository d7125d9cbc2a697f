"""Buying a plan, from the order to the hosted page. Nothing here makes a subscription live: only settle does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from portal import failpoints, runtime
from portal.db import rows
from portal.db.session import atomic, db
from portal.domain import dunning, purchasing, trials
from portal.domain.calendar import Interval, step, zone_or
from portal.domain.consent import Agreement
from portal.domain.errors import (
    EmailRequired,
    InvalidRequest,
    NotFound,
    PaymentInProgress,
    Refused,
    UnknownProduct,
)
from portal.domain.invoice import Invoice
from portal.domain.money import EXPONENTS, Money
from portal.domain.payment import Payment
from portal.domain.purchasing import MAX_COUNT, Order, Purchase, Standing
from portal.domain.subscription import Subscription
from portal.domain.user import Person, User
from portal.models.invoice import InvoiceRow
from portal.models.user import UserRow
from portal.queries import offers
from portal.queries.offers import Offer
from portal.queries.subscriptions import had_trial, in_group
from portal.services import choice, collect, journal, standing, users


@dataclass(frozen=True)
class BuyRequest:
    code: str
    count: int
    agreement: Agreement
    email: str | None = None
    locale: str | None = None
    currency: str | None = None
    provider: str | None = None
    return_url: str | None = None
    trial: bool = True  # False: to be paid at once, also where there is something to try


@dataclass(frozen=True)
class Bought:
    invoice_id: UUID
    redirect_url: str


@dataclass(frozen=True)
class Preview:
    """What the check page says before anything is done."""

    offer: Offer
    count: int
    total: Money
    starts: datetime
    ends: datetime
    next_price: Money
    prolongs: bool
    needs_email: bool
    provider: str  # the chosen payment system
    trial_days: int = 0  # 0: it is paid at once


def buy(person: Person, request: BuyRequest) -> Bought:
    """Write the order, then open its hosted page. The same open request again is answered with the same page.

    Raises UnknownProduct, UnknownPaymentSystem, InvalidRequest, EmailRequired, ConsentRequired, SubscriptionExists,
    PaymentInProgress and ProviderUnavailable; with the last the invoice exists and can be paid later.
    """
    try:
        purchase, superseded = _order(person, request)
    except PaymentInProgress:
        _ask_what_is_under_way(person, request)
        purchase, superseded = _order(person, request)
    failpoints.reached("buy.ordered")
    if superseded is not None and superseded.redirect_url is not None:
        _close(superseded)
    return Bought(purchase.invoice_id, collect.open_checkout(purchase.invoice_id))


def _ask_what_is_under_way(person: Person, request: BuyRequest) -> None:
    """Perhaps it has been paid or refused meanwhile, and only nobody has told us yet."""
    running = in_group(person.id, _offer(request.code, request.count, request.currency).plan.group)
    if running is not None:
        collect.ask_about_open(running.id)


def pay_again(person: Person, invoice_id: UUID) -> Bought:
    """The hosted page of an invoice that is still open. Raises NotFound and what open_checkout raises."""
    if rows.find(Invoice, InvoiceRow.id == invoice_id, InvoiceRow.user_id == person.id) is None:
        raise NotFound(f"no invoice {invoice_id}")
    return Bought(invoice_id, collect.open_checkout(invoice_id))


def preview(person: Person, code: str, count: int, trial: bool = True, provider: str | None = None) -> Preview:
    """Raises UnknownProduct, UnknownPaymentSystem, InvalidRequest, SubscriptionExists."""
    provider = choice.chosen(provider)
    offer = _offer(code, count, None)
    running = in_group(person.id, offer.plan.group)
    purchasing.refuse_if_taken(running, offer.plan)
    user = rows.find(User, UserRow.id == person.id)
    days = _trial_days(person.id, running, offer, count, provider) if trial else 0
    zone = zone_or(runtime.policy.zone, (user.zone if user else None) or person.zone)
    now = runtime.clock.now()
    starts, ends = (now, trials.end_of(now, zone, days)) if days else _period(running, offer, count, zone)
    order = Order(offer.plan, offer.price, count, "", Agreement(True, True, True, "cabinet", ""), trial_days=days)
    return Preview(
        offer=offer,
        count=count,
        total=order.quote.total,
        starts=starts,
        ends=ends,
        next_price=offer.price.amount,
        prolongs=running is not None and running.state == "active",
        needs_email=not (person.email or (user and user.email)),
        provider=provider,
        trial_days=days,
    )


def _order(person: Person, request: BuyRequest) -> tuple[Purchase, Payment | None]:
    """One transaction: the user, the subscription, the invoice and what was agreed. Also a payment to be closed."""
    now = runtime.clock.now()
    _offer(request.code, request.count, request.currency)
    provider = choice.chosen(request.provider)
    with atomic():
        user = users.remember(person, request.email, request.locale, now)
        if user.email is None:
            raise EmailRequired("an e-mail address is needed for receipts")
        standing.hold_plan(request.code)
        offer = _offer(request.code, request.count, request.currency)
        standing_now = _standing(user, offer)
        agreement = _agreement(request, provider)
        order = Order(offer.plan, offer.price, request.count, provider, agreement, request.return_url)
        if request.trial and agreement.renewal:
            days = _trial_days(user.id, standing_now.subscription, offer, request.count, provider)
            order = replace(order, trial_days=days)
        zone = zone_or(runtime.policy.zone, user.zone)
        purchase = purchasing.decide(user, standing_now, order, now, runtime.policy, zone)
        if purchase.change:
            journal.record([purchase.change])
    return purchase, standing_now.payment if purchase.change else None


def _agreement(request: BuyRequest, provider: str) -> Agreement:
    """Nobody has agreed to renewals on a method that the payment system cannot keep."""
    renewal = request.agreement.renewal and choice.saves_methods(provider)
    return replace(request.agreement, renewal=renewal)


def _trial_days(user_id: str, running: Subscription | None, offer: Offer, count: int, provider: str) -> int:
    """A trial hangs on a method that can be charged later, and on the consent to that."""
    if not choice.saves_methods(provider):
        return 0
    return trials.days(offer.plan, count, running, had_trial(user_id, offer.plan.group))


def _standing(user: User, offer: Offer) -> Standing:
    subscription = standing.lock_group(user.id, offer.plan.group)
    invoice = standing.open_purchase(subscription.id) if subscription else None
    payment = standing.open_payment(invoice.id) if invoice else None
    renewal = standing.unpaid_renewal(subscription.id) if subscription else None
    change = standing.unpaid_change(subscription.id) if subscription else None
    busy = any(one is not None and standing.open_payment(one.id) is not None for one in (renewal, change))
    return Standing(subscription, invoice, payment, busy, _last_due(subscription))


def _last_due(subscription: Subscription | None) -> datetime | None:
    """Of the purchases before: two of them are never due in the same moment."""
    if subscription is None:
        return None
    bought = InvoiceRow.subscription_id == subscription.id, InvoiceRow.reason == "purchase", InvoiceRow.state != "fail"
    return db.session.scalar(select(func.max(InvoiceRow.due_at)).where(*bought))


def _offer(code: str, count: int, currency: str | None) -> Offer:
    if not 1 <= count <= MAX_COUNT:
        raise InvalidRequest(f"count is a whole number from 1 to {MAX_COUNT}")
    if currency is not None and currency not in EXPONENTS:
        raise InvalidRequest(f"unknown currency {currency!r}")
    # An address may carry anything, also NUL, which PostgreSQL refuses to compare with.
    offer = offers.find(code, currency or runtime.policy.currency, runtime.clock.now()) if code.isprintable() else None
    if offer is None:
        raise UnknownProduct(f"no plan {code!r} is on sale")
    return offer


def _period(running: Subscription | None, offer: Offer, count: int, zone: str) -> tuple[datetime, datetime]:
    """What paying now would give: the same rule by which settlement grants it."""
    interval, every, now = Interval(offer.plan.interval), offer.plan.interval_count, runtime.clock.now()
    if running is None or running.anchor is None or running.paid_through is None:
        return now, step(now, zone, interval, every * count)
    ran = standing.plan_of(running.plan_id)
    if running.state == "suspended" or now >= dunning.access_end(running, ran, runtime.policy):
        return now, step(now, running.zone, interval, every * count)
    if (ran.interval, ran.interval_count) != (offer.plan.interval, every):
        return running.paid_through, step(running.paid_through, running.zone, interval, every * count)
    return running.paid_through, step(running.anchor, running.zone, interval, every * (running.steps + count))


def _close(payment: Payment) -> None:
    """Best effort: what cannot be closed now is closed by the worker, and refunded if it is paid before."""
    try:
        collect.close_checkout(payment.id)
    except Refused:
        return
