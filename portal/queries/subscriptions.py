"""A user's subscriptions as pages and the API show them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, exists, or_, select

from portal.db import rows
from portal.db.session import db
from portal.domain import dunning
from portal.domain.access import until
from portal.domain.money import Money
from portal.domain.plan import Plan, Price
from portal.domain.policy import Policy
from portal.domain.subscription import LIVE, Period, Subscription
from portal.models.plan import PlanRow, PriceRow
from portal.models.subscription import PeriodRow, SubscriptionRow
from portal.models.user import PaymentMethodRow
from portal.queries import upcoming
from portal.queries.upcoming import Upcoming

OWING = ("past_due", "suspended")


@dataclass(frozen=True)
class NextStep:
    """What happens by itself, when, and for how much. `price` is None where nothing is charged."""

    what: str  # renewal | retry | end
    at: datetime
    price: Money | None


@dataclass(frozen=True)
class SubscriptionCard:
    subscription: Subscription
    plan: Plan
    period: Period | None  # the one that runs now, else the last
    access_until: datetime | None
    next: NextStep | None
    method_title: str | None
    first_start: datetime | None
    price: Money  # of the next interval: what is owed, booked, moved by operators, or as it was sold
    gives_up_at: datetime | None  # when it ends if what is owed is never paid; None: nothing is owed
    last_invoice_id: UUID | None  # of the time, or the better plan, bought last: that comes back first
    sold_at: Money | None = None  # of the interval that runs, where the next one costs something else
    booked: Plan | None = None  # the plan that follows, where the customer has chosen another one


def of_user(user_id: str, now: datetime, policy: Policy) -> list[SubscriptionCard]:
    """Live and ended ones, the live first, then the newest first. A few statements, whatever the number of rows."""
    mine = SubscriptionRow.user_id == user_id, SubscriptionRow.state != "expired"
    return sorted(_cards(*mine, now=now, policy=policy), key=lambda card: not card.subscription.live)


def find(subscription_id: UUID, now: datetime, policy: Policy) -> SubscriptionCard | None:
    """Anybody's, in any state."""
    found = _cards(SubscriptionRow.id == subscription_id, now=now, policy=policy)
    return found[0] if found else None


def in_group(user_id: str, group: str) -> Subscription | None:
    """The one subscription of a group that is not over."""
    return rows.find(
        Subscription,
        SubscriptionRow.user_id == user_id,
        SubscriptionRow.group == group,
        or_(SubscriptionRow.state == "pending", SubscriptionRow.state.in_(LIVE)),
    )


def had_trial(user_id: str, group: str) -> bool:
    """Ever, in this group of plans: one that began, however it ended."""
    tried = SubscriptionRow.user_id == user_id, SubscriptionRow.group == group, SubscriptionRow.trial_end.is_not(None)
    return bool(db.session.scalar(select(exists().where(*tried))))


def _cards(*where: ColumnElement[bool], now: datetime, policy: Policy) -> list[SubscriptionCard]:
    """Newest first."""
    subscription, plan, price = SubscriptionRow.__table__, PlanRow.__table__, PriceRow.__table__
    statement = (
        select(subscription, plan, price, PaymentMethodRow.title.label("method_title"))
        .join(plan, plan.c.id == subscription.c.plan_id)
        .join(price, price.c.id == subscription.c.price_id)
        .outerjoin(PaymentMethodRow, PaymentMethodRow.id == subscription.c.payment_method_id)
        .where(*where)
        .order_by(subscription.c.created_at.desc(), subscription.c.id.desc())
    )
    found = db.session.execute(statement).mappings().all()
    mine = [rows.read_from(Subscription, subscription, row) for row in found]
    periods = _periods([one.id for one in mine])
    follows = upcoming.of(mine)
    better = upcoming.refundable_first([one.id for one in mine], now)
    return [
        _card(
            one,
            rows.read_from(Plan, plan, row),
            rows.read_from(Price, price, row),
            row["method_title"],
            periods.get(one.id, []),
            follows.get(one.id),
            better.get(one.id),
            now,
            policy,
        )
        for one, row in zip(mine, found, strict=True)
    ]


def _periods(ids: list[UUID]) -> dict[UUID, list[Period]]:
    by_subscription: dict[UUID, list[Period]] = {}
    for period in rows.find_all(
        Period, PeriodRow.subscription_id.in_(ids), PeriodRow.revoked_at.is_(None), order=[PeriodRow.start]
    ):
        by_subscription.setdefault(period.subscription_id, []).append(period)
    return by_subscription


def _card(
    subscription: Subscription,
    plan: Plan,
    price: Price,
    method_title: str | None,
    periods: list[Period],
    follows: Upcoming | None,
    better: tuple[UUID, datetime] | None,
    now: datetime,
    policy: Policy,
) -> SubscriptionCard:
    running = [period for period in periods if period.start <= now < period.end]
    bought = next((period for period in reversed(periods) if period.bought), None)
    on_top = better is not None and bought is not None and bought.end <= better[1]
    next_price = follows.price if follows else price.amount
    return SubscriptionCard(
        subscription=subscription,
        plan=plan,
        period=running[0] if running else periods[-1] if periods else None,
        access_until=until(subscription, plan, policy),
        next=next_step(subscription, plan, next_price, policy),
        method_title=method_title,
        first_start=periods[0].start if periods else None,
        price=next_price,
        sold_at=price.amount if next_price != price.amount else None,
        booked=follows.booked if follows else None,
        gives_up_at=dunning.give_up_at(subscription, policy) if subscription.state in OWING else None,
        last_invoice_id=better[0] if better and on_top else bought.invoice_id if bought else None,
    )


def next_step(subscription: Subscription, plan: Plan, price: Money, policy: Policy) -> NextStep | None:
    """A charge is one interval at the price the subscription was sold at; without one, the time that is left ends."""
    if subscription.next_action_at is None:
        return None
    retry = dunning.next_retry(subscription, policy)
    if subscription.state in OWING and retry is not None:
        return NextStep("retry", retry, price)
    due = subscription.runs_until
    if subscription.state in ("trialing", "active") and dunning.renews(subscription) and due:
        return NextStep("renewal", max(due, retry or due), price)
    end = dunning.next_action_at(subscription, plan, policy)
    return NextStep("end", end, None) if end else None
