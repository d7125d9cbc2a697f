"""Finding by our reference: exact where there is an id or a list, and never called absent where nobody looked."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.domain.outcome import Outcome
from portal.providers.port import Clues
from portal.providers.stripe import finding
from tests.providers.stripe.shop import Shop


def test_what_was_never_asked_for_is_absent(shop: Shop) -> None:
    shop.buy()
    assert shop.provider.find("payment:9").absent
    assert shop.provider.find("payment:10").absent
    assert shop.provider.find("payment:").absent
    assert shop.provider.find_refund("refund:9").absent


@pytest.mark.fault("P1")
def test_an_id_is_one_question_and_a_customer_a_short_list(shop: Shop) -> None:
    method = shop.saved()
    for number in range(3):
        shop.buy(f"payment:other:{number}", user_id=f"user-{number}")
    said = shop.provider.charge(shop.renewal(method))
    before = len(shop.asked("find"))
    assert shop.provider.find("payment:2", Clues(provider_ref=said.provider_ref)) == said
    assert len(shop.asked("find")) == before + 1
    assert shop.provider.find("payment:2", Clues(customer_ref=method.customer_ref, sent_at=shop.stripe.now())) == said
    assert len(shop.asked("find")) == before + 3  # a page of the list, and the payment itself


def test_an_id_that_is_somebody_elses_is_not_believed(shop: Shop) -> None:
    other = shop.buy("payment:other")
    mine = shop.buy("payment:1")
    assert shop.provider.find("payment:1", Clues(provider_ref=other.provider_ref)) == mine
    assert shop.provider.find("payment:1", Clues(provider_ref="pi_gone")) == mine


def test_a_list_is_read_around_the_moment_of_sending(shop: Shop) -> None:
    shop.stripe.advance(days=3)
    sent_at = shop.stripe.now()
    shop.buy()
    shop.stripe.advance(days=3)
    shop.buy("payment:2")
    for moment, absent in ((sent_at, False), (sent_at + timedelta(minutes=30), False), (shop.stripe.now(), True)):
        assert shop.provider.find("payment:1", Clues(sent_at=moment)).absent is absent


def test_who_has_too_many_is_not_told_absent(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "MOST_PAGES", 1)
    for number in range(3):
        shop.open_page(f"payment:{number}")
    assert shop.provider.find("payment:2").outcome is Outcome.requires_action
    old = shop.provider.find("payment:0")
    assert (old.outcome, old.absent) == (Outcome.unknown, False)


@pytest.mark.parametrize("fault", ["timeout_after", "garbage"])
def test_a_list_that_breaks_off_proves_no_absence(shop: Shop, fault: str) -> None:
    for number in range(3):
        shop.open_page(f"payment:{number}")
    assert shop.provider.find("payment:9").absent
    shop.stripe.plan(fault, "find")
    assert not shop.provider.find("payment:9").absent
