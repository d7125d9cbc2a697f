"""Moving to another plan of the group: the quote, its use, the booked change and taking that back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, exists, func, select

from portal import failpoints, runtime
from portal.db import rows
from portal.db.session import atomic, db, end_reads
from portal.domain import changing
from portal.domain.changing import Execution, Standing, Terms
from portal.domain.errors import NotFound, UnknownProduct
from portal.domain.payment import Payment
from portal.domain.plan import Price
from portal.domain.quote import ChangeQuote
from portal.domain.refund import OPEN as OPEN_REFUND
from portal.domain.subscription import Subscription
from portal.domain.user import Person
from portal.models.invoice import InvoiceRow
from portal.models.payment import PaymentRow, RefundRow
from portal.models.plan import PriceRow
from portal.models.quote import ChangeQuoteRow
from portal.models.subscription import SubscriptionRow
from portal.queries import offers
from portal.services import choice, collect, journal, paid_time, standing
from portal.services.methods import chargeable

KEPT_FOR = timedelta(days=1)  # a quote that nobody used, after it has expired
NOTHING_TO_CHARGE = 1  # minor unit: where the payment system names no smallest sum


@dataclass(frozen=True)
class Preview:
    quote: ChangeQuote
    old: Terms
    new: Terms
    method_title: str | None  # what is charged; None: the customer pays on a page
    renews: bool


@dataclass(frozen=True)
class Changed:
    """`redirect_url`: where the customer pays or confirms; None: there is nothing to do."""

    invoice_id: UUID | None
    redirect_url: str | None


def preview(person: Person, subscription_id: UUID, code: str) -> Preview:
    """What moving to a plan comes to now, kept for a quarter of an hour.

    Raises NotFound, UnknownProduct, NotChangeable, PaymentInProgress.
    """
    now = runtime.clock.now()
    with atomic():
        facts, target = _facts(person, subscription_id, code)
        method = chargeable(facts.subscription.payment_method_id, person.id)
        offered = [method.provider] if method else list(runtime.providers)
        quoted = changing.quote(facts, target, now, _smallest(offered, target.price.currency))
        rows.add(quoted)
    renews = facts.subscription.auto_renew and facts.subscription.payment_method_id is not None
    return Preview(quoted, facts.terms, target, method.title if method else None, renews)


def change(person: Person, subscription_id: UUID, code: str, quote_id: UUID, provider: str | None = None) -> Changed:
    """Do what a quote says. The plan moves at once where nothing is to be paid, else when it is paid.

    `provider`: where the customer pays if there is no method to charge.

    Raises NotFound, UnknownProduct, UnknownPaymentSystem, QuoteVoid, NotChangeable, PaymentInProgress;
    ProviderUnavailable where no page could be opened: then the invoice is there, and can be paid later.
    """
    execution = _execute(person, subscription_id, code, quote_id, choice.chosen(provider))
    failpoints.reached("change.intended")
    if execution.payment_id is not None:
        collect.charge(execution.payment_id)
        return Changed(execution.invoice_id, _page_of(execution.payment_id))
    if execution.invoice_id is not None and _is_open(execution.invoice_id):
        return Changed(execution.invoice_id, collect.open_checkout(execution.invoice_id))
    return Changed(execution.invoice_id, None)


def unbook(person: Person, subscription_id: UUID) -> None:
    """The plan stays as it is. Repeating is no error. Raises NotFound."""
    now = runtime.clock.now()
    with atomic():
        subscription = _mine(person, subscription_id)
        undone = changing.unbook(subscription, now, f"user:{person.id}")
        if undone:
            journal.record([undone])


def forget_unused() -> int:
    """Delete quotes that expired unused a day ago. Answers how many."""
    with atomic():
        old = ChangeQuoteRow.expires_at < runtime.clock.now() - KEPT_FOR
        done = db.session.execute(delete(ChangeQuoteRow).where(ChangeQuoteRow.used_at.is_(None), old))
        return int(done.rowcount)  # type: ignore[attr-defined]  # a CursorResult


OLDEST_UNUSED = select(func.min(ChangeQuoteRow.expires_at)).where(ChangeQuoteRow.used_at.is_(None))


def _execute(person: Person, subscription_id: UUID, code: str, quote_id: UUID, provider: str) -> Execution:
    now = runtime.clock.now()
    with atomic():
        facts, target = _facts(person, subscription_id, code, quote_id)
        quoted = _quote(quote_id, subscription_id)
        if quoted is None or quoted.plan_id != target.plan.id:
            raise NotFound(f"no quote {quote_id}")
        method = chargeable(facts.subscription.payment_method_id, person.id)
        execution = changing.execute(quoted, facts, target, method, provider, now, runtime.policy)
        journal.record([execution.change])
    return execution


def _facts(person: Person, subscription_id: UUID, code: str, quote_id: UUID | None = None) -> tuple[Standing, Terms]:
    """Under the locks. A quote keeps the price that it was made with."""
    subscription = _mine(person, subscription_id)
    standing.hold_plan(code)
    terms = Terms(standing.plan_of(subscription.plan_id), _price(subscription.price_id))
    target = _target(code, terms.price.currency, _quote(quote_id, subscription_id) if quote_id else None)
    ahead = paid_time.ahead(subscription, runtime.clock.now())
    facts = Standing(
        subscription=subscription,
        terms=terms,
        held=ahead.held,
        left=ahead.left,
        given=ahead.given,
        unpaid=_unpaid(subscription.id),
        refunding=_refunding(subscription.id),
        periods=standing.periods_ahead(subscription.id),
    )
    return facts, target


def _mine(person: Person, subscription_id: UUID) -> Subscription:
    owner = db.session.scalar(select(SubscriptionRow.user_id).where(SubscriptionRow.id == subscription_id))
    if owner != person.id:
        raise NotFound(f"no subscription {subscription_id}")
    return standing.lock_owned(subscription_id)


def _target(code: str, currency: str, quoted: ChangeQuote | None) -> Terms:
    """A plan on sale, in the currency that the subscription is paid in."""
    found = offers.find(code, currency, runtime.clock.now()) if code.isprintable() else None
    if found is None:
        raise UnknownProduct(f"no plan {code!r} is on sale in {currency}")
    same = quoted is not None and quoted.plan_id == found.plan.id
    return Terms(found.plan, _price(quoted.price_id) if quoted and same else found.price)


def _quote(quote_id: UUID, subscription_id: UUID) -> ChangeQuote | None:
    mine = ChangeQuoteRow.id == quote_id, ChangeQuoteRow.subscription_id == subscription_id
    return rows.find(ChangeQuote, *mine)


def _price(price_id: UUID) -> Price:
    price = rows.find(Price, PriceRow.id == price_id)
    assert price is not None  # noqa: S101 - a foreign key holds it
    return price


def _smallest(offered: Sequence[str], currency: str) -> int:
    """What each of them would charge: the customer has yet to choose."""
    least = [runtime.providers[name].abilities.smallest.get(currency, NOTHING_TO_CHARGE) for name in offered]
    return max(least, default=NOTHING_TO_CHARGE)


def _unpaid(subscription_id: UUID) -> UUID | None:
    """An invoice that may still be paid. A payment of a closed one may still come in: then it goes back by itself."""
    open_one = InvoiceRow.subscription_id == subscription_id, InvoiceRow.state == "not_paid"
    newest = select(InvoiceRow.id).where(*open_one).order_by(InvoiceRow.created_at.desc()).limit(1)
    return db.session.scalar(newest)


def _refunding(subscription_id: UUID) -> bool:
    open_one = RefundRow.subscription_id == subscription_id, RefundRow.state.in_(OPEN_REFUND)
    return bool(db.session.scalar(select(exists().where(*open_one))))


def _page_of(payment_id: UUID) -> str | None:
    payment = rows.find(Payment, PaymentRow.id == payment_id)
    return payment.redirect_url if payment and payment.state == "requires_action" else None


def _is_open(invoice_id: UUID) -> bool:
    found = db.session.scalar(select(InvoiceRow.state).where(InvoiceRow.id == invoice_id)) == "not_paid"
    end_reads()
    return found
