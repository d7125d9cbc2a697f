"""What each card does, on the hosted page and when its saved method is charged."""

from __future__ import annotations

from dataclasses import replace

import pytest

from portal.demo.sandbox.cards import BY_NUMBER, CARDS, passes_checksum
from portal.domain.outcome import Decline, DeclineClass, Outcome
from tests.demo.sandbox.shop import PRICE, RETURN, Shop

REFUSED = [
    ("4000 0000 0000 0002", DeclineClass.soft, "declined"),
    ("4000 0000 0000 9995", DeclineClass.soft, "insufficient_funds"),
    ("4000 0000 0000 9987", DeclineClass.hard, "lost_card"),
    ("4000 0000 0000 0069", DeclineClass.hard, "expired_card"),
]
ACCEPTED = ["4242424242424242", "4000000000000341", "4000002760003184", "4000000000003184", "4000000000000259"]


@pytest.mark.parametrize("card", ACCEPTED)
def test_a_card_that_pays_is_taken_once_and_saved(shop: Shop, card: str) -> None:
    page = shop.open_page()
    answer = shop.pay(page, card)
    assert (answer.status_code, answer.headers["Location"]) == (303, RETURN)
    paid = shop.provider.find("payment:1")
    assert (paid.outcome, paid.amount, shop.taken()) == (Outcome.succeeded, PRICE, [59900])
    assert paid.method is not None
    assert (paid.method.title, paid.method.expires) == (f"Visa ·· {card[-4:]}", "2030-12")


@pytest.mark.parametrize(("card", "kind", "code"), REFUSED)
def test_a_declined_card_ends_its_checkout(shop: Shop, card: str, kind: DeclineClass, code: str) -> None:
    page = shop.open_page()
    assert shop.pay(page, card).headers["Location"] == RETURN
    failed = shop.provider.find("payment:1")
    assert (failed.outcome, failed.decline, failed.method) == (Outcome.failed, Decline(kind, code), None)
    assert shop.pay(page).headers["Location"] == RETURN
    assert (shop.provider.find("payment:1").outcome, shop.taken()) == (Outcome.failed, [])


def test_three_d_secure_asks_on_a_second_page_and_takes_the_money_there(shop: Shop) -> None:
    page = shop.open_page()
    asked = shop.pay(page, "4000 0000 0000 3220")
    assert (asked.status_code, asked.headers["Location"]) == (
        303,
        f"{page.removeprefix('http://127.0.0.1:8000')}/confirm",
    )
    assert (shop.taken(), shop.provider.find("payment:1").outcome) == ([], Outcome.requires_action)
    assert "Visa ·· 3220" in shop.browser.get(f"{page}/confirm").text
    assert shop.decide(page).headers["Location"] == RETURN
    assert shop.provider.find("payment:1").outcome is Outcome.succeeded
    shop.decide(page)
    assert shop.taken() == [59900]


def test_refusing_three_d_secure_is_a_soft_decline(shop: Shop) -> None:
    page = shop.open_page()
    shop.pay(page, "4000 0000 0000 3220")
    assert shop.decide(page, "refuse").headers["Location"] == RETURN
    failed = shop.provider.find("payment:1")
    assert failed.decline == Decline(DeclineClass.soft, "authentication_failed")
    assert shop.taken() == []


def test_another_card_may_be_tried_while_three_d_secure_waits(shop: Shop) -> None:
    page = shop.open_page()
    shop.pay(page, "4000 0000 0000 3220")
    shop.pay(page)
    assert shop.decide(page).headers["Location"] == RETURN
    assert shop.taken() == [59900]


def test_nobody_confirms_a_payment_that_was_not_asked_for(shop: Shop) -> None:
    page = shop.open_page()
    assert shop.decide(page).headers["Location"].endswith(page.removeprefix("http://127.0.0.1:8000"))
    assert shop.taken() == []


