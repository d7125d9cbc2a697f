"""Where operators moved the subscribers of a price."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from portal.db import rows
from portal.domain.moving import PriceMove
from portal.models.quote import PriceMoveRow


def of_plans(plan_ids: Iterable[UUID]) -> list[PriceMove]:
    """In the order in which they take effect."""
    mine = PriceMoveRow.plan_id.in_(set(plan_ids))
    return rows.find_all(PriceMove, mine, order=[PriceMoveRow.starts_at, PriceMoveRow.created_at])
