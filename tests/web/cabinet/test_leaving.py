"""Cancelling both ways, coming back, and what the cabinet says in every state, on real rows."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from tests.web.cabinet.visitor import Visitor
from tests.world import World

DAY = timedelta(days=1)
SAVES_THEN_DECLINES = "4000 0000 0000 0341"
ASKS_EVERY_TIME = "4000 0027 6000 3184"


def subscription_id(world: World) -> str:
    return str(world.sign_in("alice").get("/subscriptions").json[0]["subscription_id"])


def sold(world: World, card: str) -> None:
    started = world.buy(world.sign_in("alice"))
    world.pay(started["redirect_url"], card)
    world.drain()


def overdue(world: World, days: int) -> None:
    """A renewal that is declined, and then so many days."""
    sold(world, SAVES_THEN_DECLINES)
    world.clock.at += 31 * DAY
    world.pass_time(timedelta(minutes=1))
    for _ in range(days):
        world.pass_time(DAY)


def test_cancelling_at_the_end_takes_two_clicks_and_leaves_a_proof(world: World) -> None:
    world.bought("alice")
    visitor = Visitor(world).open("/cabinet")

    visitor.click("Cancel subscription").press("Cancel subscription")

    assert visitor.clicks == 2
    visitor.says("The subscription is cancelled", "No further charges. Access until 10 February 2027.")
    visitor.says("Cancelled on 10 January 2027, 12:00 MSK", "Ends on 10 February 2027, 12:00 MSK", "C-0000")
    assert world.one("SELECT auto_renew, state FROM subscriptions") == {"auto_renew": False, "state": "active"}
    kept = visitor.read
    assert visitor.open(visitor.path).read == kept


def test_the_cancel_page_shows_both_ways_with_dates_and_sums_before_anything_happens(world: World) -> None:
    world.bought("alice")
    before = world.counts()
    for language, said in {
        "en": ("Access until 10 February 2027, 12:00 MSK", "Access ends at once", "up to RUB 299.00 now"),
        "ru": ("Доступ до 10 февраля 2027 г., 12:00 МСК", "Доступ закроется сейчас", "сейчас до 299,00 ₽"),
    }.items():
        visitor = Visitor(world, language=language).open(f"/cabinet/subscriptions/{subscription_id(world)}/cancel")
        visitor.says(*said)
        ways = [field for field in visitor.page.iter("input") if field.get("type") == "radio"]
        assert [(way.get("value"), way.get("checked") is not None) for way in ways] == [
            ("period_end", True),
            ("now", False),
        ]
    assert world.counts() == before


def test_cancelling_at_once_closes_access_and_says_since_when(world: World) -> None:
    world.bought("alice")
    visitor = Visitor(world).open("/cabinet").click("Cancel subscription")

    visitor.press("Cancel subscription", when="now")

    visitor.says("was cancelled and ended on 10 January 2027", "Reference number C-0000")
    world.drain()
    assert world.rights("alice")["entitlements"] == []
    assert "Switch renewal on" not in visitor.read


def test_repeating_is_no_error(world: World) -> None:
    world.bought("alice")
    visitor = Visitor(world).open("/cabinet").click("Cancel subscription")
    form, _ = visitor._button("Cancel subscription")
    visitor.press("Cancel subscription")
    before = world.counts()
    token = next(field.get("value") for field in form.iter("input") if field.get("name") == "csrf_token")

    again = visitor.send(visitor.path, {"csrf_token": token, "when": "period_end"})

    assert (again.status, world.counts()) == (200, before)
    assert again.says("The subscription is cancelled")


@pytest.mark.parametrize("when", [None, "", "tomorrow", "NOW"])
def test_without_a_known_moment_the_form_comes_back(world: World, when: str | None) -> None:
    world.bought("alice")
    visitor = Visitor(world).open("/cabinet").click("Cancel subscription")
    before = world.counts()

    visitor.press("Cancel subscription", **({"when": when} if when is not None else {"when": ""}))

    assert visitor.status == 422
    visitor.says("There is a problem", "Choose when the subscription ends")
    assert visitor.page.find(".//title").text.startswith("Error:")
    assert world.counts() == before


def test_a_form_without_its_token_and_a_strangers_subscription_change_nothing(world: World) -> None:
    world.bought("alice")
    mine = f"/cabinet/subscriptions/{subscription_id(world)}"
    visitor, stranger = Visitor(world), Visitor(world, "boris")
    token = stranger.open("/terms").page.find(".//footer//input[@name='csrf_token']").get("value")
    before = world.counts()

    assert visitor.send(f"{mine}/cancel", {"when": "now"}).status == 400
    assert visitor.send(f"{mine}/resume", {}).status == 400
    assert stranger.open(f"{mine}/cancel").status == 404
    assert stranger.send(f"{mine}/cancel", {"when": "now", "csrf_token": token}).status == 404
    assert stranger.send(f"{mine}/resume", {"csrf_token": token}).status == 404
    assert stranger.open(f"/cabinet/subscriptions/{uuid4()}/cancel").status == 404
    assert world.counts() == before


def test_coming_back_is_one_click_beside_its_date_and_sum(world: World) -> None:
    world.bought("alice")
    Visitor(world).open("/cabinet").click("Cancel subscription").press("Cancel subscription")
    visitor = Visitor(world).open("/cabinet")
    visitor.says("If you switch renewal on, RUB 299.00 is charged on 10 February 2027 with Visa ·· 4242.")

    visitor.press("Switch renewal on")

    assert visitor.clicks == 1
    visitor.says("Next charge 10 February 2027, RUB 299.00", "Card Visa ·· 4242")


def test_coming_back_without_a_card_leads_to_adding_one(world: World) -> None:
    world.bought("alice")
    page = Visitor(world).open("/cabinet")
    page.click("Remove the card").press("Remove the card")
    visitor = Visitor(world).open("/cabinet")
    token = visitor.page.find(".//footer//input[@name='csrf_token']").get("value")

    refused = visitor.send(f"/cabinet/subscriptions/{subscription_id(world)}/resume", {"csrf_token": token})

    assert refused.status == 409
    refused.says("A payment method is needed")
    assert "/cabinet/methods/add" in refused.links()


def test_a_declined_renewal_says_when_it_is_tried_again_and_what_to_do(world: World) -> None:
    overdue(world, 0)
    visitor = Visitor(world).open("/cabinet")
    visitor.says("Payment failed", "We try again on 11 February 2027; you can watch until 17 February 2027.")
    visitor.says("Next try 11 February 2027, RUB 299.00", "Card Visa ·· 0341", "ends on 24 February 2027", "Pay now")
    assert "/buy/standard" in visitor.links()
    Visitor(world, language="ru").open("/cabinet").says(
        "Следующая попытка 11 февраля 2027 г., 299,00 ₽", "Подписка закончится 24 февраля 2027 г.", "Оплатить сейчас"
    )

    visitor.click("Cancel subscription").says("What is due now, RUB 299.00, is not charged any more.")
    visitor.press("Cancel subscription").says("The subscription is cancelled", "Nothing more will be charged.")
    tries = world.count("payments")
    world.pass_time(10 * DAY)
    assert world.count("payments") == tries


def test_a_suspended_subscription_says_that_access_is_closed_and_can_be_left(world: World) -> None:
    overdue(world, 8)
    visitor = Visitor(world).open("/cabinet")
    visitor.says("Suspended", "access is closed", "Next try 20 February 2027, RUB 299.00", "ends on 24 February 2027")
    Visitor(world, language="ru").open("/cabinet").says("доступ закрыт", "Следующая попытка 20 февраля 2027 г.")

    visitor.click("Cancel subscription").says("Access is closed already.")
    visitor.press("Cancel subscription").says("The subscription is cancelled")


def test_buying_again_shows_the_time_that_paying_gives(world: World) -> None:
    overdue(world, 2)
    Visitor(world).open("/buy/standard").says("Paid time 10 February 2027 — 10 March 2027")
    Visitor(world).open("/buy/premium-year").says("Paid time 10 February 2027 — 10 February 2028")
    for _ in range(6):
        world.pass_time(DAY)
    Visitor(world).open("/buy/standard").says("Paid time 18 February 2027 — 18 March 2027")


def test_what_has_ended_says_so_and_cannot_be_cancelled_once_more(world: World) -> None:
    overdue(world, 15)
    visitor = Visitor(world).open(f"/cabinet/subscriptions/{subscription_id(world)}/cancel")
    visitor.says("The subscription has ended", "because the renewal was not paid", "Choose a plan")
    token = visitor.page.find(".//footer//input[@name='csrf_token']").get("value")

    refused = visitor.send(visitor.path, {"csrf_token": token, "when": "now"})

    assert refused.status == 409
    refused.says("This subscription has already ended")


def test_a_renewal_that_the_bank_wants_confirmed_is_put_before_the_customer(world: World) -> None:
    sold(world, ASKS_EVERY_TIME)
    world.pass_time(32 * DAY)
    visitor = Visitor(world).open("/cabinet")
    visitor.says("Standard: the bank asks you to confirm the renewal", "RUB 299.00, being charged now")
    visitor.click("Confirm").says("The payment is not confirmed yet", "Continue to payment")


def test_an_order_that_waits_is_closed_from_its_invoice(world: World) -> None:
    world.buy(world.sign_in("alice"))
    visitor = Visitor(world).open(f"/cabinet/subscriptions/{subscription_id(world)}/cancel")
    visitor.says("Do not want to pay?")

    visitor.press("Close this invoice")

    visitor.says("Cancelled", "Page closed without a payment")
    assert "Close this invoice" not in visitor.read
    assert world.one("SELECT state, fail_reason FROM invoices") == {"state": "fail", "fail_reason": "cancelled"}
    assert Visitor(world).open("/cabinet").says("No subscriptions yet")


def test_closing_is_for_the_owner_and_for_what_is_not_paid(world: World) -> None:
    invoice = world.bought("alice")["invoice_guid"]
    visitor, stranger = Visitor(world).open("/cabinet/history"), Visitor(world, "boris").open("/terms")
    tokens = [v.page.find(".//footer//input[@name='csrf_token']").get("value") for v in (visitor, stranger)]

    assert stranger.send(f"/cabinet/invoices/{invoice}/close", {"csrf_token": tokens[1]}).status == 404
    refused = visitor.send(f"/cabinet/invoices/{invoice}/close", {"csrf_token": tokens[0]})

    assert refused.status == 409
    refused.says("This invoice cannot be cancelled")


def test_nothing_tells_customers_to_write_a_letter_to_cancel(world: World) -> None:
    world.bought("alice")
    for path in ("/cabinet", "/buy/premium", "/terms"):
        visitor = Visitor(world, "alice" if path == "/cabinet" else "boris").open(path)
        assert "letter" not in visitor.read
        assert [link for link in visitor.links() if link.startswith("mailto:")] == []


def test_the_history_tells_of_cancelling_and_coming_back(world: World) -> None:
    world.bought("alice")
    Visitor(world).open("/cabinet").click("Cancel subscription").press("Cancel subscription")
    Visitor(world).open("/cabinet").press("Switch renewal on")
    visitor = Visitor(world).open("/cabinet/history")
    visitor.says("Renewal switched off: Standard, access until 10 February 2027.", "Renewal switched on: Standard.")
