"""A customer says why they cancelled: once, and for nothing but our own learning."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select

from portal import runtime
from portal.db import rows
from portal.db.session import atomic, db
from portal.domain import free_text
from portal.domain.errors import InvalidRequest, NotFound
from portal.domain.leaving import LONGEST_COMMENT, CancelReason, Reason
from portal.domain.user import Person
from portal.models.leaving import CancelReasonRow
from portal.models.subscription import SubscriptionRow
from portal.queries import cancellations
from portal.services import standing


def say(person: Person, subscription_id: UUID, reason: str, comment: str) -> None:
    """The first answer stays, also where two come at once. Raises NotFound, InvalidRequest, CardNumberWritten."""
    if reason not in set(Reason):
        raise InvalidRequest("reason: this is none")
    free_text.check(comment, "comment", LONGEST_COMMENT)
    with atomic():
        owner = db.session.scalar(select(SubscriptionRow.user_id).where(SubscriptionRow.id == subscription_id))
        found = cancellations.latest(subscription_id) if owner == person.id else None
        if found is None or not found.by_customer:
            raise NotFound(f"no cancellation of {subscription_id}")
        standing.lock_user(person.id)  # words that come while their writer is erased must not outlive it
        kept = comment if comment and reason == Reason.other else None
        said = CancelReason(found.seq, subscription_id, person.id, reason, kept, runtime.clock.now())
        rows.add_or_nothing(CancelReasonRow.__table__, rows.values_of(said))
