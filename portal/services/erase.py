"""Erasing a person: settled first; then everything ends, and what names them goes, in one commit.

Sums stay, under an id that says nothing to anybody but Auth. What is emptied here is listed in docs/personal-data.md,
and the audit looks for what is left (I27): a new column that names a person belongs into all three.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, select, update

from portal import runtime
from portal.db import rows
from portal.db.base import Base
from portal.db.session import atomic, db
from portal.domain import cancelling, erasing
from portal.domain import methods as method_changes
from portal.domain.method import PaymentMethod
from portal.domain.purchasing import CONSENT_TEXT_VERSION
from portal.domain.user import Person, User
from portal.models.activity import ActivityRow
from portal.models.invoice import InvoiceRow
from portal.models.leaving import CancelReasonRow
from portal.models.messages import IdempotencyKeyRow, InboxRow
from portal.models.payment import PaymentRow, RefundRow
from portal.models.user import ConsentRow, MethodSetupRow, PaymentMethodRow, UserRow
from portal.queries.erasing import unsettled
from portal.services import journal, methods, standing

NO_TITLE = "—"


def erase(person: Person, agreed: frozenset[UUID]) -> None:
    """`agreed`: the living subscriptions of which the person has read that they end. Repeating is no error.

    Raises ErasureWaits, ErasureChanged.
    """
    now = runtime.clock.now()
    with atomic():
        if rows.find(User, UserRow.id == person.id) is None:
            return  # they have left nothing here
        standing.lock_user(person.id)
        living = [subscription for subscription, _ in methods.held_by(person.id)]
        erasing.refuse(unsettled(person.id), living, agreed)
        for subscription in living:
            _end(subscription.id, person.id, now)
        held = _methods_of(person.id)
        for method in held:
            if method.removed_at is None:
                _remove(method, now)
        _empty(person.id, now)
    for method in held:
        if method.detached_at is None:
            methods.detach(method)


def _end(subscription_id: UUID, user_id: str, now: datetime) -> None:
    """At once, and without money back: who wants some asks for it before, as the page says."""
    change = cancelling.cancel(standing.to_cancel(subscription_id), "now", now, f"user:{user_id}", runtime.policy)
    if change:
        journal.record([change])


def _methods_of(user_id: str) -> list[PaymentMethod]:
    return rows.find_all(PaymentMethod, PaymentMethodRow.user_id == user_id, order=[PaymentMethodRow.id])


def _remove(method: PaymentMethod, now: datetime) -> None:
    taken_back = method_changes.revocation(method, now, CONSENT_TEXT_VERSION, runtime.settings.default_locale)
    journal.record([method_changes.remove(method, (), (), taken_back, now, runtime.policy)])


def _empty(user_id: str, now: datetime) -> None:
    """The user's row first: only then do the tables that are otherwise only added to let go."""
    emptied = erasing.emptied(runtime.settings.default_locale, now)
    _put(UserRow, UserRow.id == user_id, emptied)
    _put(ConsentRow, ConsentRow.user_id == user_id, {"address": None, "user_agent": None})
    _put(ActivityRow, ActivityRow.user_id == user_id, {"note": None})
    _put(PaymentMethodRow, PaymentMethodRow.user_id == user_id, {"title": NO_TITLE, "expires": None})
    _put(MethodSetupRow, MethodSetupRow.user_id == user_id, {"redirect_url": None})
    _put(InvoiceRow, InvoiceRow.user_id == user_id, {"return_url": None})
    of_theirs = select(InvoiceRow.id).where(InvoiceRow.user_id == user_id)
    _put(PaymentRow, PaymentRow.invoice_id.in_(of_theirs), {"redirect_url": None})
    _put(RefundRow, RefundRow.user_id == user_id, {"comment": None})
    _put(CancelReasonRow, CancelReasonRow.user_id == user_id, {"comment": None})
    _put(InboxRow, InboxRow.user_id == user_id, {"body": b""})
    _put(InboxRow, (InboxRow.user_id == user_id) & (InboxRow.state == "dead"), {"outcome": "erased"})  # an error's text
    mine = IdempotencyKeyRow.caller == user_id, IdempotencyKeyRow.status.is_not(None)
    db.session.execute(delete(IdempotencyKeyRow).where(*mine))


def _put(table: type[Base], where: ColumnElement[bool], values: dict[str, Any]) -> None:
    db.session.execute(update(table).where(where).values(**values))
