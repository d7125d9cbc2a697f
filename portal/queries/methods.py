"""A user's payment methods, and the last page on which one was to be saved."""

from __future__ import annotations

from uuid import UUID

from portal.db import rows
from portal.domain.method import PaymentMethod
from portal.domain.setup import MethodSetup
from portal.models.user import MethodSetupRow, PaymentMethodRow


def of_user(user_id: str) -> list[PaymentMethod]:
    """Those that are not removed, the newest first."""
    mine = PaymentMethodRow.user_id == user_id, PaymentMethodRow.removed_at.is_(None)
    return rows.find_all(PaymentMethod, *mine, order=[PaymentMethodRow.created_at.desc(), PaymentMethodRow.id.desc()])


def find(method_id: UUID, user_id: str) -> PaymentMethod | None:
    """Also a removed one. None: unknown, or somebody else's."""
    return rows.find(PaymentMethod, PaymentMethodRow.id == method_id, PaymentMethodRow.user_id == user_id)


def last_setup(user_id: str) -> MethodSetup | None:
    newest = [MethodSetupRow.created_at.desc(), MethodSetupRow.id.desc()]
    found = rows.find_all(MethodSetup, MethodSetupRow.user_id == user_id, order=newest, limit=1)
    return found[0] if found else None
