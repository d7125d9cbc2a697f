"""Renewing: every subscription whose moment has come, claimed by its user's row, decided, recorded, then charged."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from sqlalchemy import ColumnElement, select, tuple_

from portal import failpoints, runtime
from portal.db import rows
from portal.db.engines import locked
from portal.db.session import AWAY, atomic, db, end_reads
from portal.domain import bounds, parking, renewing
from portal.domain.invoice import Invoice
from portal.domain.method import PaymentMethod
from portal.domain.moving import price_from
from portal.domain.payment import OPEN
from portal.domain.plan import Plan, Price
from portal.domain.renewing import Decision, Standing
from portal.domain.subscription import Subscription
from portal.models.invoice import InvoiceRow
from portal.models.payment import PaymentRow
from portal.models.plan import PlanRow, PriceRow
from portal.models.subscription import SubscriptionRow
from portal.models.user import PaymentMethodRow, UserRow
from portal.queries import price_moves
from portal.services import collect, journal, standing
from portal.services.one_by_one import one_by_one

log = logging.getLogger(__name__)

CHUNK = 50
Place: TypeAlias = tuple[datetime, UUID]  # when it was due, and which


class _Broke(Exception):
    """What the rows of these subscriptions say cannot be written."""

    def __init__(self, ids: Sequence[UUID], reached: Place | None) -> None:
        super().__init__(", ".join(map(str, ids)))
        self.ids, self.reached = ids, reached


def run_once() -> int:
    """Everything that is due, in chunks; several processes share the work. Answers how many were dealt with."""
    one_by_one(_left_behind(), collect.charge)
    room = runtime.policy.charges_per_run
    decided, reached = _decide_chunk(None, room)
    done = len(decided)
    while decided or reached is not None:
        charges = [one.payment_id for one in decided if one.payment_id is not None]
        room -= len(charges)
        one_by_one(charges, collect.charge)
        decided, reached = _decide_chunk(reached, room) if reached is not None else ([], None)
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


def _decide_chunk(reached: Place | None, room: int) -> tuple[list[Decision], Place | None]:
    """Claim, decide and record one chunk in one commit. Answers how far it got; None: nothing is left that is due.

    Where that breaks, each of the chunk has a commit of its own, and the one that breaks it is parked.
    """
    try:
        decisions, reached = _decide(reached, room, CHUNK)
    except _Broke:
        log.exception("a chunk could not be renewed: one by one now")
        decisions, reached = _decide_one_by_one(reached, room)
    if any(one.payment_id for one in decisions):
        failpoints.reached("renew.intended")
    return decisions, reached


def _decide(reached: Place | None, room: int, size: int) -> tuple[list[Decision], Place | None]:
    now = runtime.clock.now()
    with atomic():
        claimed, reached = _claim(now, reached, size)
        failpoints.reached("renew.claimed")
        try:
            decisions = []
            for held in _standings(claimed, now):
                decisions.append(renewing.decide(held, now, runtime.policy, room))
                room -= decisions[-1].payment_id is not None
            journal.record([decision.change for decision in decisions if decision.change])
            failpoints.reached("renew.recorded")
        except AWAY:
            raise
        except Exception as error:
            raise _Broke([subscription.id for subscription in claimed], reached) from error
    return decisions, reached


def _decide_one_by_one(reached: Place | None, room: int) -> tuple[list[Decision], Place | None]:
    decided: list[Decision] = []
    for _ in range(CHUNK):
        try:
            found, reached = _decide(reached, room, 1)
        except _Broke as broke:
            log.exception("subscription %s cannot go on: parked", broke)
            _park(broke.ids)
            found, reached = [], broke.reached
        decided += found
        room -= sum(one.payment_id is not None for one in found)
        if reached is None:
            break
    return decided, reached


def _park(ids: Sequence[UUID]) -> None:
    now = runtime.clock.now()
    for subscription_id in ids:
        with atomic():
            subscription = standing.lock_owned(subscription_id)
            change = parking.park(subscription, "broken", now, renewing.ACTOR)
            journal.record([change] if change else [])


def _claim(now: datetime, reached: Place | None, size: int) -> tuple[list[Subscription], Place | None]:
    """Due subscriptions whose users nobody else is working on; the locks are on the users' rows.

    Each is met once in a run, whatever became of it: the next chunk begins behind the last one's place.
    """
    place = tuple_(SubscriptionRow.next_action_at, SubscriptionRow.id)
    statement = (
        select(SubscriptionRow.next_action_at, SubscriptionRow.id)
        .join(UserRow, UserRow.id == SubscriptionRow.user_id)
        .where(SubscriptionRow.next_action_at <= now, *_claimable())
        .order_by(SubscriptionRow.next_action_at, SubscriptionRow.id)
        .limit(size)
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


def _standings(claimed: Sequence[Subscription], now: datetime) -> list[Standing]:
    """What each decision needs, in a few statements for the whole chunk."""
    charged = _charged_today(claimed, now)
    next_prices = _next_prices(claimed)
    wanted = {s.plan_id for s in claimed} | {s.booked_plan_id for s in claimed if s.booked_plan_id}
    plans = {p.id: p for p in rows.find_all(Plan, PlanRow.id.in_(wanted))}
    prices = {p.id: p for p in rows.find_all(Price, PriceRow.id.in_(set(next_prices.values())))}
    methods = {
        m.id: m for m in rows.find_all(PaymentMethod, PaymentMethodRow.id.in_({s.payment_method_id for s in claimed}))
    }
    mine = InvoiceRow.subscription_id.in_({s.id for s in claimed})
    unpaid = {(i.subscription_id, i.reason): i for i in rows.find_all(Invoice, mine, InvoiceRow.state == "not_paid")}
    return [
        Standing(
            subscription=s,
            plan=plans[s.plan_id],
            price=prices[next_prices[s.id]],
            invoice=unpaid.get((s.id, "renewal")),
            purchase=unpaid.get((s.id, "purchase")),
            method=methods.get(s.payment_method_id) if s.payment_method_id else None,
            charged_today=charged[s.id],
            booked=plans[s.booked_plan_id] if s.booked_plan_id else None,
            change=unpaid.get((s.id, "plan_change")),
        )
        for s in claimed
    ]


def _next_prices(claimed: Sequence[Subscription]) -> dict[UUID, UUID]:
    """By subscription. What a customer has booked keeps its price; a moved one counts from its date on."""
    moves = price_moves.of_plans({s.plan_id for s in claimed if s.booked_price_id is None})
    return {s.id: s.booked_price_id or price_from(s.price_id, s.runs_until or s.created_at, moves) for s in claimed}


def _charged_today(claimed: Sequence[Subscription], now: datetime) -> Counter[UUID]:
    """Scheduled charges of the last 24 hours. What never reached the bank backs off by itself and is not counted."""
    found = db.session.execute(
        select(PaymentRow.subscription_id, PaymentRow.why).where(
            PaymentRow.subscription_id.in_({subscription.id for subscription in claimed}),
            PaymentRow.kind == "charge",
            PaymentRow.sent_at > now - bounds.A_DAY,
            PaymentRow.decline_kind.is_distinct_from("gateway"),
        )
    )
    return Counter(subscription_id for subscription_id, why in found if not why.get(bounds.OWN_TRY))


def _left_behind() -> list[UUID]:
    """Intents whose process died before it called: they are sent now, the same payment, the same key."""
    found = list(db.session.scalars(select(PaymentRow.id).where(PaymentRow.state == "created")))
    end_reads()
    return found
