"""Two payment systems at once: the customer chooses, and a subscription keeps to the one that has its method."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.providers.installing import PaymentSystem
from tests.services.trial import with_trial
from tests.web.cabinet.visitor import Visitor
from tests.world import World

DAY = timedelta(days=1)
MONTH = timedelta(days=31)
GIVEN = {"terms": "on", "personal_data": "on", "renewal": "on"}
DECLINES_LATER = "4000 0000 0000 0341"
PAYWAVE = {"provider": "paywave"}


@pytest.fixture
def engine() -> str:
    return "sqlite"


def bought(world: World, paywave: PaymentSystem, login: str = "alice", plan: str = "standard") -> Visitor:
    """Through the pages, at Paywave."""
    visitor = Visitor(world, login).open(f"/buy/{plan}").press("Pay", **GIVEN, **PAYWAVE)
    paywave.pay(visitor.answer.location)
    paywave.tell()
    return visitor


def charged(world: World) -> list[tuple[str, str]]:
    rows = world.rows("SELECT provider, kind FROM payments WHERE state = 'succeeded' ORDER BY created_at")
    return [(row["provider"], row["kind"]) for row in rows]


def options(visitor: Visitor) -> dict[str, bool]:
    """The ways to pay on the page, and which of them is chosen."""
    radios = visitor.page.findall(".//input[@name='provider'][@type='radio']")
    return {radio.get("value"): "checked" in radio.attrib for radio in radios}


# Buying


def test_where_there_is_one_nobody_is_asked(world: World) -> None:
    assert options(Visitor(world).open("/buy/standard")) == {}
    assert options(Visitor(world).open("/cabinet/methods/add")) == {}


def test_the_ways_are_shown_in_the_readers_language_and_the_first_is_chosen(both: World) -> None:
    english = Visitor(both).open("/buy/standard")
    english.says("How to pay By card in the sandbox Can be kept for renewals, if you allow it. With Paywave")
    assert options(english) == {"sandbox": True, "paywave": False}
    Visitor(both, language="ru").open("/buy/standard").says("Способ оплаты Картой в песочнице", "Через Paywave")


def test_an_address_may_choose_and_what_was_chosen_stays_chosen(both: World) -> None:
    visitor = Visitor(both).open("/buy/standard?provider=paywave")
    assert options(visitor) == {"sandbox": False, "paywave": True}
    visitor.press("Pay", terms="on")
    assert visitor.status == 422
    assert options(visitor) == {"sandbox": False, "paywave": True}


def test_without_a_choice_it_is_the_first(both: World) -> None:
    visitor = Visitor(both).open("/buy/standard").press("Pay", **GIVEN)
    both.pay(visitor.answer.location)
    both.drain()
    assert charged(both) == [("sandbox", "checkout")]


def test_another_choice_is_another_page_and_the_first_cannot_be_paid_any_more(
    both: World, paywave: PaymentSystem
) -> None:
    visitor = Visitor(both).open("/buy/standard").press("Pay", **GIVEN)
    first = visitor.answer.location
    bought(both, paywave)
    both.pay(first)
    both.settle(hours=2)
    assert charged(both) == [("paywave", "checkout")]
    assert both.sandbox.book.charges() == []


@pytest.mark.parametrize(
    "path", ["/buy/standard", "/buy/standard?provider=nobody", "/cabinet/methods/add"], ids=["form", "address", "add"]
)
def test_a_way_that_is_not_there_is_refused_on_the_pages(both: World, path: str) -> None:
    visitor = Visitor(both).open(path.partition("?")[0])
    if "?" in path:
        visitor.open(path)
    else:
        visitor.press("Pay" if "buy" in path else "Go on", **GIVEN, provider="nobody")
    assert visitor.status == 400
    visitor.says("This way to pay is not on offer", "Nothing has been changed")
    assert both.count("payments") == 0


def test_the_api_takes_a_payment_system_and_refuses_one_that_is_not_there(both: World, paywave: PaymentSystem) -> None:
    alice = both.sign_in("alice")
    page = both.buy(alice, provider="paywave")["redirect_url"]
    assert page.startswith(paywave.url)
    refused = alice.post("/purchases", {"product_id": "standard", "product_count": 1, "provider": "nobody"})
    assert (refused.status_code, refused.json["error_id"]) == (400, "unknown_provider")
    assert "sandbox, paywave" in refused.json["error_desc"]


# A subscription keeps to the payment system of its method


def test_renewals_are_charged_where_the_method_is(both: World, paywave: PaymentSystem) -> None:
    bought(both, paywave)
    both.bought("boris")
    both.pass_time(MONTH)
    paywave.tell()
    assert sorted(charged(both)) == [
        ("paywave", "charge"),
        ("paywave", "checkout"),
        ("sandbox", "charge"),
        ("sandbox", "checkout"),
    ]
    assert len(paywave.book.charges()) == len(both.sandbox.book.charges()) == 2


def test_paying_ahead_elsewhere_leaves_renewals_where_they_were(both: World, paywave: PaymentSystem) -> None:
    both.bought("alice")
    visitor = Visitor(both).open("/buy/standard").press("Pay", terms="on", personal_data="on", **PAYWAVE)
    paywave.pay(visitor.answer.location)
    paywave.tell()
    both.pass_time(2 * MONTH)
    assert sorted(charged(both)) == [("paywave", "checkout"), ("sandbox", "charge"), ("sandbox", "checkout")]


def test_a_trial_is_charged_where_its_card_was_saved(both: World, paywave: PaymentSystem) -> None:
    with_trial(both)
    visitor = Visitor(both).open("/buy/standard").press("Start the trial", **GIVEN, **PAYWAVE)
    paywave.pay(visitor.answer.location)
    paywave.tell()
    both.pass_time(8 * DAY)
    assert [charge["taken"] for charge in paywave.book.charges()] == [29900]
    Visitor(both).open("/cabinet").says("Active")


def test_who_owes_may_pay_elsewhere_and_renews_there(both: World, paywave: PaymentSystem) -> None:
    started = both.buy(both.sign_in("alice"))
    both.pay(started["redirect_url"], DECLINES_LATER)
    both.drain()
    both.pass_time(MONTH)
    Visitor(both).open("/cabinet").says("Pay now")
    bought(both, paywave)
    both.pass_time(MONTH)
    assert charged(both) == [("sandbox", "checkout"), ("paywave", "checkout"), ("paywave", "charge")]


# A new method


def added(world: World, paywave: PaymentSystem) -> Visitor:
    visitor = Visitor(world).open("/cabinet/methods").click("Add a card")
    assert options(visitor) == {"sandbox": True, "paywave": False}
    visitor.press("Go on to the card", renewal="on", **PAYWAVE)
    paywave.pay(visitor.answer.location, "5555 5555 5555 4444")
    paywave.tell()
    return visitor.open("/cabinet/methods")


def test_a_card_saved_elsewhere_pays_the_renewals_from_then_on(both: World, paywave: PaymentSystem) -> None:
    both.bought("alice")
    added(both, paywave).says("Mastercard ·· 4444 Used for renewals", "Visa ·· 4242 Not used")
    both.pass_time(MONTH)
    assert charged(both) == [("sandbox", "checkout"), ("paywave", "charge")]


def test_a_card_saved_elsewhere_pays_at_once_what_the_old_one_owes(both: World, paywave: PaymentSystem) -> None:
    """The invoice began at the sandbox; its next try is made where the new card is."""
    started = both.buy(both.sign_in("alice"))
    both.pay(started["redirect_url"], DECLINES_LATER)
    both.drain()
    both.pass_time(MONTH)
    added(both, paywave)
    both.pass_time(timedelta(minutes=5))
    assert charged(both) == [("sandbox", "checkout"), ("paywave", "charge")]
    assert len(both.rows("SELECT DISTINCT invoice_id FROM payments WHERE kind = 'charge'")) == 1
    assert [charge["taken"] for charge in paywave.book.charges()] == [29900]
    Visitor(both).open("/cabinet").says("Active")


def test_who_changes_their_mind_about_where_to_save_is_sent_there(both: World, paywave: PaymentSystem) -> None:
    both.bought("alice")
    visitor = Visitor(both).open("/cabinet/methods/add").press("Go on to the card", renewal="on")
    given_up = visitor.answer.location
    added(both, paywave)
    both.pay(given_up)
    both.settle(hours=1)
    titles = {row["provider"]: row["title"] for row in both.rows("SELECT provider, title FROM payment_methods")}
    assert titles == {"sandbox": "Visa ·· 4242", "paywave": "Mastercard ·· 4444"}
    states = {row["provider"]: row["state"] for row in both.rows("SELECT provider, state FROM method_setups")}
    assert states == {"sandbox": "failed", "paywave": "succeeded"}


# Another plan


def test_a_change_of_plan_without_a_card_is_paid_where_the_customer_chooses(
    both: World, paywave: PaymentSystem
) -> None:
    visitor = Visitor(both).open("/buy/standard").press("Pay", terms="on", personal_data="on")
    both.pay(visitor.answer.location)
    both.drain()
    both.pass_time(10 * DAY)
    visitor.open("/cabinet").click("Change plan").press("See what it comes to", product="premium")
    assert options(visitor) == {"sandbox": True, "paywave": False}
    visitor.press("Pay", **PAYWAVE)
    paywave.pay(visitor.answer.location)
    paywave.tell()
    assert charged(both) == [("sandbox", "checkout"), ("paywave", "checkout")]
    Visitor(both).open("/cabinet").says("Premium")


def test_a_change_of_plan_with_a_card_asks_nobody(both: World) -> None:
    both.bought("alice")
    both.pass_time(10 * DAY)
    visitor = Visitor(both).open("/cabinet").click("Change plan").press("See what it comes to", product="premium")
    assert options(visitor) == {}


def test_the_api_takes_a_payment_system_for_a_change(both: World, paywave: PaymentSystem) -> None:
    alice = both.sign_in("alice")
    consents = {"terms": True, "personal_data": True}
    both.pay(both.buy(alice, consents=consents)["redirect_url"])
    both.drain()
    (subscription,) = alice.get("/subscriptions").json
    path = f"/subscriptions/{subscription['subscription_id']}/change"
    quote = alice.post(f"{path}/preview", {"product_id": "premium"}).json["quote"]
    order = {"product_id": "premium", "quote": quote}
    refused = alice.post(path, order | {"provider": "nobody"})
    assert (refused.status_code, refused.json["error_id"]) == (400, "unknown_provider")
    assert alice.post(path, order | PAYWAVE).json["redirect_url"].startswith(paywave.url)


# One that keeps no methods


@pytest.fixture
def forgetful(both: World) -> World:
    """Paywave keeps no card."""
    provider = both.app.extensions["matinee"].providers["paywave"]
    provider.abilities = replace(provider.abilities, saves_methods=False)
    return both


def test_a_way_that_keeps_no_card_says_so(forgetful: World) -> None:
    visitor = Visitor(forgetful).open("/buy/standard")
    visitor.says("With Paywave Is not kept: this payment only, without renewal.")
    assert options(visitor.open("/cabinet/methods/add")) == {}


def test_a_way_that_keeps_no_card_has_no_renewal_and_no_consent_to_it(forgetful: World, paywave: PaymentSystem) -> None:
    bought(forgetful, paywave)
    kinds = [row["kind"] for row in forgetful.rows("SELECT kind FROM consents WHERE given ORDER BY kind")]
    assert kinds == ["personal_data", "terms"]
    Visitor(forgetful).open("/cabinet").says("without renewal")


def test_a_way_that_keeps_no_card_has_no_trial_and_nobody_is_charged_by_surprise(forgetful: World) -> None:
    with_trial(forgetful)
    visitor = Visitor(forgetful).open("/buy/standard").press("Start the trial", **GIVEN, **PAYWAVE)
    assert visitor.status == 409
    visitor.says("There is no trial with this way to pay", "To pay today RUB 299.00")
    assert options(visitor) == {"sandbox": False, "paywave": True}
    assert forgetful.count("payments") == 0
