"""The fault plan as such: what it accepts, whom it meets, and what the log keeps of it."""

from __future__ import annotations

from typing import Any

import pytest

from portal.domain.money import Money
from portal.domain.outcome import Decline, DeclineClass, Outcome
from tests.demo.sandbox.shop import Shop

NONSENSE = [
    {"fault": "earthquake"},
    {"fault": "decline", "match": {"operation": "find"}},
    {"fault": "drop", "match": {"operation": "charge"}},
    {"fault": "decline", "code": "bad_mood"},
    {"fault": "decline", "times": 0},
    {"fault": "decline", "match": {"colour": "red"}},
    {"fault": "decline", "tomorrow": True},
]


@pytest.mark.parametrize("order", NONSENSE)
def test_a_fault_that_cannot_happen_is_not_planned(shop: Shop, order: dict[str, Any]) -> None:
    assert shop.api.post("/v1/test/faults", json=order).status_code == 400


def test_a_fault_meets_as_many_requests_as_it_says(shop: Shop) -> None:
    shop.buy()
    shop.plan("rate_limited", "find", times=2)
    answers = [shop.api.get("/v1/payments?reference=payment:1").status_code for _ in range(3)]
    assert answers == [429, 429, 200]


def test_a_fault_for_one_reference_leaves_the_others_alone(shop: Shop) -> None:
    shop.plan("decline", "pay", "payment:2", code="lost_card")
    assert shop.buy("payment:1").outcome is Outcome.succeeded
    assert shop.buy("payment:2").decline == Decline(DeclineClass.hard, "lost_card")


def test_forgotten_faults_do_not_happen(shop: Shop) -> None:
    shop.plan("decline", times=10)
    shop.api.delete("/v1/test/faults")
    assert shop.buy().outcome is Outcome.succeeded


def test_faults_happen_in_the_order_they_were_planned(shop: Shop) -> None:
    shop.plan("decline", "pay", code="insufficient_funds")
    shop.plan("decline", "pay", code="lost_card")
    codes = [(shop.buy(f"payment:{number}").decline or Decline(DeclineClass.soft, "none")).code for number in range(3)]
    assert codes == ["insufficient_funds", "lost_card", "none"]


@pytest.mark.parametrize(("outcome", "taken"), [("succeeded", [59900]), ("failed", [])])
def test_a_pending_payment_ends_when_its_moment_comes(shop_on_both: Shop, outcome: str, taken: list[int]) -> None:
    shop_on_both.plan("pending_then_late", "pay", after=3 * 86400, outcome=outcome, code="lost_card")
    assert shop_on_both.buy().outcome is Outcome.pending
    shop_on_both.clock.advance(days=2)
    assert shop_on_both.provider.find("payment:1").outcome is Outcome.pending
    shop_on_both.clock.advance(days=1)
    ended = shop_on_both.provider.find("payment:1")
    assert (ended.outcome, shop_on_both.taken()) == (Outcome(outcome), taken)
    assert ended.decline == (None if taken else Decline(DeclineClass.hard, "lost_card"))
    assert [event["type"] for event in shop_on_both.book.webhooks()] == ["payment.pending", f"payment.{outcome}"]


def test_a_bank_takes_the_money_that_it_had_declined(shop_on_both: Shop) -> None:
    shop_on_both.plan("declined_then_late", "pay", after=3 * 86400, code="lost_card")
    assert shop_on_both.buy().decline == Decline(DeclineClass.hard, "lost_card")
    shop_on_both.clock.advance(days=2)
    assert (shop_on_both.provider.find("payment:1").outcome, shop_on_both.taken()) == (Outcome.failed, [])
    shop_on_both.clock.advance(days=1)
    assert (shop_on_both.provider.find("payment:1").outcome, shop_on_both.taken()) == (Outcome.succeeded, [59900])
    assert [event["type"] for event in shop_on_both.book.webhooks()] == ["payment.failed", "payment.succeeded"]


def test_a_pending_payment_is_not_closed(shop: Shop) -> None:
    shop.plan("pending_then_late", "pay")
    shop.buy()
    assert shop.provider.close_checkout("payment:1").outcome is Outcome.pending


@pytest.mark.parametrize(("params", "taken"), [({}, 60000), ({"amount": 1}, 1)])
def test_a_wrong_amount_is_really_taken_and_reported(shop: Shop, params: dict[str, int], taken: int) -> None:
    shop.plan("wrong_amount", "pay", **params)
    assert shop.buy().amount == Money(taken, "RUB")
    assert shop.taken() == [taken]


def test_the_log_says_what_met_a_request_and_whether_it_took_effect(shop: Shop) -> None:
    method = shop.saved()
    for fault in ("timeout_before", "timeout_after", "error_before", "error_after", "decline", "rate_limited"):
        shop.plan(fault, "charge", f"payment:{fault}")
        shop.provider.charge(shop.renewal(method, f"payment:{fault}"))
    log = [line for line in shop.book.requests() if line["operation"] == "charge"]
    assert [(line["faults"], line["took_effect"], line["status"]) for line in log] == [
        (["timeout_before"], False, 504),
        (["timeout_after"], True, 200),
        (["error_before"], False, 500),
        (["error_after"], True, 500),
        (["decline"], True, 200),
        (["rate_limited"], False, 429),
    ]
    assert {line["at"] for line in log} == {shop.clock()}
    assert [line["key"] for line in log] == [line["reference"] for line in log]


@pytest.mark.parametrize("fault", ["wrong_amount", "pending_then_late", "declined_then_late"])
def test_a_fault_that_changed_nothing_is_not_in_the_log(shop: Shop, fault: str) -> None:
    """The bank says no by itself: there is no money of which another sum could be taken, or later."""
    shop.plan(fault, "pay")
    shop.buy(card="4000000000000002")
    (line,) = [line for line in shop.book.requests() if line["operation"] == "pay"]
    assert (line["faults"], shop.taken()) == ([], [])


def test_a_page_that_sends_on_has_nothing_to_be_cut_off(shop: Shop) -> None:
    shop.plan("truncated", "pay")
    shop.buy()
    (line,) = [line for line in shop.book.requests() if line["operation"] == "pay"]
    assert (line["faults"], shop.taken()) == ([], [59900])


def test_a_fault_on_the_wire_and_one_in_the_work_may_meet_one_request(shop: Shop) -> None:
    method = shop.saved()
    shop.plan("wrong_amount", "charge", amount=5)
    shop.plan("timeout_after", "charge")
    assert shop.provider.charge(shop.renewal(method)).outcome is Outcome.unknown
    assert shop.taken("payment:2") == [5]
    assert shop.book.requests("payment:2")[0]["faults"] == ["timeout_after", "wrong_amount"]
