"""Saved methods: what may be charged while its owner is not there. Brand, last four digits and how it behaves."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from portal.demo.sandbox.cards import BY_NAME, Card, Verdict, decline
from portal.demo.sandbox.tables import methods


@dataclass(frozen=True)
class Method:
    id: str
    customer_ref: str
    user_id: str
    card: str
    brand: str
    last4: str
    expires: str  # "2030-12": usable to the end of that month
    created_at: datetime
    detached_at: datetime | None

    def verdict(self, now: datetime) -> Verdict:
        """What the bank says to a charge on it now."""
        if self.detached_at is not None:
            return decline("method_detached")
        if now.strftime("%Y-%m") > self.expires:
            return decline("expired_card")
        return BY_NAME[self.card].saved


def save(conn: Connection, now: datetime, user_id: str, card: Card, expires: str) -> str:
    method_id = f"pm_{secrets.token_hex(12)}"
    shown = {"card": card.name, "brand": card.brand, "last4": card.last4, "expires": expires}
    values = {"id": method_id, "customer_ref": _customer(user_id), "user_id": user_id, "created_at": now, **shown}
    conn.execute(insert(methods).values(**values))
    return method_id


def get(conn: Connection, method_id: str) -> Method | None:
    row = conn.execute(select(methods).where(methods.c.id == method_id)).mappings().first()
    return Method(**row) if row is not None else None


def detach(conn: Connection, now: datetime, method_id: str) -> None:
    live = update(methods).where(methods.c.id == method_id, methods.c.detached_at.is_(None))
    conn.execute(live.values(detached_at=now))


def as_json(conn: Connection, method_id: str | None) -> dict[str, Any] | None:
    method = get(conn, method_id) if method_id is not None else None
    if method is None:
        return None
    title = f"{method.brand} ·· {method.last4}"
    shown = {"kind": "card", "title": title, "expires": method.expires}
    return {"id": method.id, "customer": method.customer_ref, **shown}


def _customer(user_id: str) -> str:
    """One customer per user of the shop, without keeping a table of them."""
    return f"cus_{hashlib.sha256(user_id.encode()).hexdigest()[:24]}"
