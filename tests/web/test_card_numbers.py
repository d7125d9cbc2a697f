"""A card's number that somebody types where people write in their own words is refused, and kept nowhere."""

from __future__ import annotations

from uuid import UUID

import pytest

from portal.domain.free_text import holds_a_card_number
from tests.web.admin.office import send
from tests.web.cabinet.visitor import Visitor
from tests.world import GOOD_CARD, World, csrf_of

pytestmark = pytest.mark.fault("N7")

NUMBERS = (
    "4242424242424242",
    "Visa 4242 4242 4242 4242",
    "card_378282246310005",
    "card 378282246310005.",
    "5555-5555-5555-4444",
    "(4222222222222)",
    "SavedMethod(method_ref='4242424242424242', expires='2030-12')",
    "4242 4242 4242 4242 12/30 123",
    "4242424242424242 12/30",
    "4242 4242 4242 4242 123",
    "1 4242 4242 4242 4242",
    "4242.4242.4242.4242",
    "4242\u00a04242\u00a04242\u00a04242",
    "4242 - 4242 - 4242 - 4242",
    "3782 822463 10005 0930",
    "карта4242424242424242",
    "42 42 42 42 42 42 42 42",
)
NONE = (
    "Visa ·· 4242",
    "pm_4242424242424242f0",
    "cus_a4242424242424242",
    "4242424242424241",
    "+7 912 345-67-89",
    "M-2027-000123",
    "299.00 * 12",
    "2026-11-01 2026-12-01 19:28",
    "3 4000 0566 5566 5557",
    "SavedMethod(method_ref='pm_4242424242424242f0', expires='2030-12')",
)


@pytest.mark.parametrize("text", NUMBERS)
def test_a_card_number_is_seen_however_it_is_written(text: str) -> None:
    assert holds_a_card_number(text)


@pytest.mark.parametrize("text", NONE)
def test_other_figures_are_no_card_number(text: str) -> None:
    assert not holds_a_card_number(text)


def kept(world: World) -> str:
    tables = world.app.extensions["sqlalchemy"].metadatas[None].tables
    return repr([world.rows(f'SELECT * FROM "{table}"') for table in tables])  # noqa: S608 - our own names


def test_a_customers_words_with_a_card_number_are_refused_beside_the_field(world: World) -> None:
    invoice = world.bought("alice")["invoice_guid"]
    asked = Visitor(world).open(f"/cabinet/invoices/{invoice}/refund")
    asked.press("Ask for the refund", choice="full", comment=f"To {GOOD_CARD}, please")
    asked.says("Take out what looks like a card number")
    left = Visitor(world).open("/cabinet").click("Cancel subscription").press("Cancel subscription")
    words = {"csrf_token": csrf_of(left.answer.text), "reason": "other", "comment": f"My card {GOOD_CARD} is old"}
    assert left.send(f"{left.path}/reason", words).status == 422
    left.says("Take out what looks like a card number")
    assert GOOD_CARD not in kept(world)
    assert (world.count("refunds"), world.count("cancel_reasons")) == (0, 0)


def test_the_api_says_which_of_its_refusals_it_is(world: World) -> None:
    invoice = world.bought("alice")["invoice_guid"]
    price = {"amount": 299, "currency": "RUB"}
    answer = world.sign_in("alice").post("/refunds", {"invoice_guid": invoice, "price": price, "reason": GOOD_CARD})
    assert (answer.status_code, answer.json["error_id"]) == (400, "card_number")
    assert GOOD_CARD not in kept(world)
    assert world.count("refunds") == 0


def test_an_operators_note_with_a_card_number_is_refused_beside_the_field(world: World) -> None:
    world.bought("alice")
    subscription = UUID(str(world.one("SELECT id FROM subscriptions")["id"]))
    support, address = world.browser("support"), f"/admin/subscriptions/{subscription}/grant"
    answer = send(support, address, days="3", note=f"paid with {GOOD_CARD}")
    assert answer.status_code == 422
    assert "Take out what looks like a card number" in answer.text
    assert GOOD_CARD not in kept(world)
