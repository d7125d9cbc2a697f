"""What an order becomes, given what the customer already has in that group of plans."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from portal.domain.change import Change, Move, Write
from portal.domain.consent import Agreement, Consent
from portal.domain.errors import ConsentRequired, PaymentInProgress, SubscriptionExists
from portal.domain.ids import new_id
from portal.domain.invoice import Invoice, issue
from portal.domain.payment import Payment
from portal.domain.plan import Plan, Price
from portal.domain.policy import Policy
from portal.domain.pricing import Quote, quote, trial
from portal.domain.subscription import Subscription
from portal.domain.user import User

MAX_COUNT = 12
CONSENT_TEXT_VERSION = "2026-11"  # of the sentences beside the boxes; they change together


@dataclass(frozen=True)
class Order:
    plan: Plan
    price: Price
    count: int
    provider: str
    agreement: Agreement
    return_url: str | None = None
    trial_days: int = 0  # (trials.days) the order saves a method now, and is charged after them

    @property
    def quote(self) -> Quote:
        if self.trial_days:
            return trial(self.plan, self.price)
        return quote(self.plan, self.price, self.count)


@dataclass(frozen=True)
class Standing:
    """What the customer has in the order's group: at most one subscription that is not over, one open purchase."""

    subscription: Subscription | None
    invoice: Invoice | None
    payment: Payment | None  # the open payment of that invoice
    renewal_under_way: bool = False  # a renewal of it is being charged right now
    last_due: datetime | None = None  # of the purchases of it that were not closed


@dataclass(frozen=True)
class Purchase:
    invoice_id: UUID
    change: Change | None  # None: the same open request again


def decide(user: User, standing: Standing, order: Order, now: datetime, policy: Policy, zone: str) -> Purchase:
    """Raises ConsentRequired, SubscriptionExists, PaymentInProgress."""
    if not (order.agreement.terms and order.agreement.personal_data):
        raise ConsentRequired("terms and personal data have to be agreed to")
    refuse_if_taken(standing.subscription, order.plan)
    if standing.invoice and _same_request(standing.invoice, order, now):
        return Purchase(standing.invoice.id, None)
    if standing.renewal_under_way:
        raise PaymentInProgress("a renewal of this subscription is being charged")
    if standing.payment and standing.payment.may_hold_money:
        raise PaymentInProgress("the payment system is still working on the previous order")
    return _issue(user, standing, order, now, policy, zone)


def refuse_if_taken(subscription: Subscription | None, plan: Plan) -> None:
    """Another plan of the group is a plan change, not a purchase. Raises SubscriptionExists."""
    if subscription is None or subscription.state in ("pending", "past_due", "suspended"):
        return
    if subscription.state == "active" and subscription.plan_id == plan.id:
        return
    raise SubscriptionExists("a subscription of this group is running", subscription_id=subscription.id)


def _same_request(invoice: Invoice, order: Order, now: datetime) -> bool:
    return (
        (
            (invoice.plan_id, invoice.price_id, invoice.count, invoice.provider, invoice.renews, invoice.return_url)
            == (order.plan.id, order.price.id, order.count, order.provider, order.agreement.renewal, order.return_url)
        )
        and now < invoice.expires_at
        and (invoice.trial_days or 0) == order.trial_days
    )


def _issue(user: User, standing: Standing, order: Order, now: datetime, policy: Policy, zone: str) -> Purchase:
    writes: list[Write] = []
    if standing.invoice:
        writes.append(Move(standing.invoice, "closed", {"fail_reason": "superseded"}))
    subscription = standing.subscription
    if subscription is None:
        subscription = _pending(user, order, now, zone)
        writes.append(subscription)
    elif subscription.state == "pending":
        writes.append(Move(subscription, "superseded", {"plan_id": order.plan.id, "price_id": order.price.id}))
        subscription = replace(subscription, plan_id=order.plan.id, price_id=order.price.id)
    invoice, lines = issue(
        subscription,
        order.quote,
        price_id=order.price.id,
        reason="purchase",
        due_at=_due(standing, now),
        provider=order.provider,
        renews=order.agreement.renewal,
        expires_at=now + policy.checkout_ttl,
        now=now,
        return_url=order.return_url,
        trial_days=order.trial_days or None,
    )
    writes += [invoice, *lines, *_consents(invoice, order.agreement, now)]
    change = Change(user.id, now, f"user:{user.id}", tuple(writes), reason="purchase", invoice_id=invoice.id)
    return Purchase(invoice.id, change)


def _due(standing: Standing, now: datetime) -> datetime:
    """Now, or right after the last one: one invoice is due at one moment, also where two come in the same."""
    return now if standing.last_due is None else max(now, standing.last_due + timedelta(microseconds=1))


def _pending(user: User, order: Order, now: datetime, zone: str) -> Subscription:
    return Subscription(
        id=new_id(now),
        user_id=user.id,
        plan_id=order.plan.id,
        price_id=order.price.id,
        group=order.plan.group,
        state="pending",
        auto_renew=False,
        zone=zone,
        created_at=now,
    )


def _consents(invoice: Invoice, agreement: Agreement, now: datetime) -> list[Consent]:
    given = {"terms": agreement.terms, "personal_data": agreement.personal_data, "renewal": agreement.renewal}
    return [
        Consent(
            id=new_id(now),
            user_id=invoice.user_id,
            kind=kind,
            given=True,
            text_version=CONSENT_TEXT_VERSION,
            source=agreement.source,
            at=now,
            locale=agreement.locale,
            address=agreement.address,
            user_agent=agreement.user_agent,
            invoice_id=invoice.id,
        )
        for kind, ticked in given.items()
        if ticked
    ]
