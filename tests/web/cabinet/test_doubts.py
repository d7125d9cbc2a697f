"""Why was I charged, and what if I do not know the charge: on real rows, from the invoice to every way on."""

from __future__ import annotations

from urllib.parse import unquote

from portal.domain.money import Money
from portal.domain.user import Person
from portal.queries.subscriptions import NextStep
from portal.services import change_plan
from tests.presentation.samples import NOW, card, method, subscription
from tests.services.changes import look, take
from tests.services.month import DAY, DECLINES_LATER, MINUTE, do, subscription_id
from tests.services.test_what_follows import dearer, move
from tests.services.trial import tried
from tests.web.cabinet.site import Site, words
from tests.web.cabinet.visitor import Visitor
from tests.world import World


def invoices(world: World) -> list[str]:
    """Oldest first."""
    return [str(row["invoice_guid"]) for row in reversed(world.sign_in("alice").get("/purchases").json)]


def test_each_charge_of_a_life_says_why_it_was_made(world: World) -> None:
    world.bought("alice")
    world.clock.at += MINUTE
    move(world, dearer(world), world.clock.at + DAY)
    world.pass_time(32 * DAY)
    world.clock.at += MINUTE
    world.bought("alice")
    world.clock.at += MINUTE
    take(world, look(world))
    bought, renewed, ahead, changed = invoices(world)
    visitor = Visitor(world)
    visitor.open(f"/cabinet/invoices/{bought}").says(
        "Why you were charged This is your order of 10 January 2027: Standard, 1 month.",
        "You paid RUB 299.00 on the payment system's page on 10 January 2027, 12:00 MSK with Visa ·· 4242.",
    )
    visitor.open(f"/cabinet/invoices/{renewed}").says(
        "The subscription renews by itself.",
        "The time paid for before ended on 10 February 2027: Standard, 1 month more.",
        "On 10 January 2027 you allowed renewals to be charged.",
        "The price has changed for periods from 11 January 2027 on; before it was RUB 299.00.",
        "RUB 349.00 was charged on 11 February 2027, 12:01 MSK with the saved card Visa ·· 4242.",
    )
    visitor.open(f"/cabinet/invoices/{ahead}").says("You paid ahead on 11 February 2027: Standard, 1 month.")
    visitor.open(f"/cabinet/invoices/{changed}").says(
        "On 11 February 2027 you moved from Standard to Premium, which costs more.",
        "of what you had paid for Standard was unused. That leaves",
    )
    visitor.open(f"/cabinet/invoices/{renewed}/receipt").says("you allowed renewals to be charged")
    Visitor(world, language="ru").open(f"/cabinet/invoices/{renewed}").says(
        "За что списаны деньги Подписка продлевается сама.", "10 января 2027 г. вы разрешили списания за продление."
    )


def test_a_trial_its_first_charge_and_a_debt_paid_by_hand_each_have_their_story(world: World) -> None:
    tried(world, DECLINES_LATER)
    world.pass_time(8 * DAY)
    visitor = Visitor(world)
    trial, first = invoices(world)
    visitor.open(f"/cabinet/invoices/{trial}").says(
        "Why there is this invoice This is your order of 10 January 2027: Standard with a trial.",
        "No money has been taken for it.",
    )
    visitor.open(f"/cabinet/invoices/{first}").says(
        "The trial ended on 17 January 2027, and the subscription goes on for a fee: Standard, 1 month.",
        "1 try did not go through, on 18 January 2027: The bank did not give a reason. No money has been taken for it.",
    )
    assert "I do not recognise this charge" not in visitor.read
    world.clock.at += MINUTE
    world.bought("alice")
    visitor.open(f"/cabinet/invoices/{invoices(world)[-1]}").says("so you paid for it yourself on 18 January 2027")


def test_a_booked_plan_and_a_switch_of_renewal_are_named_by_the_renewal_they_led_to(world: World) -> None:
    world.bought("alice", "premium")
    take(world, look(world, "standard"))
    world.clock.at += DAY
    Visitor(world).open("/cabinet").click("Cancel subscription").press("Cancel subscription")
    Visitor(world).open("/cabinet").press("Switch renewal on")
    alice = Person("alice", email="alice@example.com")
    seen = do(world, change_plan.preview, alice, subscription_id(world), "standard")
    do(world, change_plan.change, alice, seen.quote.subscription_id, "standard", seen.quote.id)
    world.pass_time(32 * DAY)
    Visitor(world).open(f"/cabinet/invoices/{invoices(world)[-1]}").says(
        "You switched on renewal on 11 January 2027.",
        "On 11 January 2027 you chose to move from Premium to Standard.",
    )


def test_an_unknown_charge_shows_what_we_know_and_every_way_on(world: World) -> None:
    paid = world.bought("alice")["invoice_guid"]
    visitor = Visitor(world).open(f"/cabinet/invoices/{paid}").click("I do not recognise this charge")
    visitor.says("Your account alice@example.com", "Subscription Standard", "Sum RUB 299.00", "Paid with Visa ·· 4242")
    visitor.says("This is your order of 10 January 2027", "Up to RUB 299.00 can be returned at once")
    links = visitor.links()
    assert {f"/cabinet/invoices/{paid}/refund", f"/cabinet/subscriptions/{subscription_id(world)}/cancel"} <= set(links)
    assert [link for link in links if link.startswith("/cabinet/methods/") and link.endswith("/remove")]
    (letter,) = [link for link in links if link.startswith("mailto:support@matinee.example?")]
    assert "subject=I do not recognise this charge: invoice M-2027-000001" in unquote(letter)
    assert "alice@example.com" in unquote(letter)
    here = f"/cabinet/invoices/{paid}/unrecognised"
    assert here in Visitor(world).open("/cabinet/history").links()
    assert here in Visitor(world).open(f"/cabinet/invoices/{paid}/receipt").links()
    assert Visitor(world, "boris").open(here).status == 404

    visitor.click("Cancel subscription").press("Cancel subscription")
    visitor.open(here).says("Nothing more is charged for this subscription")
    assert "Stop further charges" not in visitor.read


def test_who_finds_no_subscription_is_told_where_else_to_look(site: Site) -> None:
    assert 'href="/unrecognised"' in site.client().get("/cabinet").text
    read = words(site.client().get("/unrecognised").text)
    assert "You are signed in as alice@example.com." in read
    site.person = None
    answer = site.client().get("/unrecognised")
    assert answer.status_code == 200
    assert "You are not signed in." in words(answer.text)
    assert 'href="/cancel?account=other"' in answer.text


def test_a_card_that_runs_out_names_the_charge_at_risk_a_month_before(site: Site) -> None:
    site.cards = [card(subscription())]
    for expires, said in {
        "2026-11": "Premium: the charge of RUB 499.00 on 22 December 2026 may not go through.",
        "2026-12": None,
    }.items():
        site.methods = [method(expires=expires)]
        read = words(site.client().get("/cabinet").text).replace("\u00a0", " ")
        assert (said is None) == ("may not go through" not in read)
        assert said is None or said in read
    site.cards = [card(subscription(), next=NextStep("renewal", NOW + 3 * DAY, Money(49900, "RUB")))]
    site.methods = [method(expires="2026-11")]
    read = words(site.client().get("/cabinet").text).replace("\u00a0", " ")
    assert "the charge of 25 November 2026 comes before that; the ones after it may not go through." in read
