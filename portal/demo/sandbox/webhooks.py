"""What the shop is told: written in the transaction that made it true, signed when it is sent."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from portal.demo.sandbox import faults
from portal.demo.sandbox.faults import Fault, Stage
from portal.demo.sandbox.tables import webhooks

SIGNATURE = "Sandbox-Signature"


def sign(body: bytes, secret: str, at: datetime) -> str:
    """The header's value: `t=<unix time of sending>,v1=<hex HMAC-SHA256 of "<t>.<body>">`."""
    stamp = int(at.timestamp())
    digest = hmac.new(secret.encode(), b"%d.%s" % (stamp, body), hashlib.sha256).hexdigest()
    return f"t={stamp},v1={digest}"


def announce(conn: Connection, now: datetime, type_: str, about: dict[str, Any]) -> None:
    """Queue an event about an object: `about` is its JSON with its kind (`object`) and our `reference`."""
    fault = faults.take(conn, {Stage.webhook}, "webhook", about["reference"])
    _queue(conn, now, type_, about, fault)
    if fault is not None and fault.name == "repeat":
        _repeat_last(conn, fault.params["copies"])
    if fault is not None and fault.name == "forge":
        _forge(conn, now, about)


def _queue(conn: Connection, now: datetime, type_: str, about: dict[str, Any], fault: Fault | None) -> None:
    event_id = f"evt_{secrets.token_hex(12)}"
    name = fault.name if fault is not None else None
    wait = timedelta(seconds=fault.params["seconds"]) if fault is not None and name in ("delay", "reorder") else None
    place = _next_place(conn)
    _release_held(conn, now, place + 1)
    conn.execute(
        insert(webhooks).values(
            event_id=event_id,
            type=type_,
            reference=about["reference"],
            body=_body(event_id, now, type_, about),
            due_at=None if name == "drop" else now + (wait or timedelta(0)),
            place=place,
            held=name == "reorder",
            forged=False,
            attempts=0,
        )
    )


def _body(event_id: str, now: datetime, type_: str, about: dict[str, Any]) -> str:
    data = {"kind": about["object"], **about}
    event = {"id": event_id, "type": type_, "created": int(now.timestamp()), "livemode": False, "data": data}
    return json.dumps(event, ensure_ascii=False)


def _next_place(conn: Connection) -> int:
    return (conn.scalar(select(func.max(webhooks.c.place))) or 0) + 1


def _release_held(conn: Connection, now: datetime, place: int) -> None:
    """The next event is being queued, so those that were to come late now follow it."""
    held = update(webhooks).where(webhooks.c.held, webhooks.c.due_at.is_not(None))
    conn.execute(held.values(held=False, due_at=now, place=place))


def _repeat_last(conn: Connection, copies: int) -> None:
    last = conn.execute(select(webhooks).order_by(webhooks.c.id.desc()).limit(1)).mappings().one()
    again = {name: value for name, value in last.items() if name != "id"}
    conn.execute(insert(webhooks), [again] * copies)


def _forge(conn: Connection, now: datetime, about: dict[str, Any]) -> None:
    """A stranger claims that the money came. It is signed with a secret that is not ours."""
    claim = {**about, "state": "succeeded"}
    _queue(conn, now, f"{about['object']}.succeeded", claim, None)
    newest = select(func.max(webhooks.c.id)).scalar_subquery()
    conn.execute(update(webhooks).where(webhooks.c.id == newest).values(forged=True))
