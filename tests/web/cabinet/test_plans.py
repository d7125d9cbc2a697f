from __future__ import annotations

import pytest

from portal.domain.calendar import Interval
from portal.domain.user import Person
from tests.presentation.samples import card, number, offer, subscription
from tests.web.cabinet.site import Site, words

YEAR = offer(499000, code="year", id=number(13), interval=Interval.year, names={"ru": "Год", "en": "Year"})
SPORT = offer(24900, code="sport", id=number(14), group="sport", names={"ru": "Спорт", "en": "Sport"})


def test_a_plan_shows_its_price_its_interval_and_its_features_in_words(site: Site) -> None:
    site.offers, site.person = [offer(features=("uhd", "hologram"))], None
    read = words(site.client().get("/").text)
    assert "Premium RUB 499.00 per month" in read
    assert "4K picture and surround sound" in read
    assert "hologram" in read
    read = words(site.client("ru").get("/").text)
    assert "Премиум 499,00 ₽ в месяц" in read
    assert "Изображение 4K и объёмный звук" in read


def test_a_yearly_plan_says_what_a_month_comes_to(site: Site) -> None:
    site.offers = [YEAR]
    assert "RUB 4,990.00 per year comes to RUB 415.83 per month" in words(site.client().get("/").text)


def test_groups_stand_together_in_the_operators_order(site: Site) -> None:
    site.offers = [SPORT, offer(), YEAR, offer(code="sport-2", id=number(15), group="sport")]
    page = site.client().get("/").text
    order = [page.index(f"/buy/{code}") for code in ("sport", "sport-2", "premium", "year")]
    assert order == sorted(order)
    assert page.count("<h2") == 2


def test_what_the_reader_has_is_marked_with_words_and_can_be_paid_ahead(site: Site) -> None:
    site.offers, site.cards = [offer(), YEAR, SPORT], [card()]
    page = site.client().get("/").text
    read = words(page)
    assert "Your plan" in read
    assert "Paid until 22 December 2026" in read
    assert "/buy/premium" in page
    assert "/buy/year" not in page
    assert "/buy/sport" in page


def test_what_has_ended_is_not_in_the_way(site: Site) -> None:
    site.offers, site.cards = [offer()], [card(subscription("ended", end_reason="cancelled"))]
    assert "Your plan" not in words(site.client().get("/").text)


def test_with_nothing_on_sale_the_page_says_so(site: Site) -> None:
    assert "Nothing is on sale right now" in words(site.client().get("/").text)


@pytest.mark.fault("A10")
def test_text_of_operators_and_tokens_is_shown_and_never_run(site: Site) -> None:
    site.person = Person("<script>alert(1)</script>")
    site.offers = [offer(names={"en": "<img src=x>"}, features=("<b>",))]
    page = site.client().get("/").text
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "&lt;img src=x&gt;" in page


@pytest.mark.fault("N4")
def test_template_language_in_a_name_is_shown_as_it_was_typed(site: Site) -> None:
    typed = "{{ 7 * 191 }} {% raw %} {{ config }} ${7 * 191} <%= 7 %>"
    site.person = Person(typed)
    site.offers = [offer(names={"en": typed}, descriptions={"en": typed})]
    for path in ("/", "/cabinet"):
        page = site.client().get(path).text
        assert "1337" not in page
        assert "SECRET_KEY" not in page
    assert words(site.client().get("/").text).count(typed) >= 1
