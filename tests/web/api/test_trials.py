"""A trial through the API: the plan, the purchase, what runs, what may be watched."""

from __future__ import annotations

from tests.services.trial import with_trial
from tests.world import Caller, World


def tried(world: World, alice: Caller) -> str:
    with_trial(world)
    started = world.buy(alice)
    world.pay(started["redirect_url"])
    world.drain()
    return str(started["invoice_guid"])


def test_a_plan_says_how_long_it_can_be_tried(world: World, alice: Caller) -> None:
    with_trial(world)
    days = {plan["product_id"]: plan["trial_days"] for plan in alice.get("/plans").json}
    assert days["standard"] == 7
    assert days["premium"] == 0


def test_a_purchase_of_nothing_opens_a_trial_with_its_first_charge_ahead(world: World, alice: Caller) -> None:
    guid = tried(world, alice)
    invoice = alice.get(f"/invoices/{guid}").json
    assert (invoice["state"], invoice["product"]["price"]) == ("paid", {"amount": 0.0, "currency": "RUB"})
    (card,) = alice.get("/subscriptions").json
    assert (card["status"], card["auto_renew"], card["access_until"]) == ("trialing", True, "2027-01-18T09:00:00Z")
    assert card["current_period"] == {"from": "2027-01-10T09:00:00Z", "to": "2027-01-17T09:00:00Z"}
    assert card["next"]["price"] == {"amount": 299.0, "currency": "RUB"}
    assert (card["next"]["what"], card["next"]["at"]) == ("renewal", "2027-01-17T09:00:00Z")


def test_nothing_can_be_had_back_of_a_trial(world: World, alice: Caller) -> None:
    guid = tried(world, alice)
    asked = alice.post("/refunds", {"invoice_guid": guid, "price": {"amount": 1, "currency": "RUB"}})
    assert (asked.status_code, asked.json["error_id"]) == (409, "exceeds_refundable")


def test_buying_while_trying_is_refused(world: World, alice: Caller) -> None:
    tried(world, alice)
    answer = alice.post("/purchases", {"product_id": "standard", "product_count": 1})
    assert (answer.status_code, answer.json["error_id"]) == (409, "subscription_exists")


def test_cancelled_and_bought_again_it_costs_its_price(world: World, alice: Caller) -> None:
    tried(world, alice)
    (card,) = alice.get("/subscriptions").json
    path = f"/subscriptions/{card['subscription_id']}/cancel"
    assert alice.post(path, {"when": "period_end"}).json["next"]["what"] == "end"
    assert alice.post(path, {"when": "now"}).json["status"] == "ended"
    again = world.buy(alice)
    invoice = alice.get(f"/invoices/{again['invoice_guid']}").json
    assert invoice["product"]["price"] == {"amount": 299.0, "currency": "RUB"}


def test_without_consent_to_renewal_it_is_an_ordinary_purchase(world: World, alice: Caller) -> None:
    with_trial(world)
    started = world.buy(alice, consents={"terms": True, "personal_data": True, "renewal": False})
    invoice = alice.get(f"/invoices/{started['invoice_guid']}").json
    assert invoice["product"]["price"] == {"amount": 299.0, "currency": "RUB"}


def test_a_trial_gives_what_the_plan_gives_for_a_day_longer(world: World, alice: Caller) -> None:
    tried(world, alice)
    (right,) = world.rights("alice")["entitlements"]
    assert (right["plan"], right["until"]) == ("standard", "2027-01-18T09:00:00Z")
