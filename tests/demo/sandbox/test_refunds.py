"""Money back, and money the cardholder's bank takes back."""

from __future__ import annotations

import httpx
import pytest

from portal.domain.money import Money
from portal.domain.outcome import Decline, DeclineClass, Outcome
from portal.providers.port import MoneyBack, RefundOrder
from tests.demo.sandbox.shop import Shop


def test_a_refund_is_found_by_its_reference(shop_on_both: Shop) -> None:
    made = shop_on_both.provider.refund(shop_on_both.back(shop_on_both.buy(), 900))
    assert (made.outcome, made.amount) == (Outcome.succeeded, Money(900, "RUB"))
    assert shop_on_both.provider.find_refund("refund:1") == made
    assert shop_on_both.provider.find_refund("refund:2").absent


def test_refunds_together_never_exceed_what_was_taken(shop: Shop) -> None:
    paid = shop.buy()
    assert shop.provider.refund(shop.back(paid, 59000, "refund:1")).outcome is Outcome.succeeded
    refused = shop.provider.refund(shop.back(paid, 901, "refund:2"))
    assert refused.decline == Decline(DeclineClass.hard, "refund_exceeds_payment")
    assert shop.provider.refund(shop.back(paid, 900, "refund:3")).outcome is Outcome.succeeded


def test_a_refund_in_another_currency_is_refused(shop: Shop) -> None:
    order = RefundOrder("refund:1", shop.buy().provider_ref or "", Money(900, "USD"))
    assert shop.provider.refund(order).decline == Decline(DeclineClass.hard, "currency_mismatch")


def test_what_was_not_taken_cannot_be_given_back(shop: Shop) -> None:
    declined = shop.buy(card="4000000000000002")
    assert shop.provider.refund(shop.back(declined, 1)).decline == Decline(DeclineClass.hard, "payment_not_refundable")


def test_a_refund_may_fail_days_later_and_its_sum_is_free_again(shop: Shop) -> None:
    paid = shop.buy()
    shop.plan("pending_then_late", "refund", after=86400, outcome="failed")
    assert shop.provider.refund(shop.back(paid, 59900)).outcome is Outcome.pending
    assert shop.provider.refund(shop.back(paid, 1, "refund:2")).outcome is Outcome.failed
    shop.clock.advance(days=1)
    assert shop.provider.find_refund("refund:1").decline == Decline(DeclineClass.soft, "declined")
    assert shop.provider.refund(shop.back(paid, 59900, "refund:3")).outcome is Outcome.succeeded
    assert [event["type"] for event in shop.book.webhooks() if event["type"].startswith("refund")] == [
        "refund.failed",
        "refund.succeeded",
    ]


def test_a_refund_that_succeeded_may_come_back_and_its_sum_is_free_again(shop: Shop) -> None:
    paid = shop.buy()
    shop.plan("comes_back", "refund", after=86400)
    assert shop.provider.refund(shop.back(paid, 59900)).outcome is Outcome.succeeded
    shop.clock.advance(days=1)
    assert shop.provider.find_refund("refund:1").outcome is Outcome.failed
    assert shop.provider.refund(shop.back(paid, 59900, "refund:2")).outcome is Outcome.succeeded
    assert [event["type"] for event in shop.book.webhooks() if event["type"].startswith("refund")] == [
        "refund.succeeded",
        "refund.failed",
        "refund.succeeded",
    ]


def test_a_pending_refund_may_succeed_later(shop: Shop) -> None:
    paid = shop.buy()
    shop.plan("pending_then_late", "refund", after=60)
    shop.provider.refund(shop.back(paid, 900))
    shop.clock.advance(seconds=60)
    found = shop.provider.find_refund("refund:1")
    assert (found.outcome, found.decline) == (Outcome.succeeded, None)


def test_a_disputed_payment_cannot_be_refunded_until_it_is_won(shop: Shop) -> None:
    paid = shop.buy()
    opened = shop.api.post("/v1/test/disputes", json={"reference": "payment:1"}).json()
    assert (opened["state"], opened["amount"]) == ("open", 59900)
    assert shop.api.post("/v1/test/disputes", json={"reference": "payment:1"}).json() == opened
    assert shop.provider.refund(shop.back(paid, 1)).decline == Decline(DeclineClass.hard, "payment_disputed")
    shop.api.post("/v1/test/disputes", json={"reference": "payment:1", "state": "won"})
    assert shop.provider.refund(shop.back(paid, 1, "refund:2")).outcome is Outcome.succeeded
    told = [event["type"] for event in shop.book.webhooks()]
    assert told == ["payment.succeeded", "dispute.opened", "dispute.won", "refund.succeeded"]


def test_the_card_for_disputes_is_disputed_after_three_days(shop: Shop) -> None:
    shop.buy(card="4000000000000259")
    shop.clock.advance(days=3)
    shop.provider.find("payment:1")
    shop.provider.find("payment:1")
    assert [(row["state"], row["amount"]) for row in shop.book.disputes()] == [("open", 59900)]


