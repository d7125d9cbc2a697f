from __future__ import annotations

from dataclasses import replace

import pytest

from portal.domain.user import Person
from tests.presentation.samples import DAY, NOW, card, detail, entry, happened, invoice, number, payment, refund
from tests.presentation.samples import subscription as sold
from tests.web.cabinet.site import Site, parsed, words

SECOND = {"amount_minor": 49900, "currency": "RUB"}


def test_a_card_says_what_is_charged_when_and_from_which_card(site: Site) -> None:
    site.cards = [card()]
    read = words(site.client().get("/cabinet").text)
    assert "Premium Active Next charge 22 December 2026, RUB 499.00 Card Visa ·· 4242" in read


def test_what_ends_says_that_nothing_more_is_charged(site: Site) -> None:
    site.cards = [card(sold(auto_renew=False))]
    read = words(site.client("ru").get("/cabinet").text)
    assert "Списаний больше не будет. Доступ открыт до 22 декабря 2026 г." in read
    assert "Следующее списание" not in read
    assert "г.." not in read


def test_a_renewal_that_did_not_reach_the_bank_says_that_it_is_tried_again(site: Site) -> None:
    site.cards = [card(sold(gateway_failures=2))]
    read = words(site.client().get("/cabinet").text)
    assert "nothing has been charged, and we try again by ourselves" in read
    site.cards = [card()]
    assert "we try again" not in words(site.client().get("/cabinet").text)


def test_nobody_is_told_to_look_at_their_card_where_the_bank_was_not_reached(site: Site) -> None:
    site.cards = [card(sold("suspended", gateway_failures=2))]
    read = words(site.client().get("/cabinet").text)
    assert "nothing has been charged, and we try again by ourselves" in read
    assert "enough money" not in read


def test_a_parked_subscription_shows_no_next_charge(site: Site) -> None:
    site.cards = [card(sold(parked_at=NOW))]
    read = words(site.client().get("/cabinet").text)
    assert "Next charge" not in read
    assert "Access until 29 December 2026" in read


def test_an_open_invoice_can_be_paid_until_its_time_is_over(site: Site) -> None:
    site.entries = [entry(), entry(invoice(id=number(60), expires_at=NOW)), entry(invoice("paid", id=number(61)))]
    page = site.client().get("/cabinet").text
    assert f"/payments/{number(6)}" in page
    assert f"/payments/{number(60)}" not in page
    assert f"/payments/{number(61)}" not in page


def test_an_empty_cabinet_leads_to_the_plans(site: Site) -> None:
    read = words(site.client().get("/cabinet").text)
    assert "No subscriptions yet" in read
    assert "Choose a plan" in read


def test_dates_are_shown_in_the_readers_zone(site: Site) -> None:
    site.person = Person("alice", zone="Asia/Vladivostok")
    site.cards = [card()]
    assert "Paid until 22 December 2026, 21:05 UTC+10" in words(site.client().get("/cabinet").text)
    site.person = Person("alice", zone="Nowhere/Atlantis")
    assert "14:05 MSK" in words(site.client().get("/cabinet").text)


def test_invoices_are_listed_with_state_sum_and_paid_time(site: Site) -> None:
    site.entries = [entry(invoice("paid")), entry(invoice("fail", fail_reason="superseded"))]
    read = words(site.client().get("/cabinet/invoices").text)
    assert "M-2026-000042 Paid RUB 499.00 Premium: 22 November 2026 — 22 December 2026" in read
    assert "Replaced by another order" in read


def test_invoices_come_in_pages(site: Site) -> None:
    site.entries = [entry(invoice("paid", id=number(100 + n), number=f"M-{n:02}")) for n in range(45)]
    client = site.client()
    first, last = client.get("/cabinet/invoices").text, client.get("/cabinet/invoices?page=3").text
    assert "page 1 of 3" in words(first)
    assert "M-19" in first
    assert "M-20" not in first
    assert "M-44" in last
    assert 'rel="next"' not in last
    assert "Nothing on this page" in words(client.get("/cabinet/invoices?page=4").text)


@pytest.mark.fault("N9")
@pytest.mark.parametrize(
    "query",
    ["page=0", "page=-1", "page=1.5", "page=x", "page=", "page=99999999999999999999"],
)
def test_a_page_that_cannot_be_is_refused(site: Site, query: str) -> None:
    assert site.client().get(f"/cabinet/invoices?{query}").status_code == 400


@pytest.mark.parametrize("query", ["before=0", "before=x", "before=99999999999999999999"])
def test_a_place_in_the_history_that_cannot_be_is_refused(site: Site, query: str) -> None:
    assert site.client().get(f"/cabinet/history?{query}").status_code == 400


def test_an_invoice_shows_lines_payments_and_refunds_as_rows_of_their_own(site: Site) -> None:
    paid = detail(
        invoice("paid"),
        (payment("succeeded"), payment("failed", decline_kind="hard", decline_code="expired_card")),
        refunds=(refund("pending"),),
    )
    site.details[number(6)] = paid
    read = words(site.client().get(f"/cabinet/invoices/{number(6)}").text)
    assert "Total RUB 499.00" in read
    assert "Refund On its way −RUB 499.00" in read
    assert "Payment Went through RUB 499.00" in read
    assert "Payment Declined RUB 499.00 The card has expired. No money has been taken." in read


def test_only_an_invoice_that_can_be_paid_offers_it(site: Site) -> None:
    path = f"/cabinet/invoices/{number(6)}"
    site.details[number(6)] = detail()
    assert f'href="/payments/{number(6)}"' in site.client().get(path).text
    site.details[number(6)] = detail(invoice(expires_at=NOW))
    assert f'href="/payments/{number(6)}"' not in site.client().get(path).text


def test_somebody_elses_invoice_is_not_found(site: Site) -> None:
    assert site.client().get(f"/cabinet/invoices/{number(99)}").status_code == 404


def test_history_is_told_by_day_and_without_what_is_technical(site: Site) -> None:
    site.history = [
        happened("refund", "succeeded", SECOND, seq=9),
        happened("payment", "sent", seq=8),
        happened("payment", "succeeded", SECOND, seq=7, at=NOW - DAY),
    ]
    page = site.client().get("/cabinet/history").text
    assert "22 November 2026 Money returned. 14:05 MSK · Refund −RUB 499.00" in words(page)
    assert "21 November 2026 Payment received. 14:05 MSK RUB 499.00" in words(page)
    assert len(parsed(page).findall(".//ol/li")) == 2


def test_history_goes_on_where_the_page_ended(site: Site) -> None:
    told = happened("payment", "succeeded", SECOND)
    site.history = [replace(told, seq=seq) for seq in range(60, 0, -1)]
    first = site.client().get("/cabinet/history").text
    assert "/cabinet/history?before=11" in first
    second = site.client().get("/cabinet/history?before=11").text
    assert len(parsed(second).findall(".//ol/li")) == 10
    assert 'rel="next"' not in second


@pytest.mark.parametrize("path", ["/cabinet", "/cabinet/invoices", "/cabinet/history", f"/payments/{number(6)}"])
def test_the_cabinet_is_for_those_who_are_signed_in_and_kept_by_no_cache(site: Site, path: str) -> None:
    site.details[number(6)] = detail()
    assert site.client().get(path).headers["Cache-Control"] == "no-store"
    site.person = None
    assert site.client().get(path).location.startswith("/auth/login?next=")
