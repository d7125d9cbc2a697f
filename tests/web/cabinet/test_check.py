from __future__ import annotations

import re
from typing import Any

import pytest

from portal.domain.errors import EmailRequired, PaymentInProgress, ProviderUnavailable, SubscriptionExists
from portal.domain.money import Money
from portal.domain.user import Person
from portal.services.buy import Bought, BuyRequest
from tests.presentation.samples import LATER, card, detail, number, payment, preview, subscription
from tests.web.cabinet.site import Site, parsed, words

BOTH = {"terms": "on", "personal_data": "on"}


def refusing(error: Exception) -> Any:
    def refuse(*_: object) -> Any:
        raise error

    return refuse


def test_all_that_matters_stands_on_the_page_before_anybody_is_sent_away(site: Site) -> None:
    page = site.client("ru").get("/buy/premium").text
    read = words(page)
    assert "<details" not in page
    for fact in (
        "К оплате сегодня 499,00 ₽",
        "22 ноября 2026 г. — 22 декабря 2026 г.",
        "22 декабря 2026 г., 499,00 ₽ — только если вы разрешите автопродление",
        "Мы не видим номер карты",
        "Как отменить В любой момент",
    ):
        assert fact in read
    assert re.search(r'<button class="button large">Оплатить 499,00\u00a0₽</button>', page)


def test_three_consents_are_three_boxes_and_none_is_ticked(site: Site) -> None:
    boxes = parsed(site.client().get("/buy/premium").text).findall(".//input[@type='checkbox']")
    assert [box.get("name") for box in boxes] == ["terms", "personal_data", "renewal"]
    assert not any("checked" in box.attrib for box in boxes)


def test_no_field_of_ours_takes_a_card_number(site: Site) -> None:
    page = site.client().get("/buy/premium").text
    assert "cc-number" not in page
    assert "card_number" not in page


def test_the_count_is_reckoned_by_a_plain_form(site: Site) -> None:
    site.preview = lambda count: preview(count=count, total=Money(49900 * count, "RUB"))
    page = site.client().get("/buy/premium?count=12").text
    assert "To pay today RUB 5,988.00" in words(page)
    assert '<option value="12" selected>12 months</option>' in page
    assert '<input type="hidden" name="count" value="12">' in page


@pytest.mark.parametrize("count", ["0", "-1", "13", "1.5", "", "one", "+1", " 1", "01", "١", "1" * 400])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_count_that_the_page_does_not_offer_is_refused(site: Site, method: str, count: str) -> None:
    if method == "GET":
        answer = site.client().get("/buy/premium", query_string={"count": count})
    else:
        answer = site.client().post("/buy/premium", data=BOTH | {"count": count})
    assert answer.status_code == 400


def test_an_address_for_receipts_is_asked_for_only_where_none_is_known(site: Site) -> None:
    assert 'type="email"' not in site.client().get("/buy/premium").text
    site.preview = lambda count: preview(needs_email=True)
    assert 'autocomplete="email"' in site.client().get("/buy/premium").text


def test_an_empty_form_comes_back_with_what_is_wrong_and_what_was_entered(site: Site) -> None:
    site.preview = lambda count: preview(needs_email=True)
    sent = {"email": "nope@nowhere", "renewal": "on", "terms": "on"}
    answer = site.client("ru").post("/buy/premium", data=sent)
    assert answer.status_code == 422
    page = parsed(answer.text)
    assert page.find(".//title").text.startswith("Ошибка: ")
    summary = page.find(".//div[@role='alert']")
    assert "autofocus" in summary.attrib
    links = [link.get("href").removeprefix("#") for link in summary.iter("a")]
    assert links == ["email", "personal_data"]
    for field in links:
        found = page.find(f".//input[@id='{field}']")
        assert found.get("aria-invalid") == "true"
        assert f"{field}-error" in found.get("aria-describedby")
    assert page.find(".//input[@id='email']").get("value") == "nope@nowhere"
    assert "checked" in page.find(".//input[@id='renewal']").attrib
    assert "checked" in page.find(".//input[@id='terms']").attrib


@pytest.mark.parametrize("email", ["", "nope", "a@b", "a b@c.d", "@c.d", f"{'a' * 250}@b.cd"])
def test_an_address_that_is_none_is_refused(site: Site, email: str) -> None:
    site.preview = lambda count: preview(needs_email=True)
    assert site.client().post("/buy/premium", data=BOTH | {"email": email}).status_code == 422


def test_what_was_ticked_is_what_is_ordered(site: Site) -> None:
    ordered: list[BuyRequest] = []
    site.buy = lambda request: ordered.append(request) or Bought(number(6), "https://pay.example/checkout/1")  # type: ignore[func-returns-value]  # the list takes it
    answer = site.client("ru").post("/buy/premium", data=BOTH | {"count": "3"}, headers={"User-Agent": "Reader"})
    assert (answer.status_code, answer.location) == (303, "https://pay.example/checkout/1")
    agreement = ordered[0].agreement
    assert (ordered[0].code, ordered[0].count, ordered[0].email, ordered[0].locale) == ("premium", 3, None, "ru")
    assert (agreement.terms, agreement.personal_data, agreement.renewal) == (True, True, False)
    assert (agreement.source, agreement.locale, agreement.address) == ("cabinet", "ru", "127.0.0.1")
    assert agreement.user_agent == "Reader"
    site.client().post("/buy/premium", data=BOTH | {"renewal": "on"})
    assert ordered[1].agreement.renewal is True


