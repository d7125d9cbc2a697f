"""Payment methods: which may be charged, which one renewals use, removing one."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import exists, func, select

from portal import failpoints, runtime
from portal.db import rows
from portal.db.session import atomic, db, end_reads
from portal.domain import methods
from portal.domain.change import Change, Set
from portal.domain.errors import NotFound
from portal.domain.method import PaymentMethod
from portal.domain.payment import Payment
from portal.domain.plan import Plan
from portal.domain.purchasing import CONSENT_TEXT_VERSION
from portal.domain.subscription import LIVE, Subscription
from portal.domain.user import Person
from portal.models.payment import PaymentRow
from portal.models.plan import PlanRow
from portal.models.subscription import SubscriptionRow
from portal.models.user import ConsentRow, PaymentMethodRow
from portal.services import journal, standing
from portal.services.one_by_one import one_by_one


def chargeable(method_id: UUID | None, user_id: str) -> PaymentMethod | None:
    """The user's own method, not removed, and the consent to charge it not taken back."""
    if method_id is None:
        return None
    taken_back = exists().where(
        ConsentRow.payment_method_id == method_id, ConsentRow.kind == "renewal", ConsentRow.given.is_(False)
    )
    method = rows.find(PaymentMethod, PaymentMethodRow.id == method_id, PaymentMethodRow.user_id == user_id)
    if method is None or method.removed_at is not None or db.session.scalar(select(taken_back)):
        return None
    return method


def use(person: Person, method_id: UUID) -> None:
    """Renew every live subscription with this method. Repeating changes nothing. Raises NotFound."""
    now = runtime.clock.now()
    with atomic():
        standing.lock_user(person.id)
        method = chargeable(method_id, person.id)
        if method is None:
            raise NotFound(f"no payment method {method_id}")
        journal.record([methods.use(method, held_by(person.id), now, f"user:{person.id}", runtime.policy)])


def remove(person: Person, method_id: UUID) -> None:
    """Never charge it again, then let the payment system forget it. Repeating is no error. Raises NotFound."""
    now = runtime.clock.now()
    with atomic():
        standing.lock_user(person.id)
        method = rows.find(PaymentMethod, PaymentMethodRow.id == method_id, PaymentMethodRow.user_id == person.id)
        if method is None:
            raise NotFound(f"no payment method {method_id}")
        if method.removed_at is None:
            held = held_by(person.id)
            locale = person.locale or runtime.settings.default_locale
            taken_back = methods.revocation(method, now, CONSENT_TEXT_VERSION, locale)
            journal.record([methods.remove(method, held, _unsent(method_id), taken_back, now, runtime.policy)])
    failpoints.reached("method.removed")
    if method.detached_at is None:
        detach(method)


def detach(method: PaymentMethod) -> None:
    """Best effort: the worker tries again until the payment system has forgotten it."""
    end_reads()
    if not runtime.providers[method.provider].detach(method.method_ref):
        return
    failpoints.reached("detach.answered")
    now = runtime.clock.now()
    with atomic():
        gone = Set(method, {"detached_at": now})
        journal.record([Change(method.user_id, now, f"provider:{method.provider}", (gone,), reason="detached")])


def detach_removed(size: int = 100) -> int:
    """Methods that were removed here and not yet there, so many at most. Answers how many were tried.

    Which of more are tried is left to chance: those that cannot be forgotten then hold back nobody for long. What a
    payment system that is switched off has to forget waits for it.
    """
    waiting = PaymentMethodRow.removed_at.is_not(None), PaymentMethodRow.detached_at.is_(None)
    some = select(PaymentMethodRow.id).where(*waiting, PaymentMethodRow.provider.in_(list(runtime.providers)))
    found = sorted(db.session.scalars(some.order_by(func.random()).limit(size)))
    end_reads()
    one_by_one(found, _detach_by_id)
    return len(found)


def _detach_by_id(method_id: UUID) -> None:
    method = rows.find(PaymentMethod, PaymentMethodRow.id == method_id, PaymentMethodRow.detached_at.is_(None))
    if method is not None:
        detach(method)


def held_by(user_id: str) -> list[tuple[Subscription, Plan]]:
    """A user's live subscriptions, locked, with their plans."""
    held = rows.find_all(
        Subscription,
        SubscriptionRow.user_id == user_id,
        SubscriptionRow.state.in_(LIVE),
        order=[SubscriptionRow.id],
        lock=True,
    )
    plans = {plan.id: plan for plan in rows.find_all(Plan, PlanRow.id.in_({s.plan_id for s in held}))}
    return [(subscription, plans[subscription.plan_id]) for subscription in held]


def _unsent(method_id: UUID) -> list[Payment]:
    return rows.find_all(
        Payment,
        PaymentRow.payment_method_id == method_id,
        PaymentRow.state == "created",
        order=[PaymentRow.id],
        lock=True,
    )
