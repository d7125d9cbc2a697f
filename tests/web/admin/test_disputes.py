"""Disputes in the back office: found, shown wherever their payment is, and in the way of every refund."""

from __future__ import annotations

from uuid import UUID

import pytest

from tests.services.bank import bank, payment_of, refund_by_hand
from tests.services.month import subscribed
from tests.web.admin.ledger import read_id
from tests.web.admin.office import send
from tests.web.admin.statements import Statements
from tests.web.cabinet.visitor import Visitor
from tests.world import World

UNTIL_DECIDED = "The bank has this payment under dispute"


@pytest.fixture
def engine() -> str:
    return "sqlite"


@pytest.fixture
def payment(world: World) -> UUID:
    """Alice's, under dispute."""
    found = payment_of(world, subscribed(world))
    bank(world, found)
    return found


def test_the_list_leads_to_the_payment_and_keeps_to_its_filters(world: World, payment: UUID) -> None:
    viewer = Visitor(world, "viewer").open("/admin/disputes/")
    row = viewer.page.find(".//main//tbody/tr")
    assert row is not None
    assert row.find(".//th//a").get("href").startswith(f"/admin/payments/{payment}")
    for query, rows in (("state=open", 1), ("state=lost", 0), ("user=alice", 1), ("user=boris", 0)):
        assert len(Visitor(world, "viewer").open(f"/admin/disputes/?{query}").page.findall(".//main//tbody/tr")) == rows
    statements, visitor = Statements(world), Visitor(world, "viewer")
    assert statements.of(visitor, "/admin/disputes/") <= 4


def test_it_is_told_wherever_somebody_looks_for_it(world: World, payment: UUID) -> None:
    viewer = world.browser("viewer")
    invoice = read_id(world, "SELECT id FROM invoices")
    for page in (f"/admin/payments/{payment}", f"/admin/invoices/{invoice}"):
        text = viewer.get(page).text
        assert "The bank is looking into it" in text, page
        assert world.one("SELECT provider_ref FROM disputes")["provider_ref"] in text
    customer = viewer.get("/admin/customers/customer?id=alice").text
    assert "Dispute" in customer
    assert "Renewal switched off while the bank looks into a payment" in customer
    tile = viewer.get("/admin/").text
    assert "Open disputes" in tile
    assert "state=open" in tile


@pytest.mark.parametrize("column", ["id", "provider_ref"])
def test_it_is_found_by_its_id_here_and_there(world: World, payment: UUID, column: str) -> None:
    asked = world.one(f"SELECT {column} AS it FROM disputes")["it"]  # noqa: S608 - named above
    answer = world.browser("viewer").get("/admin/search/", query_string={"q": str(asked)})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/admin/payments/{payment}")


def test_the_history_of_disputes_is_a_list_of_its_own(world: World, payment: UUID) -> None:
    bank(world, payment, "won")
    viewer = world.browser("viewer")
    page = viewer.get("/admin/history/?kind=dispute").text
    assert "The bank has confirmed the payment that was contested there." in page
    assert viewer.get("/admin/customers/customer?id=alice&source=dispute").status_code == 200


def test_a_page_of_a_disputed_payment_gives_nothing_back(world: World, payment: UUID) -> None:
    finance = world.browser("finance")
    assert "Give money back" not in finance.get(f"/admin/payments/{payment}").text
    assert UNTIL_DECIDED in finance.get(f"/admin/payments/{payment}/refund").text
    form = {"sum": "all", "effect": "keep", "reason": "goodwill", "left": "29900"}
    answer = send(finance, f"/admin/payments/{payment}/refund", **form)
    assert answer.status_code == 409
    assert UNTIL_DECIDED in answer.text
    assert world.count("refunds") == 0
    assert world.one("SELECT outcome FROM activity")["outcome"] == "not_refundable"


def test_what_a_customer_asked_for_cannot_be_approved_and_can_be_refused(world: World) -> None:
    invoice = subscribed(world)
    price = {"amount": 100, "currency": "RUB"}
    world.sign_in("alice").post("/refunds", {"invoice_guid": str(invoice), "price": price})
    bank(world, payment_of(world, invoice))
    finance, asked = world.browser("finance"), read_id(world, "SELECT id FROM refunds")
    page = finance.get(f"/admin/refunds/{asked}").text
    assert "the refund cannot be approved" in page
    assert f"/admin/refunds/{asked}/approve" not in page
    answer = send(finance, f"/admin/refunds/{asked}/approve", effect="keep")
    assert answer.status_code == 409
    assert UNTIL_DECIDED in answer.text
    refused = send(finance, f"/admin/refunds/{asked}/reject", reason="misuse")
    assert refused.status_code == 303
    assert world.one("SELECT state FROM refunds")["state"] == "rejected"


def test_renewal_cannot_be_switched_on_while_it_is_open(world: World, payment: UUID) -> None:
    subscription = read_id(world, "SELECT id FROM subscriptions")
    support = world.browser("support")
    page = support.get(f"/admin/subscriptions/{subscription}").text
    assert "The bank is looking into a payment for this subscription" in page
    assert f"/admin/subscriptions/{subscription}/resume" not in page


def test_a_refund_made_at_the_payment_system_says_so(world: World) -> None:
    payment = payment_of(world, subscribed(world))
    refund_by_hand(world, payment, 10000)
    refund = read_id(world, "SELECT id FROM refunds")
    viewer = world.browser("viewer")
    assert "Somebody made it at the payment system" in viewer.get(f"/admin/refunds/{refund}").text
    assert viewer.get("/admin/refunds/?reason=provider").text.count("/admin/refunds/0") >= 1
