"""A sandbox that misbehaves as planned, and customers who do not give up."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

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


def order(who: Caller, plan: str = "standard", count: int = 1) -> TestResponse:
    return who.post("/purchases", {"product_id": plan, "product_count": count})


def pay_page(world: World, url: str, card: str = GOOD_CARD) -> None:
    """Send the hosted page's form, whatever becomes of the answer."""
    form = {"card_number": card, "expiry": "12/34", "cvc": "123"}
    with httpx.Client(transport=InProcess(world.app, mount="")) as client, suppress(httpx.HTTPError):
        client.post(url, data=form)


def insist(world: World, login: str, plan: str = "standard", tries: int = 4) -> None:
    """Order and pay until an invoice is paid, with a minute between two tries."""
    for _ in range(tries):
        if "paid" in invoices_of(world, login):
            return
        answer = order(world.sign_in(login), plan)
        assert answer.status_code in (200, 409, 503), answer.text
        if answer.status_code == 200:
            pay_page(world, answer.json["redirect_url"])
        world.drain()
        world.pass_time(MINUTE)


def invoices_of(world: World, login: str) -> list[str]:
    """Their states, the newest first, as the API tells their owner now."""
    return [entry["state"] for entry in world.sign_in(login).get("/purchases").json]
