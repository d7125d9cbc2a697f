"""What a customer reads while the bank looks into a payment: neutral words, and nothing that cannot be done."""

from __future__ import annotations

import pytest

from tests.services.bank import bank, payment_of, refund_by_hand
from tests.services.month import subscribed, subscription_id
from tests.web.admin.office import send
from tests.world import World


@pytest.fixture
def engine() -> str:
    return "sqlite"


def test_the_card_says_that_nothing_is_charged_and_offers_no_renewal(world: World) -> None:
    payment = payment_of(world, subscribed(world))
    bank(world, payment)
    alice = world.browser("alice")
    page = alice.get("/cabinet").text
    assert "The bank is looking into a payment for this subscription. Until it has decided, nothing is charged" in page
    assert "Switch renewal on" not in page
    bank(world, payment, "won")
    assert "Switch renewal on" in alice.get("/cabinet").text


def test_the_page_of_a_refund_says_why_not(world: World) -> None:
    invoice = subscribed(world)
    alice = world.browser("alice")
    path = f"/cabinet/invoices/{invoice}"
    assert f"{path}/refund" in alice.get(path).text
    form = {"choice": "other", "amount": "1.00"}
    before = alice.get(f"{path}/refund").text
    bank(world, payment_of(world, invoice))
    page = alice.get(f"{path}/refund").text
    assert "This payment was contested at the bank" in page
    assert 'name="choice"' not in page
    assert f"{path}/refund" not in alice.get(path).text
    sent = alice.post(
        f"{path}/refund", data=form | {"csrf_token": before.split('csrf_token" value="')[1].split('"')[0]}
    )
    assert sent.status_code == 409
    assert "The bank is looking into this payment" in sent.text
    assert world.count("refunds") == 0


def test_renewal_is_not_switched_on_past_the_page(world: World) -> None:
    payment = payment_of(world, subscribed(world))
    alice = world.browser("alice")
    mine = subscription_id(world)
    bank(world, payment)
    answer = send(alice, f"/cabinet/subscriptions/{mine}/resume", form_at="/cabinet/methods")
    assert answer.status_code == 409
    assert world.one("SELECT auto_renew FROM subscriptions")["auto_renew"] == 0


def test_a_lost_dispute_and_a_refund_of_others_are_told_in_the_history(world: World) -> None:
    payment = payment_of(world, subscribed(world))
    refund_by_hand(world, payment, 10000)
    bank(world, payment)
    bank(world, payment, "lost")
    page = world.browser("alice").get("/cabinet/history").text
    for sentence in (
        "Money returned.",
        "The bank is looking into a payment that was contested there",
        "The bank has returned the money of the contested payment.",
        "Subscription ended because its payment was returned through the bank",
    ):
        assert sentence in page
    assert "contested through the bank" in world.browser("alice").get("/cabinet").text
