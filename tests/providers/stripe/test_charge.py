"""A charge while its customer is away: once, whatever happens to the request; all tries are tries of one payment."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from portal.demo.transport import InProcess
from portal.domain.outcome import Decline, DeclineClass, Outcome
from portal.providers.port import Answer, ChargeOrder, Clues, SavedMethod
from tests.providers.stripe.shop import ALWAYS_ASKS, DECLINES_LATER, PRICE, Shop

DECLINED = Decline(DeclineClass.soft, "declined")
DETACHED = Decline(DeclineClass.hard, "method_detached")
REFUSED = Decline(DeclineClass.gateway, "invalid_request_error")

# Each fault on the first charge: what the client says at once, what was really taken, and what it finds afterwards.
CHARGE_FAULTS: list[tuple[str, dict[str, Any], Outcome, int, Outcome]] = [
    ("decline", {"code": "insufficient_funds"}, Outcome.failed, 0, Outcome.failed),
    ("timeout_before", {}, Outcome.unknown, 0, Outcome.unknown),
    ("timeout_after", {}, Outcome.unknown, 1, Outcome.succeeded),
    ("error_before", {}, Outcome.unknown, 0, Outcome.unknown),
    ("error_after", {}, Outcome.unknown, 1, Outcome.succeeded),
    ("rate_limited", {}, Outcome.failed, 0, Outcome.unknown),
    ("reset", {"when": "before"}, Outcome.unknown, 0, Outcome.unknown),
    ("reset", {"when": "after"}, Outcome.unknown, 1, Outcome.succeeded),
    ("garbage", {}, Outcome.unknown, 1, Outcome.succeeded),
    ("truncated", {}, Outcome.unknown, 1, Outcome.succeeded),
    ("pending_then_late", {}, Outcome.pending, 0, Outcome.pending),
    ("wrong_amount", {}, Outcome.succeeded, 1, Outcome.succeeded),
]


@pytest.mark.fault("P1")
@pytest.mark.fault("P2")
@pytest.mark.fault("P15")
@pytest.mark.parametrize(("fault", "params", "said", "taken", "found"), CHARGE_FAULTS)
def test_each_fault_on_a_charge(
    shop: Shop, fault: str, params: dict[str, Any], said: Outcome, taken: int, found: Outcome
) -> None:
    method = shop.saved()
    shop.stripe.plan(fault, "charge", **params)
    assert shop.provider.charge(shop.renewal(method)).outcome is said
    assert len(shop.stripe.taken("payment:2")) == taken
    known = Clues(customer_ref=method.customer_ref, sent_at=shop.stripe.now())
    for later in (shop.provider.find("payment:2"), shop.provider.find("payment:2", known)):
        assert (later.outcome, later.absent) == (found, taken == 0 and found is Outcome.unknown)


@pytest.mark.fault("P3")
@pytest.mark.parametrize(
    ("fault", "again"),
    [
        ("timeout_before", Outcome.succeeded),
        ("timeout_after", Outcome.succeeded),
        ("reset", Outcome.succeeded),
        ("garbage", Outcome.succeeded),
        ("rate_limited", Outcome.succeeded),
        ("error_after", Outcome.unknown),  # the 500 is kept for the key
        ("error_before", Outcome.unknown),
    ],
)
def test_the_same_order_sent_again_with_its_key(shop: Shop, fault: str, again: Outcome) -> None:
    renewal = shop.renewal(shop.saved())
    shop.stripe.plan(fault, "charge")
    shop.provider.charge(renewal)
    assert shop.provider.charge(renewal).outcome is again
    assert len(shop.stripe.taken("payment:2")) == (0 if fault == "error_before" else 1)


@pytest.mark.fault("P6")
def test_a_key_that_is_in_use_or_belongs_to_another_order_proves_nothing(shop: Shop) -> None:
    method = shop.saved()
    shop.provider.charge(shop.renewal(method))
    other = shop.provider.charge(shop.renewal(method, amount=PRICE * 2))
    assert other.outcome is Outcome.unknown
    assert other.note.startswith("http 400 idempotency_error")
    shop.stripe.plan("key_in_use", "charge")
    busy = shop.provider.charge(shop.renewal(method, "payment:3"))
    assert (busy.outcome, busy.note) == (Outcome.unknown, "http 409 idempotency_key_in_use")
    assert shop.stripe.taken("payment:2") == [59900]


@pytest.mark.fault("P7")
@pytest.mark.fault("P8")
@pytest.mark.parametrize(("fault", "code"), [("rate_limited", "rate_limit"), ("wrong_key", "invalid_request_error")])
def test_what_is_refused_at_the_door_reached_no_bank(shop: Shop, fault: str, code: str) -> None:
    renewal = shop.renewal(shop.saved())
    shop.stripe.plan(fault, "charge")
    assert shop.provider.charge(renewal).decline == Decline(DeclineClass.gateway, code)
    assert shop.provider.charge(renewal).outcome is Outcome.succeeded


@pytest.mark.fault("P10")
@pytest.mark.fault("P11")
@pytest.mark.parametrize(
    ("code", "decline"),
    [
        ("declined", Decline(DeclineClass.soft, "declined")),
        ("insufficient_funds", Decline(DeclineClass.soft, "insufficient_funds")),
        ("lost_card", Decline(DeclineClass.hard, "lost_card")),
        ("stolen_card", Decline(DeclineClass.hard, "stolen_card")),
        ("expired_card", Decline(DeclineClass.hard, "expired_card")),
        ("processing_error", Decline(DeclineClass.gateway, "gateway")),
    ],
)
def test_a_decline_is_said_the_same_at_once_and_later(shop: Shop, code: str, decline: Decline) -> None:
    method = shop.saved()
    shop.stripe.plan("decline", "charge", code=code)
    said = shop.provider.charge(shop.renewal(method))
    assert (said.outcome, said.decline) == (Outcome.failed, decline)
    found = shop.provider.find("payment:2", Clues(provider_ref=said.provider_ref))
    assert (found.decline, found.provider_ref) == (decline, said.provider_ref)
    assert "http 402" in said.note


@pytest.mark.fault("P12")
def test_a_bank_that_wants_its_customer_is_answered_on_the_same_payment(shop: Shop) -> None:
    method = shop.saved(ALWAYS_ASKS)
    asked = shop.provider.charge(shop.renewal(method))
    assert asked.outcome is Outcome.requires_action
    assert asked.redirect_url is not None
    found = shop.provider.find("payment:2", Clues(provider_ref=asked.provider_ref))
    assert (found.outcome, found.redirect_url) == (Outcome.requires_action, asked.redirect_url)
    assert shop.stripe.decide(asked.redirect_url).headers["Location"] == shop.renewal(method).return_url
    paid = shop.provider.find("payment:2")
    assert (paid.outcome, paid.provider_ref) == (Outcome.succeeded, asked.provider_ref)
    assert shop.stripe.taken("payment:2") == [59900]


@pytest.mark.fault("P12")
def test_a_customer_who_does_not_confirm_has_not_paid(shop: Shop) -> None:
    asked = shop.provider.charge(shop.renewal(shop.saved(ALWAYS_ASKS)))
    shop.stripe.decide(asked.redirect_url or "", "refuse")
    found = shop.provider.find("payment:2")
    assert found.decline == Decline(DeclineClass.soft, "authentication_failed")
    assert shop.stripe.taken("payment:2") == []


@pytest.mark.fault("P12")
def test_where_nobody_came_to_confirm_the_payment_can_be_closed(shop: Shop) -> None:
    asked = shop.provider.charge(shop.renewal(shop.saved(ALWAYS_ASKS)))
    known = Clues(provider_ref=asked.provider_ref)
    for _ in range(2):
        answer = shop.provider.close_checkout("payment:2", known)
        assert answer.decline == Decline(DeclineClass.closed, "checkout_closed")
    assert shop.stripe.decide(asked.redirect_url or "").status_code == 410
    assert shop.stripe.taken("payment:2") == []


@pytest.mark.fault("P12")
def test_if_the_customer_could_not_be_asked_the_try_is_declined_and_the_next_one_asks(shop: Shop) -> None:
    """The first request was answered; the second, which makes the bank's page, was lost."""
    method = shop.saved(ALWAYS_ASKS)
    order = shop.renewal(method)
    lost = Shop(shop.stripe, transport=Losing(shop, "/confirm"))
    said = lost.provider.charge(order)
    assert said.outcome is Outcome.unknown
    found = shop.provider.find("payment:2", Clues(provider_ref=said.provider_ref))
    assert found.decline == Decline(DeclineClass.soft, "authentication_required")
    again = shop.provider.charge(shop.renewal(method, "payment:3", payment_ref=said.provider_ref))
    assert (again.outcome, again.provider_ref) == (Outcome.requires_action, said.provider_ref)