def test_an_address_that_the_service_misses_is_asked_for(site: Site) -> None:
    site.buy = refusing(EmailRequired("none"))
    answer = site.client().post("/buy/premium", data=BOTH)
    assert answer.status_code == 422
    assert "Enter an e-mail address" in words(answer.text)


def test_paying_ahead_leaves_renewal_as_it_is(site: Site) -> None:
    site.preview = lambda count: preview(prolongs=True, starts=LATER)
    site.cards = [card()]
    read = words(site.client().get("/buy/premium").text)
    assert "renewal stays switched on" in read
    assert "I allow the payment system" not in read
    site.cards = [card(subscription(auto_renew=False))]
    assert "renewal stays switched off" in words(site.client().get("/buy/premium").text)


def test_who_has_another_plan_of_the_group_reads_what_they_have(site: Site) -> None:
    site.cards = [card()]
    site.preview = refusing(SubscriptionExists("running", subscription_id=number(3)))
    answer = site.client().get("/buy/standard")
    assert answer.status_code == 409
    assert "You have Premium." in words(answer.text)
    assert "/cabinet" in answer.text


def test_without_a_payment_system_the_order_is_kept_and_its_page_says_so(site: Site) -> None:
    site.details[number(6)] = detail(payments=(payment("unknown", redirect_url=None),))
    site.buy = refusing(ProviderUnavailable("no answer", invoice_id=number(6)))
    answer = site.client().post("/buy/premium", data=BOTH)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert "your order is kept" in words(answer.text)
    assert f"/payments/{number(6)}/retry" in answer.text


def test_while_another_payment_is_on_its_way_nothing_is_opened(site: Site) -> None:
    site.buy = refusing(PaymentInProgress("the previous order"))
    answer = site.client().post("/buy/premium", data=BOTH)
    assert answer.status_code == 409
    assert "Please do not pay twice" in words(answer.text)


def test_who_is_not_signed_in_is_sent_to_sign_in_and_back(site: Site) -> None:
    site.person = None
    answer = site.client().get("/buy/premium?count=2")
    assert answer.status_code == 302
    assert answer.location == "/auth/login?next=%2Fbuy%2Fpremium%3Fcount%3D2"


def test_a_form_without_its_token_buys_nothing(site: Site) -> None:
    site.csrf, site.buy = True, refusing(AssertionError("bought"))
    answer = site.client().post("/buy/premium", data=BOTH)
    assert answer.status_code == 400
    assert "The form has expired" in words(answer.text)


def test_an_address_for_receipts_is_taken_from_the_form_only_if_asked_for(site: Site) -> None:
    site.person = Person("boris")
    ordered: list[BuyRequest] = []
    site.preview = lambda count: preview(needs_email=True)
    site.buy = lambda request: ordered.append(request) or Bought(number(6), "https://pay.example/1")  # type: ignore[func-returns-value]  # the list takes it
    site.client().post("/buy/premium", data=BOTH | {"email": " boris@example.com "})
    assert ordered[0].email == "boris@example.com"


def trying(count: int = 1) -> Any:
    return preview(count=count, total=Money(0, "RUB"), trial_days=7 if count == 1 else 0)


def test_a_trial_tells_what_is_charged_today_and_first_and_how_to_leave(site: Site) -> None:
    site.preview = trying
    page = site.client().get("/buy/premium").text
    read = words(page)
    for fact in (
        "Nothing is charged today",
        "To pay today RUB 0.00",
        "Trial 7 days for nothing: 22 November 2026 — 22 December 2026",
        "First charge 22 December 2026",
        "RUB 499.00, and then the same sum per month until you cancel",
        "nothing is charged at all: access stays until then",
        "Start the trial",
        "Buy without a trial for RUB 499.00",
    ):
        assert fact in read, fact
    boxes = {box.get("name"): box for box in parsed(page).findall(".//input[@type='checkbox']")}
    assert boxes["renewal"].get("aria-required") == "true"
    assert not any("checked" in box.attrib for box in boxes.values())


def test_a_trial_begins_only_with_consent_to_renewal(site: Site) -> None:
    site.preview = trying
    answer = site.client().post("/buy/premium", data=BOTH | {"trial": "yes"})
    assert answer.status_code == 422
    assert "Tick the box to start the trial, or buy without it" in words(answer.text)


def test_what_is_ordered_is_the_trial_that_the_page_showed(site: Site) -> None:
    ordered: list[BuyRequest] = []
    site.preview = trying
    site.buy = lambda request: ordered.append(request) or Bought(number(6), "https://pay.example/checkout/1")  # type: ignore[func-returns-value]  # the list takes it
    assert site.client().post("/buy/premium", data=BOTH | {"trial": "yes", "renewal": "on"}).status_code == 303
    site.preview = lambda count: preview(count=count)
    site.client().post("/buy/premium", data=BOTH | {"renewal": "on"})
    assert [request.trial for request in ordered] == [True, False]


def test_a_trial_that_is_gone_meanwhile_comes_back_as_a_page_with_the_price(site: Site) -> None:
    site.preview = lambda count: preview(count=count)
    site.buy = refusing(AssertionError("nobody is sent to pay what the page did not show"))
    answer = site.client().post("/buy/premium", data=BOTH | {"trial": "yes", "renewal": "on"})
    assert answer.status_code == 409
    read = words(answer.text)
    assert "The trial is no longer on offer to you." in read
    assert "To pay today RUB 499.00" in read
    assert 'name="trial" value="yes"' not in answer.text
