from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from portal.domain.errors import InvoiceNotPayable, ProviderUnavailable
from portal.presentation.checkout import STAGES
from portal.queries.invoices import InvoiceDetail
from portal.services.buy import Bought
from tests.presentation.samples import NOW, card, detail, invoice, number, payment, refund, subscription
from tests.web.cabinet.site import Site, parsed, words

PAID = detail(invoice("paid"), (payment("succeeded"),))
PAGES: dict[str, InvoiceDetail] = {
    "waiting": detail(payments=(payment("pending"),)),
    "unfinished": detail(payments=(payment("requires_action"),)),
    "declined": detail(payments=(payment("failed", decline_kind="soft", decline_code="insufficient_funds"),)),
    "unavailable": detail(payments=(payment("unknown", redirect_url=None),)),
    "unpaid": detail(),
    "review": detail(payments=(payment("unknown", review_at=NOW),)),
    "paid": PAID,
    "closed": detail(invoice("fail", fail_reason="expired")),
}


def test_every_stage_has_a_page() -> None:
    assert set(PAGES) == set(STAGES)


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_is_a_sound_page_with_one_heading(site: Site, stage: str, language: str) -> None:
    page = parsed(site.client(language).get(site.show(PAGES[stage], card())).text)
    assert len(page.findall(".//h1")) == 1
    assert page.get("lang") == language
    assert page.find(".//p[@role='status']") is not None


@pytest.mark.parametrize("stage", STAGES)
def test_the_state_for_the_pages_own_polling(site: Site, stage: str) -> None:
    answer = site.client().get(site.show(PAGES[stage]) + "/state")
    assert answer.json["state"] == stage
    assert answer.json["settled"] is (stage in ("paid", "closed"))
    assert answer.json["text"]


def test_the_address_bar_proves_nothing(site: Site) -> None:
    path = site.show(PAGES["unfinished"])
    forged = site.client().get(f"{path}?status=success&state=paid&redirect_status=succeeded").text
    assert "The payment is not confirmed yet" in words(forged)


def test_somebody_elses_invoice_is_not_found(site: Site) -> None:
    path = f"/payments/{number(99)}"
    client = site.client()
    assert client.get(path).status_code == 404
    assert client.get(f"{path}/state").status_code == 404
    assert client.post(f"{path}/check").status_code == 404
    assert client.get("/payments/not-an-id").status_code == 404


def test_who_waits_is_told_not_to_pay_twice_and_can_ask_without_script(site: Site) -> None:
    for stage in ("waiting", "unfinished"):
        page = site.client().get(site.show(PAGES[stage])).text
        assert "Please do not pay again" in words(page)
        assert f'method="post" action="/payments/{number(6)}/check"' in page
        assert 'http-equiv="refresh"' not in page


def test_a_long_wait_is_told_otherwise(site: Site) -> None:
    slow = payment("pending", modified_at=NOW - timedelta(minutes=6))
    assert "longer than usual" in words(site.client().get(site.show(detail(payments=(slow,)))).text)
    assert "longer than usual" not in words(site.client().get(site.show(PAGES["waiting"])).text)


def test_asking_again_asks_the_payment_system_and_comes_back(site: Site) -> None:
    path = site.show(PAGES["waiting"])
    answer = site.client().post(f"{path}/check")
    assert (answer.status_code, answer.location) == (303, path)
    assert site.asked == [number(6)]


def test_who_left_the_hosted_page_can_go_back_to_it(site: Site) -> None:
    page = site.client().get(site.show(PAGES["unfinished"])).text
    assert 'href="https://pay.example/checkout/1"' in page
    assert "If you left the payment page without paying, no money has been taken." in words(page)


def test_a_decline_says_who_why_and_that_no_money_is_gone(site: Site) -> None:
    read = words(site.client("ru").get(site.show(PAGES["declined"])).text)
    assert "Банк отклонил платёж На карте не хватает денег. Деньги не списаны." in read
    assert "Пополните счёт или заплатите другой картой." in read


def test_trying_again_opens_the_checkout_of_the_same_invoice(site: Site) -> None:
    path = site.show(PAGES["declined"])
    answer = site.client().post(f"{path}/retry")
    assert (answer.status_code, answer.location) == (303, "https://pay.example/checkout/1")


@pytest.mark.parametrize(
    ("error", "status"),
    [(ProviderUnavailable("down", invoice_id=number(6)), 503), (InvoiceNotPayable("over", invoice_id=number(6)), 409)],
)
def test_a_refusal_is_answered_with_the_invoices_own_page(site: Site, error: Exception, status: int) -> None:
    def refuse(request: Any) -> Bought:
        raise error

    site.buy = refuse
    path = site.show(PAGES["unavailable"])
    answer = site.client().post(f"{path}/retry")
    assert answer.status_code == status
    assert "M-2026-000042" in words(answer.text)
    assert f'name="next" value="{path}"' in answer.text


def test_the_confirmation_names_sum_reference_end_and_what_comes_next(site: Site) -> None:
    read = words(site.client().get(site.show(PAID, card())).text)
    for fact in (
        "Reference M-2026-000042",
        "Amount RUB 499.00",
        "Paid with Visa ·· 4242",
        "Access until 22 December 2026, 14:05 MSK",
        "Next charge 22 December 2026, RUB 499.00, Visa ·· 4242",
    ):
        assert fact in read


def test_without_renewal_the_confirmation_promises_no_charge(site: Site) -> None:
    read = words(site.client().get(site.show(PAID, card(subscription(auto_renew=False)))).text)
    assert "Next charge None: the subscription ends by itself" in read


def test_the_confirmation_leads_back_to_who_sent_the_customer(site: Site) -> None:
    sent = detail(invoice("paid", return_url="https://partner.example/done"), (payment("succeeded"),))
    assert 'href="https://partner.example/done"' in site.client().get(site.show(sent)).text


def test_money_that_came_too_late_is_said_to_go_back(site: Site) -> None:
    late = detail(invoice("fail", fail_reason="expired"), (payment("succeeded"),), refunds=(refund("unknown"),))
    read = words(site.client().get(site.show(late)).text)
    assert "the money goes back to you in full" in read
    assert "return RUB 499.00 to you" in read
    assert "No money has been taken" not in read


def test_a_second_payment_is_said_to_go_back(site: Site) -> None:
    twice = detail(invoice("paid"), (payment("duplicate"), payment("succeeded")), refunds=(refund("succeeded"),))
    read = words(site.client().get(site.show(twice, card())).text)
    assert "This invoice was paid twice. RUB 499.00 has been returned to you." in read


def test_an_order_whose_time_is_over_offers_a_new_one(site: Site) -> None:
    over = detail(invoice(expires_at=NOW, count=3), (payment("requires_action"),))
    page = site.client().get(site.show(over)).text
    assert "The time to pay is over" in words(page)
    assert "/buy/premium?count=3" in page
    assert "/retry" not in page
