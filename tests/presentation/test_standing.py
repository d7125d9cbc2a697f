from __future__ import annotations

from itertools import product

import pytest

from portal.domain.subscription import LIVE
from portal.presentation.language import LOCALES
from portal.presentation.standing import TABLE, Standing, standing
from tests.presentation.samples import DAY, LATER, NOW, card, number, subscription

STATES = [*sorted(LIVE), "pending", "expired", "ended"]
END_REASONS = ["cancelled", "no_method", "unpaid", "refunded", "disputed", "something_new"]
ZONE = "Europe/Moscow"


def told(locale: str = "en", state: str = "active", **given: object) -> Standing:
    return standing(card(subscription(state, **given)), locale, ZONE)


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("state", STATES)
def test_every_state_has_a_sentence_whatever_else_is_known(state: str, locale: str) -> None:
    for renew, method, parked, dated in product((True, False), (number(4), None), (NOW, None), (True, False)):
        dates = {"trial_end": LATER, "ended_at": NOW} if dated else {}
        ends = [{"end_reason": reason} for reason in END_REASONS] if state == "ended" and dated else [{}]
        for end in ends:
            given = {"auto_renew": renew, "payment_method_id": method, "parked_at": parked, **dates, **end}
            said = told(locale, state, **given)
            assert said.label
            assert said.sentence
            assert "%(" not in said.sentence
            assert ".." not in said.sentence
            assert said.tone in ("good", "calm", "warn", "bad")


@pytest.mark.parametrize("case", TABLE)
def test_every_sentence_exists_in_russian(case: str) -> None:
    state, _, detail = case.partition(".")
    given: dict[str, object] = {"parked_at": NOW} if detail == "parked" else {}
    given |= {"auto_renew": False} if detail == "ending" else {}
    given |= {"gateway_failures": 1} if detail == "not_reached" else {}
    given |= {"end_reason": detail or None, "ended_at": NOW} if state == "ended" else {}
    given |= {"trial_end": LATER}
    assert told("ru", state, **given) != told("en", state, **given)


def test_what_renews_says_so_and_what_ends_promises_no_charge() -> None:
    assert told().sentence == "Paid until 22 December 2026 and renews by itself."
    assert told(auto_renew=False).sentence == "No further charges. Access until 22 December 2026."
    assert told("ru", auto_renew=False).sentence.endswith("Доступ открыт до\u00a022 декабря 2026\u00a0г.")


def test_a_renewal_that_did_not_reach_the_bank_is_not_said_to_be_paid_for() -> None:
    said = told(gateway_failures=3)
    assert "Paid until" not in said.sentence
    assert "we try again by ourselves" in said.sentence
    assert told("en", "trialing", gateway_failures=3, trial_end=LATER).sentence != told("en", "trialing").sentence
    assert told(gateway_failures=3, auto_renew=False) == told(auto_renew=False)


def test_without_a_method_nothing_renews() -> None:
    assert told(payment_method_id=None) == told(auto_renew=False)


def test_a_parked_subscription_promises_no_renewal() -> None:
    assert "renews" not in told(parked_at=NOW - DAY).sentence
