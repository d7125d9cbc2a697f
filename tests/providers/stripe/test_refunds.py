"""Money back through Stripe: ours, made by hand, taken by the bank; and everything in lists."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from portal.domain.money import Money
from portal.domain.outcome import Decline, DeclineClass, Outcome
from portal.providers.port import Answer, Clues, Listable, Listed
from tests.providers.stripe.shop import Shop


def everything(shop: Shop, what: Listable) -> list[Listed]:
    found: list[Listed] = []
    after: str | None = ""
    while after is not None:
        page = shop.provider.listed(what, after)
        assert page.known
        found += page.objects
        after = page.after
    return found


def test_a_refund_is_found_by_our_reference(shop: Shop) -> None:
    bought = shop.buy()
    said = shop.provider.refund(shop.back(bought, 900))
    assert (said.outcome, said.amount) == (Outcome.succeeded, Money(900, "RUB"))
    for known in (Clues(), Clues(payment_ref=bought.provider_ref), Clues(provider_ref=said.provider_ref)):
        assert shop.provider.find_refund("refund:1", known) == said
    assert shop.provider.find_refund("refund:9", Clues(payment_ref=bought.provider_ref)).absent


@pytest.mark.parametrize("fault", ["timeout_after", "error_after", "garbage"])
def test_a_fault_while_refunding_gives_the_money_back_once(shop: Shop, fault: str) -> None:
    order = shop.back(shop.buy(), 900)
    shop.stripe.plan(fault, "refund")
    assert shop.provider.refund(order).outcome is Outcome.unknown
    shop.provider.refund(order)
    assert shop.provider.find_refund("refund:1").outcome is Outcome.succeeded
    assert [row["amount"] for row in shop.stripe.book.refunds()] == [900]


@pytest.mark.fault("P22")
def test_what_was_given_back_already_is_refused_for_good(shop: Shop) -> None:
    bought = shop.buy()
    shop.stripe.refund_by_hand("payment:1")
    answer = shop.provider.refund(shop.back(bought, 900))
    assert answer.decline == Decline(DeclineClass.hard, "charge_already_refunded")
    assert [one.answer.amount for one in shop.provider.money_back("payment:1").refunds] == [bought.amount]


def test_a_refund_of_nothing_is_refused_for_good(shop: Shop) -> None:
    order = replace(shop.back(shop.buy(), 1), payment_ref="pi_of_nobody")
    assert shop.provider.refund(order).decline == Decline(DeclineClass.hard, "resource_missing")


@pytest.mark.parametrize("fault", ["rate_limited", "wrong_key"])
def test_a_refund_is_sent_again_where_the_fault_may_be_mended(shop: Shop, fault: str) -> None:
    order = shop.back(shop.buy(), 900)
    shop.stripe.plan(fault, "refund")
    refused = shop.provider.refund(order)
    assert refused.decline is not None
    assert refused.decline.kind is DeclineClass.gateway
    assert shop.provider.refund(order).outcome is Outcome.succeeded


@pytest.mark.fault("P23")
def test_a_refund_that_fails_days_later_is_found_failed(shop: Shop) -> None:
    bought = shop.buy()
    shop.stripe.plan("pending_then_late", "refund", after=86_400, outcome="failed")
    assert shop.provider.refund(shop.back(bought, 900)).outcome is Outcome.pending
    assert shop.provider.find_refund("refund:1").outcome is Outcome.pending
    shop.stripe.deliveries()
    shop.stripe.advance(days=2)
    kinds = [shop.provider.parse(body).kind for _, body in shop.stripe.deliveries()]
    assert kinds == ["refund.updated", "refund.failed"]
    failed = shop.provider.find_refund("refund:1")
    assert (failed.outcome, failed.decline) == (Outcome.failed, Decline(DeclineClass.hard, "declined"))
    assert [one.answer.outcome for one in shop.provider.money_back("payment:1").refunds] == [Outcome.failed]


@pytest.mark.fault("P24")
def test_a_refund_made_by_hand_is_seen_beside_ours(shop: Shop) -> None:
    bought = shop.buy()
    shop.provider.refund(shop.back(bought, 900))
    shop.stripe.advance(minutes=1)
    shop.stripe.refund_by_hand("payment:1", 500)
    back = shop.provider.money_back("payment:1", Clues(provider_ref=bought.provider_ref))
    assert [one.answer.amount for one in back.refunds] == [Money(900, "RUB"), Money(500, "RUB")]
    assert back.refunds[0].reference == "refund:1"
    assert back.refunds[1].reference == back.refunds[1].answer.provider_ref
    assert back.refunds[1].made_at - back.refunds[0].made_at == timedelta(minutes=1)
    assert {one.payment_ref for one in everything(shop, "refunds")} == {bought.provider_ref}


@pytest.mark.fault("P25")
def test_a_dispute_is_seen_open_and_decided(shop: Shop) -> None:
    bought = shop.buy()
    for state, minor in (("open", 59900), ("won", 59900)):
        shop.stripe.dispute("payment:1", state)
        (seen,) = shop.provider.money_back("payment:1").disputes
        assert (seen.state, seen.amount, seen.opened_at) == (state, Money(minor, "RUB"), shop.stripe.now())
        (listed,) = everything(shop, "disputes")
        assert (listed.state, listed.minor, listed.payment_ref) == (state, minor, bought.provider_ref)


@pytest.mark.fault("P25")
def test_a_payment_under_dispute_is_not_refunded(shop: Shop) -> None:
    bought = shop.buy()
    shop.stripe.dispute("payment:1")
    answer: Answer = shop.provider.refund(shop.back(bought, 900))
    assert answer.decline == Decline(DeclineClass.hard, "charge_disputed")


def test_nothing_is_taken_back_of_what_is_not_there(shop: Shop) -> None:
    back = shop.provider.money_back("payment:9")
    assert (back.known, back.refunds, back.disputes) == (True, (), ())
    shop.stripe.plan("timeout_after", "find")
    assert not shop.provider.money_back("payment:9").known


def test_everything_it_has_is_listed_page_by_page(shop: Shop) -> None:
    references = [f"payment:{number}" for number in range(5)]
    for reference in references:
        shop.buy(reference)
    first = shop.provider.listed("payments")
    assert first.after is not None
    shop.buy("payment:later")
    rest = shop.provider.listed("payments", first.after)
    seen = [one.reference for one in (*first.objects, *rest.objects)]
    assert seen == references[::-1][:4]
    assert {(one.minor, one.state) for one in first.objects} == {(59900, "succeeded")}
    assert first.objects[0].provider_ref == first.objects[0].payment_ref


def test_a_list_since_a_moment_leaves_out_what_is_older(shop: Shop) -> None:
    shop.buy("payment:1")
    shop.stripe.advance(days=1)
    shop.buy("payment:2")
    listed = shop.provider.listed("payments", since=shop.stripe.now())
    assert [one.reference for one in listed.objects] == ["payment:2"]


@pytest.mark.parametrize("what", ["payments", "refunds", "disputes"])
@pytest.mark.parametrize("fault", ["timeout_after", "error_before", "garbage", "rate_limited", "wrong_key"])
def test_a_list_that_did_not_come_is_not_known(shop: Shop, what: Listable, fault: str) -> None:
    shop.stripe.plan(fault, "find")
    assert not shop.provider.listed(what).known
