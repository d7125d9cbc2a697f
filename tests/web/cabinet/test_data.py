"""My data: told, handed over, erased; through the pages."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest

from portal.domain.money import Money
from portal.services import grant, operator_refunds, refund
from tests.services.desk import press
from tests.services.month import ALICE, do
from tests.services.promise import uuid_of
from tests.web.admin.statements import Statements
from tests.web.cabinet.visitor import Visitor
from tests.world import World


def copy_of(visitor: Visitor) -> dict[str, Any]:
    answer = visitor.client.get("/cabinet/data/export")
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    document: dict[str, Any] = json.loads(answer.text)
    return document


@pytest.mark.fault("O5")
def test_a_customer_takes_away_everything_that_is_theirs_and_nothing_else(world: World) -> None:
    invoice = world.bought("alice")
    world.bought("boris")
    subscription = uuid_of(world.one("SELECT id FROM subscriptions WHERE user_id = 'alice'")["id"])
    do(world, grant.grant, press("goodwill", "olga"), subscription, 5)
    alice = Visitor(world).open("/cabinet").click("My data")
    alice.says("alice@example.com", "Visa ·· 4242", "What else we keep, and why")

    document = copy_of(alice)

    assert (document["format"], document["version"], document["user_id"]) == ("matinee.personal-data", 1, "alice")
    assert document["account"]["email"] == "alice@example.com"
    (billed,) = document["invoices"]
    assert (billed["id"], billed["total"]) == (invoice["invoice_guid"], {"minor": 29900, "currency": "RUB"})
    assert billed["lines"][0]["unit"] == {"minor": 29900, "currency": "RUB"}
    assert [one["at"] for one in document["consents"]] == ["2027-01-10T09:00:00Z"] * 3
    assert [one["title"] for one in document["payment_methods"]] == ["Visa ·· 4242"]
    assert [one["plan"] for one in document["subscriptions"]] == ["standard"]
    assert len(document["periods"]) == 2
    assert [one["note"] for one in document["acts_of_operators"]] == ["told us on the phone"]
    assert {one["by"] for one in document["history"]} == {"user", "provider", "operator"}
    text = json.dumps(document)
    assert not [word for word in ("boris", "olga", "customer_ref", "method_ref", "192.0.2.9") if word in text]
    costs = Statements(world)
    cost = costs.of(alice, "/cabinet/data/export")
    world.bought("alice", "sport")
    assert costs.of(alice, "/cabinet/data/export") == cost


def test_who_has_left_nothing_reads_so_and_strangers_sign_in(world: World) -> None:
    clara = Visitor(world, "clara").open("/cabinet/data")
    clara.says("We keep nothing about you yet")
    assert copy_of(clara)["account"] is None
    assert clara.open("/cabinet/data/erase").path == "/cabinet/data"
    clara.client.delete_cookie(world.settings.auth_cookie)
    for path in ("/cabinet/data", "/cabinet/data/export", "/cabinet/data/erase"):
        assert "/auth/login" in clara.client.get(path).location


def test_erasing_says_first_what_happens_and_then_does_it(world: World) -> None:
    invoice = world.bought("alice")["invoice_guid"]
    alice = Visitor(world).open("/cabinet/data").click("What happens if I erase")
    alice.says("What is erased", "What stays, and why", "Standard ends at once", "Ask for a refund first")
    alice.press("Erase my data now")
    assert alice.status == 422
    alice.says("There is a problem", "Tick the box")
    world.buy(world.sign_in("alice"), "sport")
    alice.press("Erase my data now", confirm="on")
    assert alice.status == 409
    alice.says("Something has changed meanwhile", "An order for RUB 249.00 is not paid yet")
    alice.click("Open the invoice").press("Close")
    asked = do(world, refund.request, ALICE, UUID(invoice), Money(1000, "RUB"), None)
    alice.open("/cabinet/data/erase").says("A refund of RUB 10.00 is not finished")
    do(world, operator_refunds.reject, press("misuse"), asked)

    alice.open("/cabinet/data/erase").press("Erase my data now", confirm="on")

    assert alice.path == "/cabinet/data"
    alice.says("Your data was erased on 10 January 2027", "E-mail, for receipts none", "You can come back")
    alice.open("/cabinet").open("/cabinet/invoices").says("M-2027-000001")
    for path in ("/cabinet/methods", "/cabinet/history", "/cabinet/data/erase", "/buy/standard", alice.links()[-1]):
        assert alice.open(path).status == 200
    assert copy_of(alice)["account"]["erased_at"] == "2027-01-10T09:00:00Z"
    Visitor(world, language="ru").open("/cabinet/data").says("Ваши данные удалены 10 января 2027")
    office = Visitor(world, "viewer").open("/admin/customers/")
    office.says("erased alice")
    office.open("/admin/customers/customer?id=alice").says(
        "The personal data was erased on 10 January 2027, 12:00 MSK, by the customer."
    )
