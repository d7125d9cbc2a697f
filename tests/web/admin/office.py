"""A back office with something in every list, and forms that can be sent to it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from tests.world import World, csrf_of

OPERATORS = ("viewer", "support", "finance", "product", "admin")


@dataclass(frozen=True)
class Places:
    """One of each thing that a page of the back office can be about."""

    plan: UUID
    new_plan: UUID
    subscription: UUID
    invoice: UUID
    payment: UUID
    asked_refund: UUID
    activity: int
    consent: UUID
    price: UUID

    def address(self, rule: Rule) -> str:
        """Of a route, with its variable parts filled in."""
        by_screen = {
            "plans": self.new_plan,
            "subscriptions": self.subscription,
            "parking": self.subscription,
            "invoices": self.invoice,
            "payments": self.payment,
            "refunds": self.asked_refund,
            "customers": self.consent,
            "move_price": self.price,
        }
        screen = rule.endpoint.partition(".")[0]
        path = rule.rule
        for name in rule.arguments:
            value = {"guid": by_screen.get(screen), "seq": self.activity if screen == "activity" else 1}.get(name)
            assert value is not None, f"say in Places what {name} of {rule.rule} may be"
            path = re.sub(rf"<(\w+:)?{name}>", str(value), path)
        return path + ("?id=alice" if rule.endpoint == "customers.customer" else "")


def furnish(world: World) -> Places:
    """A customer with a paid subscription and a sum asked back, a plan nobody has bought, one act in the log."""
    invoice = world.bought("alice")
    alice = world.sign_in("alice")
    price = {"amount": 100, "currency": "RUB"}
    asked = alice.post("/refunds", {"invoice_guid": invoice["invoice_guid"], "price": price})
    assert asked.status_code == 200, asked.text
    world.drain()
    return Places(
        plan=_id(world, "SELECT id FROM plans WHERE code = 'standard'"),
        new_plan=new_plan(world),
        subscription=_id(world, "SELECT id FROM subscriptions"),
        invoice=UUID(invoice["invoice_guid"]),
        payment=_id(world, "SELECT id FROM payments"),
        asked_refund=UUID(asked.json["refund_guid"]),
        activity=int(world.one("SELECT max(seq) AS n FROM activity")["n"]),
        consent=_id(world, "SELECT id FROM consents"),
        price=_id(world, "SELECT price_id AS id FROM subscriptions"),
    )


def new_plan(world: World, code: str = "kids", price: str = "199") -> UUID:
    """Made and priced in the back office, and not yet on sale."""
    operator = world.browser("product")
    form = {"code": code, "group": "kids", "name_ru": "Детям", "name_en": "For children", "interval": "month"}
    made = send(operator, "/admin/plans/new", **form, interval_count="1", position="9", features="library")
    assert made.status_code == 303, made.text
    path = made.headers["Location"]
    priced = send(operator, f"{path}/price", amount=price, currency="RUB", valid_from="")
    assert priced.status_code == 303, priced.text
    return UUID(path.rpartition("/")[2])


def send(client: FlaskClient, path: str, form_at: str | None = None, **fields: Any) -> TestResponse:
    """Open the form's page, and send what stands hidden in it with `fields`."""
    page = client.get(form_at or path).text
    return client.post(path, data={**hidden(page), **fields})


def hidden(page: str) -> dict[str, str]:
    """The hidden fields of a page's last form, which is the one of the screen itself; the token in any case."""
    found = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
    found.pop("next", None)
    return {"act": str(uuid4()), **found, "csrf_token": csrf_of(page)}


def _id(world: World, query: str) -> UUID:
    value = world.rows(query)[0]["id"]
    return value if isinstance(value, UUID) else UUID(value)