@pytest.mark.parametrize("card", ["4242424242424242", "4000000000003220", "4000000000000259"])
def test_a_saved_method_pays_while_its_owner_is_away(shop: Shop, card: str) -> None:
    page = shop.open_page("payment:first")
    shop.pay(page, card)
    shop.decide(page)
    method = shop.provider.find("payment:first").method
    assert method is not None
    assert shop.provider.charge(shop.renewal(method)).outcome is Outcome.succeeded
    assert shop.taken("payment:2") == [59900]


def test_the_card_that_pays_once_declines_every_renewal(shop: Shop) -> None:
    renewal = shop.renewal(shop.saved("4000 0000 0000 0341"))
    assert shop.provider.charge(renewal).decline == Decline(DeclineClass.soft, "declined")


def test_a_renewal_that_must_be_authenticated_is_finished_by_the_customer_on_the_same_payment(shop: Shop) -> None:
    asked = shop.provider.charge(shop.renewal(shop.saved("4000 0027 6000 3184")))
    assert asked.outcome is Outcome.requires_action
    assert asked.redirect_url is not None
    assert shop.browser.get(asked.redirect_url).headers["Location"].endswith("/confirm")
    shop.decide(asked.redirect_url)
    paid = shop.provider.find("payment:2")
    assert (paid.outcome, paid.provider_ref, shop.taken("payment:2")) == (
        Outcome.succeeded,
        asked.provider_ref,
        [59900],
    )
    assert shop.browser.get(asked.redirect_url).headers["Location"] == RETURN


def test_a_charge_without_a_way_back_ends_on_a_page_that_says_so(shop: Shop) -> None:
    method = shop.saved("4000 0027 6000 3184")
    whose = {"customer": method.customer_ref, "method": method.method_ref}
    body = {"reference": "payment:2", "amount": 59900, "currency": "RUB", "description": "Renewal", **whose}
    page = shop.api.post("/v1/charges", json=body).json()["url"]
    shop.decide(page)
    assert "You can close this page" in shop.browser.get(page).text


def test_a_renewal_that_waits_for_its_customer_can_be_closed(shop: Shop) -> None:
    asked = shop.provider.charge(shop.renewal(shop.saved("4000 0027 6000 3184")))
    assert asked.redirect_url is not None
    closed = shop.provider.close_checkout("payment:2")
    assert closed.decline == Decline(DeclineClass.closed, "checkout_closed")
    shop.decide(asked.redirect_url)
    assert shop.taken("payment:2") == []


def test_a_detached_method_is_refused_for_good(shop: Shop) -> None:
    method = shop.saved()
    assert shop.provider.detach(method.method_ref)
    assert shop.provider.detach(method.method_ref)
    assert shop.provider.detach("pm_never_seen")
    assert shop.provider.charge(shop.renewal(method)).decline == Decline(DeclineClass.hard, "method_detached")


def test_a_method_is_refused_after_the_month_it_was_valid_until(shop: Shop) -> None:
    method = shop.saved()
    shop.clock.at = shop.clock.at.replace(year=2031)
    assert shop.provider.charge(shop.renewal(method)).decline == Decline(DeclineClass.hard, "expired_card")


def test_another_customers_method_is_not_charged(shop: Shop) -> None:
    mine, order = shop.saved(), shop.order("payment:boris", user_id="boris")
    shop.pay(shop.provider.start_checkout(order).redirect_url or "")
    theirs = shop.provider.find("payment:boris").method
    assert theirs is not None
    stolen = replace(shop.renewal(mine), customer_ref=theirs.customer_ref)
    refused = shop.provider.charge(stolen)
    assert refused.decline == Decline(DeclineClass.gateway, "no_such_method")
    assert shop.taken("payment:2") == []


def test_a_checkout_that_saves_nothing_leaves_no_method(shop: Shop) -> None:
    assert shop.buy(save_method=False).method is None


def test_every_listed_card_has_a_valid_checksum() -> None:
    assert all(passes_checksum(card.number) for card in CARDS)
    assert not passes_checksum("4242424242424241")
    assert set(BY_NUMBER.values()) == set(CARDS)
