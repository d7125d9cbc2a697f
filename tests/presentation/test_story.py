from __future__ import annotations

import pytest

from portal.domain import states
from portal.domain.money import Money
from portal.presentation.language import LOCALES
from portal.presentation.story import SENTENCES, TECHNICAL, TECHNICAL_KINDS, Episode, story
from tests.presentation.samples import LATER, happened, number

ZONE = "Europe/Moscow"
EVENTS = sorted({(kind, e.event) for kind, edges in states.EDGES.items() for e in edges})
BORN = [(kind, "created") for kind in states.EDGES]
MONEY = {"amount_minor": 49900, "currency": "RUB"}
FACTS = MONEY | {"number": "M-1", "paid_through": LATER.isoformat(), "decline_code": "expired_card"}


def tell(kind: str, event: str, facts: dict[str, object], locale: str = "en") -> Episode:
    return story([happened(kind, event, facts)], locale, ZONE)[0]


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize(("kind", "event"), [*EVENTS, *BORN])
def test_every_event_of_the_state_tables_is_told_or_technical(kind: str, event: str, locale: str) -> None:
    for facts in ({}, FACTS):
        told = story([happened(kind, event, facts)], locale, ZONE)
        if kind in TECHNICAL_KINDS or (kind, event) in TECHNICAL:
            assert told == []
            continue
        assert told[0].text
        assert "%(" not in told[0].text
        assert ".." not in told[0].text


def test_no_sentence_waits_for_an_event_that_cannot_happen() -> None:
    known = {".".join(pair) for pair in [*EVENTS, *BORN]}
    assert {".".join(key.split(".")[:2]) for key in SENTENCES} <= known


def test_a_start_names_the_plan_and_the_end_of_the_paid_time() -> None:
    assert tell("subscription", "first_paid", FACTS).text == (
        "Subscription started: Premium, paid until 22 December 2026."
    )
    assert tell("subscription", "first_paid", FACTS, "ru").text == (
        "Началась подписка «Премиум», оплачена до\u00a022 декабря 2026\u00a0г."
    )


def test_money_taken_is_positive_and_money_returned_negative() -> None:
    assert tell("payment", "succeeded", MONEY).amount == Money(49900, "RUB")
    assert tell("refund", "succeeded", MONEY).amount == Money(-49900, "RUB")
    assert tell("payment", "failed", MONEY).amount is None


def test_a_decline_says_why_and_a_closed_page_says_nothing_more() -> None:
    assert tell("payment", "failed", FACTS).detail == "The card has expired."
    closed = tell("payment", "failed", {"decline_kind": "closed", "decline_code": "checkout_expired"})
    assert closed.text == "The payment page closed without a payment."
    assert closed.detail == ""


def test_an_invoice_says_why_it_was_closed() -> None:
    closed = tell("invoice", "closed", {"number": "M-1", "fail_reason": "superseded"})
    assert closed.text == "Invoice M-1 is replaced by another order."


def test_what_belongs_to_an_invoice_leads_there_also_a_try_that_failed() -> None:
    facts = FACTS | {"invoice_id": str(number(6))}
    for event in ("succeeded", "succeeded_again", "failed"):
        assert tell("payment", event, facts).page == ("invoice", number(6))
    assert tell("dispute", "lost", facts).page == ("invoice", number(6))
    assert tell("invoice", "closed", facts).page == ("invoice", number(3))  # its own
    assert [tell(kind, event, facts).taken for kind, event in (("payment", "succeeded"), ("refund", "succeeded"))] == [
        True,
        False,
    ]


def test_an_event_from_a_later_version_is_left_out() -> None:
    assert story([happened("subscription", "teleported")], "en", ZONE) == []
