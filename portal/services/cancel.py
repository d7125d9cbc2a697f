"""Cancelling a subscription, at once or at the end of what was paid for; resuming it."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select

from portal import runtime
from portal.db.session import atomic, db
from portal.domain import cancelling
from portal.domain.cancelling import Standing, When
from portal.domain.errors import NotFound
from portal.domain.user import Person
from portal.models.subscription import SubscriptionRow
from portal.services import journal, standing
from portal.services.methods import chargeable


def cancel(person: Person, subscription_id: UUID, when: When) -> None:
    """Repeating is no error. Raises NotFound, AlreadyEnded."""
    now = runtime.clock.now()
    with atomic():
        facts = _mine(person, subscription_id)
        change = cancelling.cancel(facts, when, now, f"user:{person.id}", runtime.policy)
        if change:
            journal.record([change])


def resume(person: Person, subscription_id: UUID) -> None:
    """Renewal goes on. Repeating is no error. Raises NotFound, NotResumable, MethodRequired."""
    now = runtime.clock.now()
    with atomic():
        facts = _mine(person, subscription_id)
        method_id = facts.subscription.payment_method_id
        ready = chargeable(method_id, person.id) is not None
        change = cancelling.resume(facts, ready, now, f"user:{person.id}", runtime.policy)
        if change:
            journal.record([change])


def _mine(person: Person, subscription_id: UUID) -> Standing:
    owner = db.session.scalar(select(SubscriptionRow.user_id).where(SubscriptionRow.id == subscription_id))
    if owner != person.id:
        raise NotFound(f"no subscription {subscription_id}")
    return standing.to_cancel(subscription_id)
