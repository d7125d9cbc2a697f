"""Stripe's lists: newest first, page by page, narrowed by what the call names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, select

from portal.demo.sandbox import tables
from portal.demo.sandbox.refunds import Refund
from tests.stripe_wire import tried
from tests.stripe_wire.errors import invalid_parameter
from tests.stripe_wire.shapes import Shapes, Shown
from tests.stripe_wire.tables import intents, sessions

Given = dict[str, Any]
Compare = Callable[[int, int], bool]
LIMITS: dict[str, Compare] = {
    "gte": int.__ge__,
    "gt": int.__gt__,
    "lte": int.__le__,
    "lt": int.__lt__,
}
MOST = 100


def page(shapes: Shapes, given: Given, address: str, largest: int = MOST) -> Shown:
    """`largest`: of a page, however many were asked for; tests turn pages without making hundreds of objects."""
    found = [one for one in ALL[address](shapes) if _fits(one, given)]
    first = _place_after(found, given["starting_after"]) if "starting_after" in given else 0
    limit = min(given.get("limit", 10), largest)
    shown = found[first : first + limit]
    more = len(found) > first + limit
    return {"object": "list", "url": f"/v1/{address}", "data": shown, "has_more": more}


def _fits(one: Shown, given: Given) -> bool:
    named = all(one[name] == given[name] for name in ("customer", "payment_intent", "status") if name in given)
    made = given.get("created", {})
    limits = {"gte": made, "lte": made} if isinstance(made, int) else made
    return named and all(LIMITS[name](one["created"], limit) for name, limit in limits.items())


def _place_after(found: list[Shown], guid: str) -> int:
    places = [place for place, one in enumerate(found) if one["id"] == guid]
    if not places:
        raise invalid_parameter("starting_after", f"No such object: '{guid}'", "resource_missing")
    return places[0] + 1


def _sessions(shapes: Shapes) -> list[Shown]:
    rows = shapes.conn.execute(select(sessions).order_by(sessions.c.seq.desc())).mappings()
    return [shapes.session(row) for row in rows.all()]


def _intents(shapes: Shapes) -> list[Shown]:
    rows = shapes.conn.execute(select(intents).order_by(intents.c.seq.desc())).mappings()
    return [shapes.intent(row) for row in rows.all()]


def _refunds(shapes: Shapes) -> list[Shown]:
    rows = shapes.conn.execute(select(tables.refunds)).mappings().all()
    newest_first = sorted(enumerate(rows), key=lambda one: (one[1]["created_at"], one[0]), reverse=True)
    return [shapes.refund(Refund(**row)) for _, row in newest_first]


def _disputes(shapes: Shapes) -> list[Shown]:
    rows = shapes.conn.execute(select(tables.disputes).order_by(tables.disputes.c.opened_at.desc())).mappings()
    return [shapes.dispute(row) for row in rows.all() if _of_an_intent(shapes.conn, row["payment_id"])]


def _of_an_intent(conn: Connection, payment_id: str) -> bool:
    return tried.of(conn, payment_id)["intent_id"] is not None


ALL: dict[str, Callable[[Shapes], list[Shown]]] = {
    "checkout/sessions": _sessions,
    "payment_intents": _intents,
    "refunds": _refunds,
    "disputes": _disputes,
}