class Losing(httpx.BaseTransport):
    """A line on which requests to one address are lost."""

    def __init__(self, shop: Shop, lost: str) -> None:
        self._onward = InProcess(shop.stripe.line, mount="")
        self._lost = lost

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith(self._lost):
            raise httpx.ReadTimeout("lost", request=request)
        return self._onward.handle_request(request)


class Refusing(httpx.BaseTransport):
    """A line on which requests to one address are refused, in Stripe's way, with nothing that says why."""

    def __init__(self, shop: Shop, refused: str, **error: str) -> None:
        self._onward = InProcess(shop.stripe.line, mount="")
        self._refused = refused
        self._error = {"type": "invalid_request_error", "message": "It cannot be done.", **error}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith(self._refused):
            return httpx.Response(400, json={"error": self._error})
        return self._onward.handle_request(request)


def retry(shop: Shop, method: SavedMethod | None, before: Answer) -> ChargeOrder:
    assert method is not None
    return shop.renewal(method, "payment:3", payment_ref=before.provider_ref)


def test_a_retry_is_a_try_of_the_same_payment(shop: Shop) -> None:
    method = shop.saved()
    shop.stripe.plan("decline", "charge")
    first = shop.provider.charge(shop.renewal(method))
    second = shop.provider.charge(retry(shop, method, first))
    assert (second.outcome, second.provider_ref) == (Outcome.succeeded, first.provider_ref)
    assert shop.provider.find("payment:3") == second
    assert shop.stripe.taken("payment:3") == [59900]
    assert shop.stripe.taken("payment:2") == []
    assert shop.provider.listed("payments").objects[0].reference == "payment:3"


