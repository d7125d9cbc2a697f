from __future__ import annotations

import pytest

from portal.demo.sandbox.cards import CODES
from portal.domain import states
from portal.domain.invoice import Invoice
from portal.domain.payment import OPEN, Payment
from portal.domain.refund import OPEN as REFUND_OPEN
from portal.presentation import checkout
from portal.presentation.declines import DECLINES, why_declined
from portal.presentation.language import LOCALES
from tests.presentation.samples import DAY, NOW, detail, invoice, payment, refund

PAYMENT_STATES = sorted({*states.states("payment"), *OPEN})
REFUND_STATES = sorted({*states.states("refund"), *REFUND_OPEN, "rejected"})

STAGES = [
    ("paid", invoice("paid"), ()),
    ("closed", invoice("fail", fail_reason="expired"), ()),
    ("closed", invoice("fail", fail_reason="superseded"), (payment("requires_action"),)),
    ("unpaid", invoice(), ()),
    ("unpaid", invoice(), (payment("aborted"),)),
    ("unfinished", invoice(), (payment("requires_action"),)),
    ("waiting", invoice(), (payment("requires_action", redirect_url=None),)),
    ("waiting", invoice(), (payment("pending"),)),
    ("waiting", invoice(), (payment("unknown"),)),
    ("waiting", invoice(), (payment("unknown", kind="charge", redirect_url=None),)),
    ("unavailable", invoice(), (payment("unknown", redirect_url=None),)),
    ("unavailable", invoice(), (payment("created", redirect_url=None),)),
    ("declined", invoice(), (payment("failed"),)),
    ("review", invoice(), (payment("unknown", review_at=NOW),)),
    ("unfinished", invoice(), (payment("requires_action"), payment("failed"))),
]
OVER = invoice(expires_at=NOW)
STAGES_OVER_TIME = [
    ("closed", OVER, ()),
    ("closed", OVER, (payment("requires_action"),)),
    ("closed", OVER, (payment("failed"),)),
    ("waiting", OVER, (payment("pending"),)),
    ("review", OVER, (payment("pending", review_at=NOW),)),
]


@pytest.mark.parametrize(("expected", "of", "payments"), [*STAGES, *STAGES_OVER_TIME])
def test_the_rows_say_where_a_payment_stands(expected: str, of: Invoice, payments: tuple[Payment, ...]) -> None:
    assert checkout.stage(detail(of, payments), NOW) == expected


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("state", PAYMENT_STATES)
def test_every_state_of_a_payment_has_a_stage_a_title_and_a_label(state: str, locale: str) -> None:
    found = detail(payments=(payment(state),))
    assert checkout.stage(found, NOW) in checkout.STAGES
    assert checkout.title(found, NOW, locale)
    assert checkout.payment_label(state, locale).text


@pytest.mark.parametrize("state", REFUND_STATES)
def test_every_state_of_a_refund_has_a_label_and_a_sentence_with_its_sum(state: str) -> None:
    assert checkout.refund_label(state, "ru").text != checkout.refund_label(state, "en").text
    assert "RUB\u00a0499.00" in checkout.refund_sentence(refund(state), "en")
    assert "499,00\u00a0₽" in checkout.refund_sentence(refund(state), "ru")


@pytest.mark.parametrize("reason", [None, "expired", "superseded", "cancelled", "declined", "something_new"])
def test_every_closed_invoice_has_a_title_and_a_label(reason: str | None) -> None:
    closed = invoice("fail", fail_reason=reason)
    assert checkout.title(detail(closed), NOW + DAY, "ru")
    assert checkout.invoice_label("fail", reason, "ru").text


@pytest.mark.parametrize("code", [*DECLINES, *CODES, "a_code_of_tomorrow", "", None])
def test_every_decline_says_who_refused_why_and_what_to_do(code: str | None) -> None:
    kind = CODES.get(code or "")
    english, russian = (why_declined(kind, code, locale) for locale in ("en", "ru"))
    for part in ("who", "why", "advice"):
        assert getattr(english, part)
        assert getattr(english, part) != getattr(russian, part)


def test_an_unknown_code_is_told_as_its_class() -> None:
    assert why_declined("soft", "a_code_of_tomorrow", "en").why == "The bank did not give a reason."
    assert "bank" in why_declined("gateway", "processing_error", "en").who


def test_suspicions_of_fraud_are_not_passed_on() -> None:
    lost, stolen = (why_declined("hard", code, "en") for code in ("lost_card", "stolen_card"))
    assert lost == stolen
    assert "stolen" not in f"{lost}"
