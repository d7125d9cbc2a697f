"""Renewing: every subscription whose moment has come, claimed by its user's row, decided, recorded, then charged."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from sqlalchemy import ColumnElement, select, tuple_

from portal import failpoints, runtime
from portal.db import rows
from portal.db.engines import locked
from portal.db.session import atomic, db, end_reads
from portal.domain import renewing
from portal.domain.invoice import Invoice
from portal.domain.method import PaymentMethod
from portal.domain.payment import OPEN
from portal.domain.plan import Plan, Price
from portal.domain.renewing import Decision, Standing
from portal.domain.subscription import Subscription
from portal.models.invoice import InvoiceRow
from portal.models.payment import PaymentRow
from portal.models.plan import PlanRow, PriceRow
from portal.models.subscription import SubscriptionRow
from portal.models.user import PaymentMethodRow, UserRow
from portal.services import collect, journal
from portal.services.one_by_one import one_by_one

CHUNK = 50
Place: TypeAlias = tuple[datetime, UUID]  # when it was due, and which


def run_once() -> int:
    """Everything that is due, in chunks; several processes share the work. Answers how many were dealt with."""
    one_by_one(_left_behind(), collect.charge)
    decided, reached = _decide_chunk(None)
    done = len(decided)
    while reached is not None:
        one_by_one([one.payment_id for one in decided if one.payment_id is not None], collect.charge)
        decided, reached = _decide_chunk(reached)
        done += len(decided)
    return done


def next_due() -> datetime | None:
    """When the next subscription wants attention."""
    return db.session.scalar(
        select(SubscriptionRow.next_action_at)
        .where(SubscriptionRow.next_action_at.is_not(None), *_claimable())
        .order_by(SubscriptionRow.next_action_at)
        .limit(1)
    )


def _decide_chunk(reached: Place | None) -> tuple[list[Decision], Place | None]:
    """Claim, decide and record one chunk in one commit. Answers how far it got; None: nothing is left that is due."""
    now = runtime.clock.now()
    with atomic():
        claimed, reached = _claim(now, reached)
        decisions = [renewing.decide(standing, now, runtime.policy) for standing in _standings(claimed)]
        journal.record([decision.change for decision in decisions if decision.change])
    failpoints.reached("renew.intended")
    return decisions, reached


def _claim(now: datetime, reached: Place | None) -> tuple[list[Subscription], Place | None]:
    """Due subscriptions whose users nobody else is working on; the locks are on the users' rows.

    Each is met once in a run, whatever became of it: the next chunk begins behind the last one's place.
    """
    place = tuple_(SubscriptionRow.next_action_at, SubscriptionRow.id)
    statement = (
        select(SubscriptionRow.next_action_at, SubscriptionRow.id)
        .join(UserRow, UserRow.id == SubscriptionRow.user_id)
        .where(SubscriptionRow.next_action_at <= now, *_claimable())
        .order_by(SubscriptionRow.next_action_at, SubscriptionRow.id)
        .limit(CHUNK)
    )
    if reached is not None:
        statement = statement.where(place > reached)
    found = db.session.execute(locked(statement, of=UserRow, skip=True)).all()
    if not found:
        return [], None
    ids = [one for _, one in found]
    claimed = rows.find_all(
        Subscription, SubscriptionRow.id.in_(ids), *_claimable(), order=[SubscriptionRow.id], lock=True
    )
    return claimed, found[-1]


def _claimable() -> tuple[ColumnElement[bool], ...]:
    """Not parked, and no payment of it open: while one may still succeed, nothing else happens by itself."""
    busy = select(PaymentRow.id).where(PaymentRow.subscription_id == SubscriptionRow.id, PaymentRow.state.in_(OPEN))
    return SubscriptionRow.parked_at.is_(None), ~busy.exists()


def _standings(claimed: Sequence[Subscription]) -> list[Standing]:
    """What each decision needs, in four statements for the whole chunk."""
    plans = {p.id: p for p in rows.find_all(Plan, PlanRow.id.in_({s.plan_id for s in claimed}))}
    prices = {p.id: p for p in rows.find_all(Price, PriceRow.id.in_({s.price_id for s in claimed}))}
    methods = {
        m.id: m for m in rows.find_all(PaymentMethod, PaymentMethodRow.id.in_({s.payment_method_id for s in claimed}))
    }
    mine = InvoiceRow.subscription_id.in_({s.id for s in claimed})
    unpaid = {(i.subscription_id, i.reason): i for i in rows.find_all(Invoice, mine, InvoiceRow.state == "not_paid")}
    return [
        Standing(
            subscription=s,
            plan=plans[s.plan_id],
            price=prices[s.price_id],
            invoice=unpaid.get((s.id, "renewal")),
            purchase=unpaid.get((s.id, "purchase")),
            method=methods.get(s.payment_method_id) if s.payment_method_id else None,
        )
        for s in claimed
    ]


def _left_behind() -> list[UUID]:
    """Intents whose process died before it called: they are sent now, the same payment, the same key."""
    found = list(db.session.scalars(select(PaymentRow.id).where(PaymentRow.state == "created")))
    end_reads()
    return found