def test_a_retry_with_another_card_is_a_try_of_the_same_payment(shop: Shop) -> None:
    declining = shop.saved(DECLINES_LATER)
    first = shop.provider.charge(shop.renewal(declining))
    assert first.decline == DECLINED
    other = shop.buy("payment:other", customer_ref=declining.customer_ref).method
    second = shop.provider.charge(retry(shop, other, first))
    assert (second.outcome, second.provider_ref) == (Outcome.succeeded, first.provider_ref)


def test_a_retry_after_the_first_came_through_takes_nothing_more(shop: Shop) -> None:
    """Somebody believed that it was declined, and it was not."""
    method = shop.saved()
    first = shop.provider.charge(shop.renewal(method))
    again = shop.provider.charge(retry(shop, method, first))
    assert (again.outcome, again.provider_ref) == (Outcome.succeeded, first.provider_ref)
    assert len(shop.stripe.taken()) == 2  # the purchase that saved the card, and this


def test_a_retry_of_what_was_closed_is_another_payment(shop: Shop) -> None:
    method = shop.saved(ALWAYS_ASKS)
    first = shop.provider.charge(shop.renewal(method))
    shop.provider.close_checkout("payment:2")
    second = shop.provider.charge(retry(shop, method, first))
    assert second.outcome is Outcome.requires_action
    assert second.provider_ref != first.provider_ref


@pytest.mark.fault("P1")
@pytest.mark.parametrize(
    ("fault", "found"),
    [("timeout_before", Outcome.unknown), ("timeout_after", Outcome.succeeded), ("garbage", Outcome.succeeded)],
)
def test_a_retry_of_which_nobody_answered_is_told_from_the_try_before(shop: Shop, fault: str, found: Outcome) -> None:
    method = shop.saved()
    shop.stripe.plan("decline", "charge")
    first = shop.provider.charge(shop.renewal(method))
    order = retry(shop, method, first)
    shop.stripe.plan(fault, "charge")
    assert shop.provider.charge(order).outcome is Outcome.unknown
    shop.stripe.advance(days=1)
    tried_before = {"payment_ref": first.provider_ref, "sent_at": shop.stripe.now()}
    for known in (Clues(customer_ref=method.customer_ref), Clues(customer_ref=method.customer_ref, **tried_before)):
        later = shop.provider.find("payment:3", known)
        assert (later.outcome, later.absent) == (found, found is Outcome.unknown)
    shop.stripe.clock.at -= timedelta(days=1)
    assert shop.provider.charge(order).outcome is Outcome.succeeded
    assert shop.stripe.taken("payment:3") == [59900]


def test_a_retry_that_is_declined_again_says_its_own_decline(shop: Shop) -> None:
    method = shop.saved()
    shop.stripe.plan("decline", "charge", code="insufficient_funds")
    first = shop.provider.charge(shop.renewal(method))
    shop.stripe.plan("decline", "charge", code="lost_card")
    second = shop.provider.charge(retry(shop, method, first))
    for answer in (second, shop.provider.find("payment:3", Clues(provider_ref=first.provider_ref))):
        assert answer.decline == Decline(DeclineClass.hard, "lost_card")


