"""The hosted pages as a browser without JavaScript meets them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from portal.demo.sandbox.cards import CARDS
from portal.demo.sandbox.words import WORDS
from portal.domain.money import Money
from portal.domain.outcome import Decline, DeclineClass, Outcome
from tests.demo.sandbox.shop import BASE, GOOD, RETURN, Shop

MISTAKES = [
    ({"card": ""}, "Введите номер карты"),
    ({"card": "4242 4242 4242 4241"}, "В номере карты ошибка"),
    ({"card": "42424242"}, "В номере карты ошибка"),
    ({"card": "４２４２ 4242 4242 4242"}, "В номере карты ошибка"),
    ({"card": "4111 1111 1111 1111"}, "Это не тестовая карта"),
    ({"expiry": ""}, "Введите срок действия карты"),
    ({"expiry": "13/30"}, "Срок действия: месяц и год"),
    ({"expiry": "12/26"}, "Срок действия карты прошёл"),
    ({"cvc": "12"}, "CVC — это три цифры"),
    ({"cvc": "1234"}, "CVC — это три цифры"),
]


@pytest.mark.parametrize(("typed", "sentence"), MISTAKES)
def test_a_mistake_brings_the_page_back_with_a_sentence(shop: Shop, typed: dict[str, str], sentence: str) -> None:
    page = shop.open_page()
    answer = shop.pay(page, **typed)
    assert answer.status_code == 422
    assert answer.text.count(sentence) == 2  # in the summary and at its field
    assert "<title>Ошибка: " in answer.text
    assert 'role="alert"' in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert shop.provider.find("payment:1").outcome is Outcome.requires_action
    assert shop.pay(page).status_code == 303


def test_only_the_expiry_is_given_back_after_a_mistake(shop: Shop) -> None:
    page = shop.pay(shop.open_page(), expiry="13/30", cvc="1357").text
    assert 'value="13/30"' in page
    assert "1357" not in page
    assert re.search(r'id="card_number"[^>]*value=""', page)


@pytest.mark.parametrize("expiry", ["1/27", "01/27", "01 / 27", "0127", "01/2027"])
def test_the_current_month_is_valid_however_it_is_typed(shop: Shop, expiry: str) -> None:
    expected = 422 if expiry == "1/27" else 303
    assert shop.pay(shop.open_page(), expiry=expiry).status_code == expected


def test_the_page_has_one_post_form_whose_first_button_pays_and_a_link_that_does_not(shop: Shop) -> None:
    url = shop.open_page()
    page = shop.browser.get(url).text
    assert re.findall(r"<form[^>]*>", page) == ['<form method="post" novalidate>']
    assert re.findall(r"<button[^>]*>([^<]*)", page) == ["Заплатить 599,00\u00a0₽"]
    assert f'href="{RETURN}"' in page
    assert shop.provider.find("payment:1").outcome is Outcome.requires_action


def test_the_page_speaks_the_checkouts_language(shop: Shop) -> None:
    assert '<html lang="ru">' in shop.browser.get(shop.open_page("payment:1", locale="ru-RU")).text
    english = shop.browser.get(shop.open_page("payment:2", locale="de", amount=Money(500, "JPY"))).text
    assert '<html lang="en">' in english
    assert "Pay ¥500" in english


def test_both_languages_say_everything() -> None:
    assert WORDS["ru"].keys() == WORDS["en"].keys()
    assert all(f"effect_{card.name}" in WORDS["ru"] for card in CARDS)


def test_pages_may_load_a_style_sheet_and_send_their_form_to_the_shop_only(shop: Shop) -> None:
    answer = shop.browser.get(shop.open_page())
    policy = answer.headers["Content-Security-Policy"]
    assert policy == (
        "default-src 'none'; style-src 'self'; form-action 'self' http://127.0.0.1:8000; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers
    assert not re.search(r"<script|<style| style=| on[a-z]+=", answer.text)
    sheet = re.search(r'href="([^"]*\.css)"', answer.text)
    assert sheet is not None
    assert shop.browser.get(f"http://127.0.0.1:8000{sheet[1]}").status_code == 200


def test_text_of_the_shop_is_escaped(shop: Shop) -> None:
    page = shop.browser.get(shop.open_page(description="<script>alert(1)</script>")).text
    assert "&lt;script&gt;" in page


def test_a_return_address_cannot_smuggle_a_policy(shop: Shop) -> None:
    answer = shop.provider.start_checkout(shop.order(return_url="https://shop.example;script-src * /"))
    assert answer.decline == Decline(DeclineClass.gateway, "invalid_request")


def test_no_card_number_is_kept(shop: Shop, tmp_path: Path) -> None:
    shop.buy()
    shop.pay(shop.open_page("payment:2"), "4111 1111 1111 1111")
    shop.book.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"payment:1" in kept
    assert GOOD.replace(" ", "").encode() not in kept
    assert b"4111" not in kept


def test_a_page_that_ran_out_says_so_and_takes_nothing(shop: Shop) -> None:
    page = shop.open_page()
    shop.clock.advance(hours=24)
    assert shop.pay(page).status_code == 410
    gone = shop.browser.get(page)
    assert (gone.status_code, "деньги не списаны" in gone.text) == (410, True)
    failed = shop.provider.find("payment:1")
    assert failed.decline == Decline(DeclineClass.closed, "checkout_expired")
    assert [event["type"] for event in shop.book.webhooks()] == ["payment.failed"]
    assert shop.taken() == []


def test_a_closed_page_cannot_be_paid_and_closing_again_says_the_same(shop: Shop) -> None:
    page = shop.open_page()
    first, second = shop.provider.close_checkout("payment:1"), shop.provider.close_checkout("payment:1")
    assert first.decline == second.decline == Decline(DeclineClass.closed, "checkout_closed")
    assert shop.pay(page).status_code == 410
    assert shop.taken() == []


def test_closing_a_paid_page_says_that_it_was_paid(shop: Shop) -> None:
    shop.buy()
    assert shop.provider.close_checkout("payment:1").outcome is Outcome.succeeded


def test_closing_what_is_not_there_proves_nothing(shop: Shop) -> None:
    assert shop.provider.close_checkout("payment:1").outcome is Outcome.unknown


def test_a_paid_page_sends_its_visitor_back_to_the_shop(shop: Shop) -> None:
    page = shop.open_page()
    shop.pay(page)
    assert shop.browser.get(page).headers["Location"] == RETURN
    assert shop.browser.get(f"{page}/confirm").headers["Location"] == RETURN


@pytest.mark.parametrize("path", ["", "/confirm"])
def test_an_unknown_page_is_a_page_too(shop: Shop, path: str) -> None:
    answer = shop.browser.get(f"{BASE}/pay/unknown{path}", headers={"Accept-Language": "ru"})
    assert (answer.status_code, "Такой страницы нет" in answer.text) == (404, True)


@pytest.mark.parametrize("fault", ["error_before", "error_after", "rate_limited"])
def test_a_broken_page_does_not_claim_to_know(shop: Shop, fault: str) -> None:
    page = shop.open_page()
    shop.plan(fault, "pay")
    broken = shop.pay(page)
    assert broken.status_code >= 429
    assert "Не платите снова" in broken.text
    assert shop.taken() == ([59900] if fault == "error_after" else [])
