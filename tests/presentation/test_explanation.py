"""Why was I charged: no invoice without an answer, in both languages."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from portal.domain.invoice import Invoice
from portal.domain.money import Money
from portal.domain.payment import Payment
from portal.domain.quote import ChangeQuote
from portal.models.invoice import InvoiceRow
from portal.presentation.explanation import CASES, case_of, explain
from portal.presentation.language import LOCALES
from portal.queries.circumstances import GIVES_TIME, Circumstances, PlanChange, PriceMoved
from tests.presentation.samples import DAY, LATER, NOW, detail, invoice, number, payment

ZONE = "Europe/Moscow"
CHECKS = [str(getattr(rule, "sqltext", "")) for rule in InvoiceRow.__table__.constraints]  # type: ignore[attr-defined]  # a Table
REASONS = [reason for check in CHECKS if check.startswith("reason IN") for reason in re.findall(r"'(\w+)'", check)]
PAYMENTS: tuple[tuple[Payment, ...], ...] = (
    (),
    (payment("succeeded", succeeded_at=NOW),),
    (payment("succeeded", kind="charge"), payment("failed", decline_kind="soft", decline_code="insufficient_funds")),
    (payment("duplicate"), payment("succeeded")),
    (payment("failed", decline_kind="closed"),),
    (payment("unknown"),),
)


def quoted(*, anew: bool = False, waived: int = 0) -> PlanChange:
    quote = ChangeQuote(
        id=number(20),
        user_id="alice",
        subscription_id=number(3),
        fingerprint="",
        from_plan_id=number(21),
        from_price_id=number(22),
        plan_id=number(1),
        price_id=number(2),
        moment="now",
        anew=anew,
        gross_minor=24950,
        credit_minor=14950,
        waived_minor=waived,
        currency="RUB",
        left="1/2",
        carried={},
        until=LATER,
        then_at=LATER,
        created_at=NOW,
        expires_at=NOW + DAY,
        used_at=NOW,
    )
    return PlanChange(quote, {"ru": "Стандарт", "en": "Standard"})


def led(**given: object) -> list[Circumstances]:
    """What there can be behind an invoice: nothing known, and everything."""
    moved = PriceMoved(Money(29900, "RUB"), NOW)
    full = Circumstances(None, False, NOW, (NOW, "user:alice"), moved, quoted(waived=1))
    return [Circumstances(), replace(full, **given)]  # type: ignore[arg-type]  # its own fields


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("reason", REASONS)
def test_no_charge_is_without_an_explanation(reason: str, locale: str) -> None:
    invoices = [
        invoice(state, reason=reason, trial_days=days) for state in ("paid", "not_paid", "fail") for days in (None, 7)
    ]
    ways = [one for granted in (None, *GIVES_TIME) for one in led(granted=granted)]
    ways += [*led(after_trial=True), *led(change=quoted(anew=True)), *led(switched_on=(NOW, "operator:anna"))]
    seen = set()
    for of in invoices:
        for payments in PAYMENTS:
            for way in ways:
                found = detail(of, payments)
                told = explain(found, way, locale, ZONE)
                seen.add(case_of(found, way))
                assert len(told) >= 2, "what it is for, and what was taken"
                for sentence in told:
                    assert sentence
                    assert "%(" not in sentence
                    assert ".." not in sentence
                    assert bool(re.search("[а-я]", sentence)) == (locale == "ru"), sentence
    assert seen == {case for case in CASES if case.partition(".")[0] == reason}


def test_every_reason_that_the_database_takes_has_its_case() -> None:
    assert len(REASONS) == 3
    assert set(REASONS) <= set(CASES)


def text(of: Invoice, way: Circumstances, *payments: Payment) -> str:
    return " ".join(explain(detail(of, payments), way, "en", ZONE)).replace("\u00a0", " ")


def test_a_renewal_says_since_when_it_was_allowed_what_changed_and_what_was_tried() -> None:
    way = Circumstances(
        agreed_at=NOW - 60 * DAY,
        switched_on=(NOW - 10 * DAY, "user:alice"),
        price_moved=PriceMoved(Money(29900, "RUB"), NOW - DAY),
    )
    tried = payment("failed", kind="charge", decline_kind="soft", decline_code="insufficient_funds")
    charged = payment("succeeded", kind="charge", succeeded_at=NOW + DAY)
    assert text(invoice("paid", reason="renewal"), way, charged, tried) == (
        "The subscription renews by itself. The time paid for before ended on 22 November 2026: Premium, 1 month more. "
        "On 23 September 2026 you allowed renewals to be charged. You switched on renewal on 12 November 2026. "
        "The price has changed for periods from 21 November 2026 on; before it was RUB 299.00. "
        "1 try did not go through, on 22 November 2026: There is not enough money on the card. "
        "RUB 499.00 was charged on 23 November 2026, 14:05 MSK with the saved card Visa ·· 4242."
    )


def test_a_change_of_plan_repeats_the_sums_of_its_preview() -> None:
    told = text(invoice("paid", reason="plan_change"), Circumstances(change=quoted()), payment("succeeded"))
    assert (
        "For that time Premium costs RUB 249.50, and RUB 149.50 of what you had paid for Standard was unused. "
        "That leaves RUB 100.00."
    ) in told
    assert "too small" not in told


def test_what_was_not_taken_is_not_called_a_charge() -> None:
    for of in (invoice(), invoice("paid", trial_days=7)):
        told = text(of, Circumstances(), payment("succeeded", amount_minor=0))
        assert told.endswith("No money has been taken for it.")
        assert "charged on" not in told