@pytest.mark.fault("P16")
def test_another_sum_than_was_asked_for_is_said(shop: Shop) -> None:
    method = shop.saved()
    shop.stripe.plan("wrong_amount", "charge", amount=12300)
    assert shop.provider.charge(shop.renewal(method)).amount == replace(PRICE, minor=12300)


@pytest.mark.fault("P20")
def test_a_removed_method_is_never_charged_again(shop: Shop) -> None:
    method = shop.saved()
    assert shop.provider.detach(method.method_ref)
    assert shop.provider.detach(method.method_ref)
    answer = shop.provider.charge(shop.renewal(method))
    assert answer.decline == DETACHED
    assert shop.stripe.taken("payment:2") == []


def test_a_removed_method_is_not_charged_by_a_retry_either(shop: Shop) -> None:
    method = shop.saved()
    shop.stripe.plan("decline", "charge")
    first = shop.provider.charge(shop.renewal(method))
    shop.provider.detach(method.method_ref)
    assert shop.provider.charge(retry(shop, method, first)).decline == DETACHED
    assert shop.stripe.taken("payment:3") == []


def test_a_method_that_is_not_there_any_more_is_dead_though_the_refusal_does_not_say_so(shop: Shop) -> None:
    gone = replace(shop.saved(), method_ref="pm_gone")
    refusing = Shop(shop.stripe, transport=Refusing(shop, "/payment_intents"))
    assert refusing.provider.charge(shop.renewal(gone)).decline == DETACHED


@pytest.mark.parametrize("named", [{}, {"param": "payment_method"}])
def test_a_refusal_without_a_code_does_not_blame_a_method_that_is_still_attached(
    shop: Shop, named: dict[str, str]
) -> None:
    method = shop.saved()
    refusing = Shop(shop.stripe, transport=Refusing(shop, "/payment_intents", **named))
    assert refusing.provider.charge(shop.renewal(method)).decline == REFUSED


@pytest.mark.parametrize("fault", ["timeout_before", "error_after", "garbage", "rate_limited", "wrong_key"])
def test_where_nobody_can_tell_what_became_of_a_method_it_is_not_called_dead(shop: Shop, fault: str) -> None:
    method = shop.saved()
    shop.provider.detach(method.method_ref)
    shop.stripe.plan(fault, "find")
    assert shop.provider.charge(shop.renewal(method)).decline == REFUSED
    assert shop.provider.charge(shop.renewal(method)).decline == DETACHED


@pytest.mark.fault("P20")
def test_a_card_whose_time_is_over_is_declined_for_good(shop: Shop) -> None:
    url = shop.open_page()
    shop.stripe.pay(url, expiry="02/27")
    method = shop.provider.find("payment:1").method
    assert method is not None
    shop.stripe.advance(days=60)
    assert shop.provider.charge(shop.renewal(method)).decline == Decline(DeclineClass.hard, "expired_card")


@pytest.mark.fault("P21")
def test_a_method_is_charged_for_its_owner_only(shop: Shop) -> None:
    alices, boris = shop.saved(), shop.saved(user_id="boris")
    mixed = replace(alices, method_ref=boris.method_ref)
    answer = shop.provider.charge(shop.renewal(mixed))
    assert answer.decline == DETACHED
    assert shop.stripe.taken("payment:2") == []


def test_a_failing_detach_is_not_done(shop: Shop) -> None:
    method = shop.saved()
    shop.stripe.plan("timeout_before", "detach")
    assert not shop.provider.detach(method.method_ref)
    assert shop.provider.detach("pm_nobody")


@pytest.mark.parametrize("fault", ["timeout_after", "error_after", "reset"])
def test_a_detach_whose_answer_was_lost_is_done_when_it_is_asked_for_again(shop: Shop, fault: str) -> None:
    method = shop.saved()
    shop.stripe.plan(fault, "detach", when="after")
    assert not shop.provider.detach(method.method_ref)
    assert shop.provider.detach(method.method_ref)


def test_a_detach_that_is_refused_is_not_done_while_the_method_is_attached(shop: Shop) -> None:
    method = shop.saved()
    refusing = Shop(shop.stripe, transport=Refusing(shop, "/detach"))
    assert not refusing.provider.detach(method.method_ref)
    assert refusing.provider.detach("pm_nobody")


def test_a_detach_that_is_refused_is_not_done_where_nobody_can_tell_whose_the_method_is(shop: Shop) -> None:
    method = shop.saved()
    shop.provider.detach(method.method_ref)
    shop.stripe.plan("timeout_before", "find")
    assert not shop.provider.detach(method.method_ref)
