"""A sandbox that misbehaves as planned, and customers who do not give up."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
from werkzeug.test import TestResponse

from portal.demo.sandbox import faults
from portal.demo.sandbox.faults import FaultOrder
from portal.demo.transport import InProcess
from tests.world import GOOD_CARD, Caller, World

MINUTE = timedelta(minutes=1)


def plan_fault(world: World, fault: str, operation: str, **more: Any) -> None:
    """The next `times` (one) requests of this operation meet the fault."""
    order = FaultOrder.model_validate({"fault": fault, "match": {"operation": operation}, **more})
    with world.sandbox.book.write() as connection:
        faults.add(connection, order)


def forget_faults(world: World) -> None:
    with world.sandbox.book.write() as connection:
        faults.forget_all(connection)


def was_met(world: World, fault: str) -> bool:
    """Some request or webhook met the fault, so that a test shows what it claims to show."""
    with world.sandbox.book.read() as connection:
        left = connection.exec_driver_sql("SELECT remaining, params FROM sandbox_faults").all()
    return any(fault in request["faults"] for request in world.sandbox.book.requests()) or not any(r[0] for r in left)


def order(world: World, who: Caller, plan: str = "standard", count: int = 1) -> TestResponse:
    return who.post("/purchases", {"product_id": plan, "product_count": count})


def pay_page(world: World, url: str, card: str = GOOD_CARD) -> None:
    """Send the hosted page's form, whatever becomes of the answer."""
    form = {"card_number": card, "expiry": "12/34", "cvc": "123"}
    with httpx.Client(transport=InProcess(world.app, mount="")) as client, suppress(httpx.HTTPError):
        client.post(url, data=form)


def insist(world: World, who: Caller, plan: str = "standard", tries: int = 4) -> None:
    """Order and pay until an invoice is paid, with a minute between two tries."""
    for _ in range(tries):
        if has_paid(who):
            return
        answer = order(world, who, plan)
        assert answer.status_code in (200, 409, 503), answer.text
        if answer.status_code == 200:
            pay_page(world, answer.json["redirect_url"])
        world.drain()
        world.pass_time(MINUTE)


def has_paid(who: Caller) -> bool:
    return any(entry["state"] == "paid" for entry in who.get("/purchases").json)


def state_of(who: Caller, invoice_guid: str | UUID) -> str:
    return str(who.get(f"/invoices/{invoice_guid}").json["state"])
