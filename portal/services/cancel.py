"""Cancelling a subscription, at once or at the end of what was paid for; resuming it."""

from __future__ import annotations

import hmac
from contextlib import suppress
from uuid import UUID

from sqlalchemy import select

from portal import runtime
from portal.db.session import atomic, db
from portal.domain import cancelling
from portal.domain.cancelling import Standing, When
from portal.domain.errors import AlreadyEnded, NotFound
from portal.domain.user import Person
from portal.models.invoice import InvoiceRow
from portal.models.subscription import SubscriptionRow
from portal.models.user import UserRow
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


def cancel_without_sign_in(email: str, number: str) -> UUID:
    """At the end of what was paid for, as the one who knows an account's e-mail and the number of an invoice asks.

    Answers the subscription of the invoice, also where there was nothing left to cancel. Raises NotFound, whatever it
    is that does not fit.
    """
    now = runtime.clock.now()
    subscription_id, user_id = _named(email, number)
    with atomic():
        facts = standing.to_cancel(subscription_id)
        with suppress(AlreadyEnded):
            change = cancelling.cancel(facts, "period_end", now, f"unsigned:{user_id}", runtime.policy)
            if change:
                journal.record([change])
    return subscription_id


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


def _named(email: str, number: str) -> tuple[UUID, str]:
    row = db.session.execute(
        select(InvoiceRow.subscription_id, UserRow.id, UserRow.email)
        .join(UserRow, UserRow.id == InvoiceRow.user_id)
        .where(InvoiceRow.number == number)
    ).one_or_none()
    if row is None or not hmac.compare_digest(_folded(row.email or ""), _folded(email)) or not email:
        raise NotFound("no such pair of an e-mail and an invoice")
    return row.subscription_id, row.id


def _folded(email: str) -> bytes:
    """Nobody has two mailboxes that differ in capitals only."""
    return email.casefold().encode()
