"""Receipts: what was paid, as a page that prints and as a file that says the same."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO

import pytest
from pypdf import PdfReader

from portal.domain.refund import Refund
from tests.presentation.samples import METHOD, NOW, detail, invoice, number, payment, refund
from tests.web.cabinet.site import Site, words

PATH = f"/cabinet/invoices/{number(6)}/receipt"


def lay_out(site: Site, *refunds: Refund) -> None:
    site.details[number(6)] = detail(invoice("paid"), (payment("succeeded"),), refunds=refunds)


def in_file(site: Site, language: str = "en") -> str:
    answer = site.client(language).get(f"{PATH}.pdf")
    assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
    assert answer.headers["Cache-Control"] == "no-store"
    read = PdfReader(BytesIO(answer.data))
    assert len(read.pages) == 1
    return " ".join(read.pages[0].extract_text().split())


def test_a_receipt_says_who_was_paid_what_when_and_for_what_time(site: Site) -> None:
    lay_out(site)
    for read in (words(site.client().get(PATH).text), in_file(site)):
        for told in (
            "Receipt for invoice",
            "Seller Matinee",
            "Customer alice@example.com",
            "Paid 22 November 2026, 14:05 MSK",
            f"Paid with {METHOD}",
            "Paid time 22 November 2026, 14:05 MSK — 22 December 2026, 14:05 MSK",
            "Total RUB 499.00",
            "not a fiscal receipt",
        ):
            assert told in read
        assert "after refunds" not in read


def test_a_file_in_russian_has_its_letters_and_its_rouble(site: Site) -> None:
    lay_out(site)
    read = in_file(site, "ru")
    assert "Итого 499,00 ₽" in read
    assert "22 ноября 2026 г., 14:05 МСК" in read


def test_money_that_was_given_back_stands_under_what_was_paid(site: Site) -> None:
    lay_out(
        site,
        refund("succeeded", amount_minor=9900, accepted_at=NOW + timedelta(days=1)),
        refund("failed", id=number(41), amount_minor=100),
        refund("succeeded", id=number(42), payment_id=number(77), amount_minor=49900),  # of a payment that came twice
    )
    for read in (words(site.client().get(PATH).text), in_file(site)):
        assert "Given back 23 November 2026, 14:05 MSK −RUB 99.00 Paid after refunds RUB 400.00" in read
        assert read.count("Given back") == 1


@pytest.mark.parametrize("state", ["not_paid", "fail"])
@pytest.mark.parametrize("end", ["", ".pdf"])
def test_what_is_not_paid_has_no_receipt(site: Site, state: str, end: str) -> None:
    site.details[number(6)] = detail(invoice(state))
    assert site.client().get(PATH + end).status_code == 404
    assert "Receipt" not in site.client().get(PATH.removesuffix("/receipt")).text


def test_the_invoice_leads_to_its_receipt_and_that_to_the_file(site: Site) -> None:
    lay_out(site)
    assert f'href="{PATH}"' in site.client().get(PATH.removesuffix("/receipt")).text
    assert f'href="{PATH}.pdf"' in site.client().get(PATH).text


def test_nobody_sees_another_ones_receipt(site: Site) -> None:
    assert site.client().get(f"/cabinet/invoices/{number(99)}/receipt").status_code == 404
    site.person = None
    assert site.client().get(PATH).status_code == 302
