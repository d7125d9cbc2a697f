"""A page over nothing: a card is saved for later, and no money is in the book."""

from __future__ import annotations

import re

import pytest

from portal.demo.sandbox.cards import BY_NAME, Approve, Challenge
from portal.domain.money import Money
from portal.domain.outcome import Decline, DeclineClass, Outcome
from portal.providers.port import Answer, RefundOrder
from tests.demo.sandbox.shop import BASE, GOOD, RETURN, Shop

NOTHING = Money(0, "RUB")
SETUP = "setup:1"
REFUSING = [card for card in BY_NAME.values() if isinstance(card.on_page, Decline)]
TAKEN = [card for card in BY_NAME.values() if isinstance(card.on_page, Approve)]


def open_page(shop: Shop, locale: str = "ru") -> str:
    return shop.open_page(SETUP, amount=NOTHING, locale=locale)


def saved_with(shop: Shop, card: str = GOOD) -> Answer:
    shop.pay(open_page(shop), card)
    return shop.provider.find(SETUP)


@pytest.mark.parametrize("card", TAKEN, ids=lambda card: str(card.name))
def test_a_good_card_is_saved_and_nothing_is_taken(shop: Shop, card: object) -> None:
    answer = saved_with(shop, getattr(card, "number", GOOD))
    assert (answer.outcome, answer.amount) == (Outcome.succeeded, NOTHING)
    assert answer.method is not None
    assert answer.method.title.endswith(getattr(card, "last4", ""))
    assert shop.book.charges() == []
    shop.clock.advance(days=10)
    shop.provider.find(SETUP)
    assert shop.book.disputes() == []


def test_a_saved_card_can_be_charged_later(shop: Shop) -> None:
    method = saved_with(shop).method
    assert method is not None
    assert shop.provider.charge(shop.renewal(method)).outcome is Outcome.succeeded
    assert shop.taken() == [59900]


@pytest.mark.parametrize("card", REFUSING, ids=lambda card: str(card.name))
def test_a_refused_card_is_not_saved(shop: Shop, card: object) -> None:
    answer = saved_with(shop, getattr(card, "number", GOOD))
    assert (answer.outcome, answer.decline, answer.method) == (Outcome.failed, getattr(card, "on_page", None), None)


@pytest.mark.parametrize(("decision", "outcome"), [("confirm", Outcome.succeeded), ("refuse", Outcome.failed)])
def test_the_bank_may_ask_before_a_card_is_saved(shop: Shop, decision: str, outcome: Outcome) -> None:
    page = open_page(shop)
    card = next(card for card in BY_NAME.values() if isinstance(card.on_page, Challenge))
    assert shop.pay(page, card.number).headers["Location"].endswith("/confirm")
    bank = shop.browser.get(f"{page}/confirm").text
    assert "Подтвердите карту" in bank
    assert "0,00" not in bank
    assert shop.decide(page, decision).headers["Location"] == RETURN
    answer = shop.provider.find(SETUP)
    assert (answer.outcome, answer.method is not None) == (outcome, outcome is Outcome.succeeded)
    assert shop.book.charges() == []


def test_the_page_says_in_both_languages_that_a_card_is_saved_and_nothing_is_charged(shop: Shop) -> None:
    url = open_page(shop)
    page = shop.browser.get(url).text
    assert re.findall(r"<button[^>]*>([^<]*)", page) == ["Сохранить карту"]
    assert "Сейчас спишется" in page
    assert "ничего" in page
    shop.provider.close_checkout(SETUP)
    assert "Карта не сохранена, деньги не списаны" in shop.browser.get(url).text

    english = shop.browser.get(shop.open_page("setup:2", amount=NOTHING, locale="en")).text
    assert re.findall(r"<button[^>]*>([^<]*)", english) == ["Save the card"]
    assert "Charged now" in english
    assert "nothing" in english
    assert not re.search(r"Pay\b|Заплатить|0[.,]00", page + english)


def test_a_mistake_on_the_page_brings_it_back(shop: Shop) -> None:
    answer = shop.pay(open_page(shop), "4242 4242 4242 4241")
    assert answer.status_code == 422
    assert "Карта не отправлена" in answer.text
    assert "<title>Ошибка: Сохранить карту" in answer.text


def test_the_shop_is_told_as_of_a_payment(shop: Shop) -> None:
    saved_with(shop)
    (event,) = shop.book.webhooks()
    assert (event["type"], event["reference"]) == ("payment.succeeded", SETUP)


def test_a_page_over_nothing_that_saves_nothing_is_refused(shop: Shop) -> None:
    answer = shop.provider.start_checkout(shop.order(SETUP, amount=NOTHING, save_method=False))
    assert answer.decline == Decline(DeclineClass.gateway, "invalid_request")
    assert shop.book.payments() == []


def test_nothing_cannot_be_given_back_or_disputed(shop: Shop) -> None:
    saved = saved_with(shop)
    assert saved.provider_ref is not None
    back = shop.provider.refund(RefundOrder("refund:1", saved.provider_ref, Money(1, "RUB")))
    assert back.decline == Decline(DeclineClass.hard, "refund_exceeds_payment")
    assert shop.api.post("/v1/test/disputes", json={"reference": SETUP}).status_code == 400


def test_no_fault_makes_a_page_over_nothing_take_money(shop: Shop) -> None:
    shop.plan("wrong_amount", "pay")
    assert saved_with(shop).amount == NOTHING


@pytest.mark.parametrize("fault", ["timeout_after", "error_after", "garbage", "pending_then_late"])
def test_a_disturbed_saving_ends_as_a_payment_would(shop: Shop, fault: str) -> None:
    page = open_page(shop)
    shop.plan(fault, "pay", hold_seconds=0)
    try:
        shop.pay(page)
    except Exception as error:  # the line was dropped
        assert "NoAnswer" in repr(error) or "Timeout" in repr(error) or "Read" in repr(error)  # noqa: PT017 - either
    shop.clock.advance(hours=2)
    assert shop.provider.find(SETUP).outcome is Outcome.succeeded
    assert page.startswith(BASE)
