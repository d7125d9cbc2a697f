"""Payment methods on the pages: the list, adding, choosing, removing, on real rows."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from tests.services.stubborn import plan_fault
from tests.web.cabinet.visitor import Visitor
from tests.world import World

DAY = timedelta(days=1)
ANOTHER = "5555 5555 5555 4444"
LOST = "4000 0000 0000 9987"


def add(world: World, card: str = ANOTHER, login: str = "alice") -> Visitor:
    """Through the consent page to the hosted page, and back before anybody has told us."""
    visitor = Visitor(world, login).open("/cabinet/methods").click("Add a card")
    visitor.press("Go on to the card", renewal="on")
    assert visitor.status == 303
    world.pay(visitor.answer.location, card)
    return visitor.open("/cabinet/methods")


def token_of(visitor: Visitor) -> str:
    found: str = visitor.page.find(".//footer//input[@name='csrf_token']").get("value")
    return found


def test_the_list_says_what_each_card_pays_for_and_never_its_number(world: World) -> None:
    world.bought("alice")
    visitor = Visitor(world).open("/cabinet").click("Payment methods")
    visitor.says("Visa ·· 4242 Used for renewals", "Expires 12/34", "Pays for Standard")
    Visitor(world, language="ru").open("/cabinet/methods").says(
        "Для продлений", "Действует до 12/34", "Оплачивает Стандарт"
    )
    assert "4242 4242" not in visitor.read


def test_without_a_card_the_page_says_what_that_means(world: World) -> None:
    Visitor(world, "boris").open("/cabinet/methods").says("No saved card", "Add a card")
    Visitor(world, "boris", "ru").open("/cabinet/methods").says("Сохранённых карт нет", "Добавить карту")


def test_removing_the_only_card_takes_two_clicks_and_says_the_effect_first(world: World) -> None:
    world.bought("alice")
    visitor = Visitor(world).open("/cabinet").click("Remove the card")
    visitor.says("Remove Visa ·· 4242?", "Renewal stops. Access stays until 10 February 2027.", "add another one")

    visitor.press("Remove the card")

    assert visitor.clicks == 2
    visitor.says("Visa ·· 4242 is removed", "Removed on 10 January 2027, 12:00 MSK. It will not be charged again.")
    visitor.says("Standard does not renew; access until 10 February 2027.", "No saved card")
    kept = {"given": False, "kind": "renewal"}
    assert kept in world.rows("SELECT given, kind FROM consents")
    Visitor(world).open("/cabinet").says("Active, without renewal", "To let it renew, add a card.")
    Visitor(world).open("/cabinet/history").says("Payment method removed, nothing more is charged: Standard.")
    world.pass_time(60 * DAY)
    assert len(world.sandbox.book.charges()) == 1


def test_removing_twice_is_no_error(world: World) -> None:
    world.bought("alice")
    visitor = Visitor(world).open("/cabinet/methods").click("Remove")
    path, token = visitor.path, token_of(visitor)
    visitor.press("Remove the card")
    before = world.counts()
    assert visitor.send(path, {"csrf_token": token}).says("Visa ·· 4242 is removed")
    assert visitor.open(path).says("Visa ·· 4242 is removed")
    assert world.counts() == before


def test_a_card_is_added_with_a_consent_of_its_own_and_pays_from_then_on(world: World) -> None:
    world.bought("alice")
    visitor = Visitor(world).open("/cabinet/methods").click("Add a card")
    visitor.says("Nothing is charged there", "Standard: RUB 299.00 per month, next on 10 February 2027")
    box = visitor.page.find(".//input[@id='renewal']")
    assert box.get("checked") is None

    visitor = add(world)
    visitor.says("The card is not confirmed yet", "Continue entering the card")
    assert visitor.client.get("/cabinet/methods/state").json["state"] == "unfinished"
    visitor.press("Check again")

    visitor.says(
        "The card is saved: Mastercard ·· 4444", "Mastercard ·· 4444 Used for renewals", "Visa ·· 4242 Not used"
    )
    assert visitor.client.get("/cabinet/methods/state").json == {
        "state": "saved",
        "settled": True,
        "text": "The card is saved",
    }
    assert len(world.rows("SELECT id FROM consents WHERE kind = 'renewal' AND given")) == 2
    assert len(world.sandbox.book.charges()) == 1
    world.pass_time(2 * timedelta(hours=1))
    assert "The card is saved" not in visitor.open("/cabinet/methods").read
    Visitor(world).open("/cabinet/history").says("Payment method changed: Standard.")


def test_without_the_tick_no_card_is_added(world: World) -> None:
    visitor = Visitor(world).open("/cabinet/methods/add")
    before = world.count("method_setups")

    visitor.press("Go on to the card")

    assert visitor.status == 422
    visitor.says("There is a problem", "Tick the box")
    assert "#renewal" in visitor.links()
    assert world.count("method_setups") == before


def test_a_card_that_the_bank_refuses_is_not_saved_and_says_why(world: World) -> None:
    world.bought("alice")
    visitor = add(world, LOST)
    visitor.press("Check again")
    read = visitor.read
    assert "Visa ·· 4242 Used for renewals" in read
    assert "9987" not in read


def test_another_card_is_chosen_for_everything(world: World) -> None:
    world.bought("alice")
    add(world).press("Check again")
    visitor = Visitor(world).open("/cabinet/methods")

    visitor.press("Use for all my subscriptions")

    visitor.says("Visa ·· 4242 Used for renewals", "Mastercard ·· 4444 Not used")
    before = world.counts()
    Visitor(world, language="ru").open("/cabinet").says("Карта Visa ·· 4242")
    assert world.counts() == before


def test_a_card_that_the_bank_will_not_take_again_says_so_and_is_not_offered(world: World) -> None:
    world.bought("alice")
    world.write("UPDATE payment_methods SET dead_at = created_at")
    world.write("UPDATE subscriptions SET method_dead = (1 = 1)")
    visitor = Visitor(world).open("/cabinet/methods")
    visitor.says("The bank no longer accepts it", "Add another card")
    assert "Use for all" not in visitor.read


def test_a_card_past_its_date_says_so(world: World) -> None:
    world.bought("alice")
    world.write("UPDATE payment_methods SET expires = '2026-12'")
    Visitor(world).open("/cabinet/methods").says("Its expiry date has passed", "Expires 12/26")
    world.write("UPDATE payment_methods SET expires = '2027-01'")
    Visitor(world).open("/cabinet/methods").says("Used for renewals", "Expires 01/27")


def test_a_payment_system_that_is_silent_leaves_the_form_and_a_sentence(world: World) -> None:
    plan_fault(world, "error_before", "start_checkout")
    visitor = Visitor(world).open("/cabinet/methods/add").press("Go on to the card", renewal="on")
    assert visitor.status == 503
    visitor.says("The payment system does not answer", "No card has been saved.")
    visitor.open("/cabinet/methods").says("The payment system has not opened a page yet")


def test_strangers_and_forms_without_a_token_get_nowhere(world: World) -> None:
    world.bought("alice")
    path = Visitor(world).open("/cabinet/methods").click("Remove").path
    boris, before = Visitor(world, "boris").open("/terms"), world.counts()
    token = token_of(boris)
    for action in (path, path.replace("/remove", "/use"), f"/cabinet/methods/{uuid4()}/remove"):
        assert boris.send(action, {"csrf_token": token}).status == 404
        assert Visitor(world).send(action, {}).status == 400
    assert boris.open(path).status == 404
    assert Visitor(world).send("/cabinet/methods/add", {"renewal": "on"}).status == 400
    for value in ("nonsense", str(uuid4()), path.split("/")[3]):
        shown = Visitor(world).open(f"/cabinet/methods?removed={value}")
        assert shown.status == 200
        assert "is removed" not in shown.read
    assert world.counts() == before
