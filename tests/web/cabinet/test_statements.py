"""What a page asks of the database does not grow with what a customer has lived through."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Table, insert, select

from portal.db.session import db
from portal.models.schema import metadata
from portal.web.cabinet.leave import proof_of
from tests.browser.everybody import filled, pages
from tests.services.promise import uuid_of
from tests.web.admin.statements import Statements
from tests.world import World

FEW, MANY = 10, 1000
COPIED = (
    *("payment_methods", "subscriptions", "invoices", "invoice_lines", "payments", "refunds", "periods"),
    *("consents", "method_setups", "change_quotes", "history"),
)
UNIQUE = ("number", "method_ref")
POINTERS = ("id", "subject_id", "subscription_id", "payment_method_id", "invoice_id", "payment_id", "refund_id")


@pytest.fixture
def engine() -> str:
    return "sqlite"  # how many there are does not depend on it


def test_every_page_sends_as_many_statements_for_a_thousand_rows_as_for_ten(world: World) -> None:
    invoice = world.bought("alice")["invoice_guid"]
    world.clock.at += timedelta(hours=1)
    offer = alice_asks_back(world, invoice)
    world.drain()
    family = list(lived_through(world))
    current = world.bought("alice")["invoice_guid"]

    multiply(world, family, FEW)
    few = statements_of(world, current, offer)
    multiply(world, family, MANY - FEW)
    assert world.one("SELECT count(*) AS n FROM invoices WHERE user_id = 'alice'")["n"] > MANY
    assert statements_of(world, current, offer) == few


def alice_asks_back(world: World, invoice: str) -> str:
    """What was paid, so that the subscription is over; answers the refund."""
    caller = world.sign_in("alice")
    offers = caller.get(f"/invoices/{invoice}/refund-offers").json
    full = next(offer for offer in offers if offer["kind"] == "full")
    asked = caller.post("/refunds", {"invoice_guid": invoice, "price": full["price"]})
    assert asked.status_code == 200, asked.text
    return str(asked.json["refund_guid"])


def lived_through(world: World) -> Iterator[tuple[Table, list[dict[str, Any]]]]:
    """The rows of everything that a customer of this world has had until now."""
    with world.app.app_context():
        for name in COPIED:
            table = metadata.tables[name]
            yield table, [dict(row) for row in db.session.execute(select(table)).mappings()]
        db.session.rollback()


def multiply(world: World, family: list[tuple[Table, list[dict[str, Any]]]], times: int) -> None:
    """The same once more, so many times, each with ids of its own."""
    made: dict[str, list[dict[str, Any]]] = {table.name: [] for table, _ in family}
    for _ in range(times):
        ids: dict[UUID, UUID] = {}
        for table, rows in family:
            made[table.name] += [{**row, **renamed(row, ids)} for row in rows]
    with world.app.app_context(), db.engine.begin() as connection:
        for table, rows in family:
            fresh = [{name: value for name, value in row.items() if name != "seq"} for row in made[table.name]]
            if rows:
                connection.execute(insert(table), fresh)


def renamed(row: dict[str, Any], ids: dict[UUID, UUID]) -> dict[str, Any]:
    found = {name: ids.setdefault(row[name], uuid4()) for name in POINTERS if isinstance(row.get(name), UUID)}
    return found | {name: uuid4().hex[:24] for name in UNIQUE if row.get(name)}


LEADS_ON = {"cabinet.leave": (302,)}  # to her own subscription


def statements_of(world: World, invoice: str, refund: str) -> dict[str, int]:
    """By address, of every page that customers have."""
    statements, client = Statements(world), world.browser("alice")
    live = world.one("SELECT id, payment_method_id FROM subscriptions WHERE state = 'active'")
    with world.app.app_context():
        proof = proof_of(uuid_of(live["id"]))
    subscription, method = uuid_of(live["id"]), uuid_of(live["payment_method_id"])
    values = {
        "code": "premium-year",
        "guid": invoice,
        "cabinet.refund_state guid": refund,
        "cabinet.cancel guid": str(subscription),
        "cabinet.change guid": str(subscription),
        "cabinet.method_remove guid": str(method),
        "cabinet.left token": proof,
    }
    found = {}
    client.get("/cabinet")  # the first time the keys and the clock are read as well
    for rule in pages(world):
        statements.count = 0
        assert client.get(filled(rule, values)).status_code in LEADS_ON.get(rule.endpoint, (200, 409)), rule.rule
        found[rule.rule] = statements.count
    return found