def test_a_cardholder_who_has_the_money_back_does_not_dispute(shop: Shop) -> None:
    shop.provider.refund(shop.back(shop.buy(card="4000000000000259"), 59900))
    shop.clock.advance(days=3)
    assert shop.provider.find("payment:1").outcome is Outcome.succeeded
    assert shop.book.disputes() == []


def test_only_an_open_dispute_is_decided(shop: Shop) -> None:
    shop.buy()
    decided = {"reference": "payment:1", "state": "lost"}
    assert shop.api.post("/v1/test/disputes", json=decided).status_code == 400
    assert shop.api.post("/v1/test/disputes", json={"reference": "payment:2"}).status_code == 404


# What was taken back of a payment, whoever did it


def by_hand(shop: Shop, **order: object) -> httpx.Response:
    return shop.api.post("/v1/test/refunds", json={"reference": "payment:1", **order})


def test_all_that_was_taken_back_of_a_payment_is_told_at_once(shop_on_both: Shop) -> None:
    shop = shop_on_both
    ours = shop.provider.refund(shop.back(shop.buy(), 900))
    shop.clock.advance(hours=1)
    theirs = by_hand(shop, amount=1000).json()
    shop.clock.advance(hours=1)
    opened = shop.api.post("/v1/test/disputes", json={"reference": "payment:1"}).json()
    told = shop.provider.money_back("payment:1")
    assert told.known
    assert [
        (one.reference, one.answer.provider_ref, one.answer.outcome, one.answer.amount) for one in told.refunds
    ] == [
        ("refund:1", ours.provider_ref, Outcome.succeeded, Money(900, "RUB")),
        (theirs["reference"], theirs["id"], Outcome.succeeded, Money(1000, "RUB")),
    ]
    assert theirs["reference"].startswith("dashboard:")
    (dispute,) = told.disputes
    assert (dispute.provider_ref, dispute.state, dispute.amount) == (opened["id"], "open", Money(58000, "RUB"))
    assert dispute.opened_at == shop.clock()


def test_of_a_payment_nobody_made_nothing_was_taken_back(shop: Shop) -> None:
    assert shop.provider.money_back("payment:9") == MoneyBack(known=True, note="http 404 not_found")


@pytest.mark.parametrize("fault", ["error_before", "timeout_after", "garbage", "truncated", "rate_limited"])
def test_an_answer_that_cannot_be_read_is_no_answer(shop: Shop, fault: str) -> None:
    shop.buy()
    by_hand(shop)
    shop.plan(fault, "find", **({"hold_seconds": 0} if fault == "timeout_after" else {}))
    told = shop.provider.money_back("payment:1")
    assert (told.known, told.refunds, told.disputes) == (False, (), ())
    assert shop.provider.money_back("payment:1").refunds


def test_a_refund_by_hand_takes_what_is_left_and_no_more(shop: Shop) -> None:
    shop.buy()
    assert by_hand(shop, amount=59000).json()["amount"] == 59000
    assert by_hand(shop, amount=901).status_code == 400
    assert by_hand(shop).json()["amount"] == 900
    assert by_hand(shop).status_code == 400
    assert by_hand(shop, reference="payment:2").status_code == 404
    told = [event["type"] for event in shop.book.webhooks()]
    assert told == ["payment.succeeded", "refund.succeeded", "refund.succeeded"]


def test_a_webhook_about_money_taken_back_names_the_payment_it_was_taken_from(shop: Shop) -> None:
    paid = shop.buy()
    by_hand(shop, amount=1000)
    shop.api.post("/v1/test/disputes", json={"reference": "payment:1"})
    notices = [shop.provider.parse(event["body"].encode()) for event in shop.book.webhooks()]
    assert [(notice.kind, notice.payment_ref) for notice in notices] == [
        ("payment.succeeded", None),
        ("refund.succeeded", paid.provider_ref),
        ("dispute.opened", paid.provider_ref),
    ]


def test_a_dispute_may_be_over_a_part_and_be_lost_in_part(shop: Shop) -> None:
    paid = shop.buy()
    about = {"reference": "payment:1"}
    assert shop.api.post("/v1/test/disputes", json=about | {"amount": 59901}).status_code == 400
    assert shop.api.post("/v1/test/disputes", json=about | {"amount": 30000}).json()["amount"] == 30000
    lost = shop.api.post("/v1/test/disputes", json=about | {"state": "lost", "amount": 10000}).json()
    assert (lost["state"], lost["amount"]) == ("lost", 10000)
    refused = shop.provider.refund(shop.back(paid, 49901))
    assert refused.decline == Decline(DeclineClass.hard, "refund_exceeds_payment")
    assert shop.provider.refund(shop.back(paid, 49900, "refund:2")).outcome is Outcome.succeeded
