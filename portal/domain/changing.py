"""Moving a subscription to another plan of its group: the quote, its use, and what follows once it is paid."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction
from uuid import UUID

from portal.domain.bounds import OWN_TRY
from portal.domain.calendar import Interval, step
from portal.domain.change import Change, Move, Set, Write
from portal.domain.dunning import next_action_at, renews
from portal.domain.errors import NotChangeable, PaymentInProgress, QuoteVoid
from portal.domain.ids import new_id
from portal.domain.invoice import Invoice, InvoiceLine, issue
from portal.domain.method import PaymentMethod
from portal.domain.payment import intent
from portal.domain.plan import Plan, Price
from portal.domain.policy import Policy
from portal.domain.pricing import Quote, QuoteLine
from portal.domain.proration import Held, Sums, difference, fresh, nothing, shares
from portal.domain.quote import VALID_FOR, ChangeQuote
from portal.domain.subscription import Period, Subscription

REASON = "plan_change"
UNBOOKED: dict[str, object] = {"booked_plan_id": None, "booked_price_id": None}
RETRY_AFTER = timedelta(seconds=5)


@dataclass(frozen=True)
class Terms:
    plan: Plan
    price: Price

    def as_long_as(self, other: Terms) -> bool:
        return same_interval(self.plan, other.plan)


@dataclass(frozen=True)
class Standing:
    """A subscription with all that was paid for time which is not over."""

    subscription: Subscription
    terms: Terms
    held: tuple[Held, ...]
    left: Fraction  # intervals that were paid for
    given: bool  # time that an operator granted is not over either
    unpaid: UUID | None = None  # an invoice of it that may still be paid, or is being paid
    refunding: bool = False  # money for it is on its way back
    periods: tuple[Period, ...] = ()  # that are not over


@dataclass(frozen=True)
class Execution:
    change: Change
    invoice_id: UUID | None = None
    payment_id: UUID | None = None  # to be charged after the commit


def same_interval(one: Plan, other: Plan) -> bool:
    return (one.interval, one.interval_count) == (other.interval, other.interval_count)


def refuse_unchangeable(standing: Standing, plan: Plan, now: datetime) -> datetime:
    """The end of the time that runs. Raises NotChangeable, PaymentInProgress."""
    subscription = standing.subscription
    facts = {"subscription_id": subscription.id}
    if subscription.state not in ("trialing", "active") or subscription.parked_at is not None:
        what = "parked" if subscription.parked_at is not None else subscription.state
        raise NotChangeable(f"the subscription is {what}", **facts)
    if subscription.disputed_at is not None:
        raise NotChangeable("a payment of it is under dispute at the bank", **facts)
    if plan.group != subscription.group:
        raise NotChangeable(f"{plan.code} is of another group", **facts)
    if plan.id == subscription.plan_id:
        raise NotChangeable(f"it is {plan.code} already", **facts)
    if standing.unpaid is not None:
        raise PaymentInProgress("an invoice of it is open", invoice_id=standing.unpaid, retry_after=RETRY_AFTER)
    if standing.refunding:
        raise NotChangeable("money for it is on its way back", **facts)
    until = subscription.trial_end if subscription.state == "trialing" else subscription.paid_through
    if until is None or until <= now:
        raise NotChangeable("its time is over, and a renewal is due", **facts)
    return until


def quote(standing: Standing, target: Terms, now: datetime, smallest: int) -> ChangeQuote:
    """Raises NotChangeable, PaymentInProgress. `smallest`: what the payment system charges at least."""
    until = refuse_unchangeable(standing, target.plan, now)
    subscription = standing.subscription
    moment, anew, sums = _priced(standing, target, smallest)
    if moment == "period_end" and not renews(subscription):
        raise NotChangeable("it does not renew, so nothing follows its time", subscription_id=subscription.id)
    return ChangeQuote(
        id=new_id(now),
        user_id=subscription.user_id,
        subscription_id=subscription.id,
        fingerprint=fingerprint(standing, target),
        from_plan_id=subscription.plan_id,
        from_price_id=subscription.price_id,
        plan_id=target.plan.id,
        price_id=target.price.id,
        moment=moment,
        anew=anew,
        gross_minor=sums.gross.minor,
        credit_minor=sums.credit.minor,
        waived_minor=sums.waived.minor,
        currency=target.price.currency,
        left=str(standing.left),
        carried=shares(sums, standing.held) if anew else {},
        until=until,
        then_at=_interval_from(now, subscription, target.plan) if anew else until,
        created_at=now,
        expires_at=now + VALID_FOR,
    )


def _priced(standing: Standing, target: Terms, smallest: int) -> tuple[str, bool, Sums]:
    """When, whether the time begins anew, and what is paid today."""
    old, new = standing.terms.price.amount, target.price.amount
    free = nothing(new.currency)
    if standing.subscription.state == "trialing":
        return "now", False, free
    if standing.terms.as_long_as(target):
        if new < old:
            return "period_end", False, free
        if new == old:
            return "now", False, free
        return "now", False, difference(new, standing.left, standing.held, smallest)
    # Nobody paid for time that was given, so it has no price to be credited: it is used first.
    sums = None if standing.given else fresh(new, standing.held, smallest)
    return ("period_end", False, free) if sums is None else ("now", True, sums)


def fingerprint(standing: Standing, target: Terms) -> str:
    """Another one as soon as anything has changed that a quote is reckoned from, but for the time that passes."""
    subscription = standing.subscription
    columns = ("id", "plan_id", "price_id", "state", "anchor", "steps", "paid_through", "trial_end", "auto_renew")
    more = ("payment_method_id", "booked_plan_id", "booked_price_id", "parked_at")
    told = [str(getattr(subscription, name)) for name in columns + more]
    told += [f"{one.payment_id} {one.money.minor}" for one in standing.held]
    return hashlib.sha256("\n".join([*told, str(target.price.id), str(standing.given)]).encode()).hexdigest()


def execute(
    quoted: ChangeQuote,
    standing: Standing,
    target: Terms,
    method: PaymentMethod | None,
    provider: str,
    now: datetime,
    policy: Policy,
) -> Execution:
    """What the customer saw is what is done. Raises QuoteVoid, NotChangeable, PaymentInProgress."""
    if quoted.used_at is not None:
        raise QuoteVoid("this quote was used before", invoice_id=quoted.invoice_id)
    if now >= quoted.expires_at:
        raise QuoteVoid("this quote has expired")
    refuse_unchangeable(standing, target.plan, now)
    if quoted.fingerprint != fingerprint(standing, target):
        raise QuoteVoid("the subscription has changed since")
    subscription, used = standing.subscription, {"used_at": now}
    if quoted.moment == "period_end":
        booked = {"booked_plan_id": target.plan.id, "booked_price_id": target.price.id}
        return _execution(quoted, [Move(subscription, "change_booked", booked)], used, now)
    if quoted.today:
        return _to_be_paid(quoted, subscription, target, method, provider, now, policy)
    if not quoted.anew:
        return _execution(quoted, moved(quoted, subscription, target.plan, None, (), now, policy), used, now)
    invoice, lines = _invoice(quoted, subscription, target, provider, now, policy)
    paid = replace(invoice, state="paid", paid_at=now)
    applied = moved(quoted, subscription, target.plan, paid, standing.periods, now, policy)
    return _execution(quoted, [paid, *lines, *applied], used | {"invoice_id": paid.id}, now, paid.id)


def unbook(subscription: Subscription, now: datetime, actor: str) -> Change | None:
    """The plan stays as it is. None: nothing is booked."""
    if subscription.booked_plan_id is None:
        return None
    writes = (Move(subscription, "change_unbooked", dict(UNBOOKED)),)
    return Change(subscription.user_id, now, actor, writes, reason=REASON)


def stands(quoted: ChangeQuote | None, subscription: Subscription, now: datetime) -> bool:
    """Whether what was paid can still be given: the time that the sum was reckoned for runs, on the old plan."""
    if quoted is None or quoted.applied_at is not None or subscription.state != "active" or now >= quoted.until:
        return False
    was = quoted.from_plan_id, quoted.from_price_id, quoted.until
    return was == (subscription.plan_id, subscription.price_id, subscription.paid_through)


def moved(
    quoted: ChangeQuote,
    subscription: Subscription,
    plan: Plan,
    invoice: Invoice | None,
    periods: Sequence[Period],
    now: datetime,
    policy: Policy,
) -> list[Write]:
    """The plan moves. `periods`: those that are not over, which new time takes the place of."""
    facts = UNBOOKED | {"plan_id": quoted.plan_id, "price_id": quoted.price_id}
    cut: list[Write] = []
    given: list[Write] = []
    if quoted.anew:
        assert invoice is not None  # noqa: S101 - time is given by an invoice
        end = _interval_from(now, subscription, plan)
        facts |= {"anchor": now, "steps": 1, "paid_through": end}
        cut = [_cut(period, now) for period in periods]
        given = [Period(new_id(now), subscription.id, now, end, 1, invoice.id, now)]
    after = replace(subscription, **facts)  # type: ignore[arg-type]  # columns of the row
    facts["next_action_at"] = next_action_at(after, plan, policy)
    return [
        *cut,
        Move(subscription, "plan_changed", facts),
        *given,
        Set(quoted, {"used_at": quoted.used_at or now, "applied_at": now}),
    ]


def returned(quoted: ChangeQuote, subscription: Subscription, plan: Plan, now: datetime, policy: Policy) -> list[Write]:
    """The money for a better plan was given back: the old one (`plan`) runs on, where the better one still does."""
    given_back: list[Write] = [Set(quoted, {"returned_at": now})]
    better = quoted.plan_id, quoted.price_id
    if subscription.state != "active" or better != (subscription.plan_id, subscription.price_id):
        return given_back
    facts = UNBOOKED | {"plan_id": quoted.from_plan_id, "price_id": quoted.from_price_id}
    after = replace(subscription, **facts)  # type: ignore[arg-type]  # columns of the row
    facts["next_action_at"] = next_action_at(after, plan, policy)
    return [*given_back, Move(subscription, "plan_returned", facts)]


def _cut(period: Period, now: datetime) -> Set:
    """Time that has not begun is taken out, time that runs ends here."""
    return Set(period, {"revoked_at": now} if period.start >= now else {"end": now})


def _interval_from(now: datetime, subscription: Subscription, plan: Plan) -> datetime:
    return step(now, subscription.zone, Interval(plan.interval), plan.interval_count)


def _to_be_paid(
    quoted: ChangeQuote,
    subscription: Subscription,
    target: Terms,
    method: PaymentMethod | None,
    provider: str,
    now: datetime,
    policy: Policy,
) -> Execution:
    """Nothing moves before it is paid. With a method it is charged, without one the customer pays on a page."""
    invoice, lines = _invoice(quoted, subscription, target, method.provider if method else provider, now, policy)
    writes: list[Write] = [invoice, *lines]
    payment_id = None
    if method is not None:
        payment = intent(invoice, subscription, now, kind="charge", method=method)
        why = {**payment.why, OWN_TRY: True, "quote": str(quoted.id), "left": quoted.left}
        payment = replace(payment, why=why, expires_at=invoice.expires_at)
        writes.append(payment)
        payment_id = payment.id
    used = {"used_at": now, "invoice_id": invoice.id}
    return replace(_execution(quoted, writes, used, now, invoice.id), payment_id=payment_id)


def _invoice(
    quoted: ChangeQuote, subscription: Subscription, target: Terms, provider: str, now: datetime, policy: Policy
) -> tuple[Invoice, list[InvoiceLine]]:
    less = quoted.credit_minor + quoted.waived_minor
    gross, discount = (replace(quoted.today, minor=minor) for minor in (quoted.gross_minor, less))
    return issue(
        subscription,
        Quote((QuoteLine(target.plan, gross, 1, discount),)),
        price_id=target.price.id,
        reason=REASON,
        due_at=now,
        provider=provider,
        renews=subscription.auto_renew,
        expires_at=min(now + policy.checkout_ttl, quoted.until),
        now=now,
    )


def _execution(
    quoted: ChangeQuote,
    writes: Sequence[Write],
    used: Mapping[str, object],
    now: datetime,
    invoice_id: UUID | None = None,
) -> Execution:
    """The invoice first: the quote names it."""
    actor = f"user:{quoted.user_id}"
    change = Change(quoted.user_id, now, actor, (*writes, Set(quoted, used)), reason=REASON, invoice_id=invoice_id)
    return Execution(change, invoice_id)
