"""The hosted page: what Stripe is asked for, and what becomes of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.domain.money import EXPONENTS, Money
from portal.domain.outcome import Decline, DeclineClass, Outcome
from portal.providers.port import Answer, Clues, Provider, SavedMethod
from portal.providers.stripe.amounts import DECIMALS, SMALLEST
from portal.providers.stripe.provider import StripeProvider
from tests.providers.stripe.shop import PRICE, Shop
from tests.stripe_wire.server import API_KEY, SECRET, TurnedClock
from tests.stripe_wire.tables import customers, sessions

CLOSED = Decline(DeclineClass.closed, "checkout_closed")
EXPIRED = Decline(DeclineClass.closed, "checkout_expired")


def test_the_client_is_a_provider(shop: Shop) -> None:
    provider: Provider = shop.provider
    assert (provider.name, provider.abilities.key_lifetime_hours) == ("stripe", 24)


def test_forms_may_lead_to_stripes_page_and_to_the_page_where_a_bank_asks() -> None:
    real = StripeProvider(API_KEY, SECRET, TurnedClock())
    assert real.checkout_origin == "https://checkout.stripe.com https://hooks.stripe.com"
    near = StripeProvider(API_KEY, SECRET, TurnedClock(), api_base="http://127.0.0.1:9/stripe")
    assert near.checkout_origin == "http://127.0.0.1:9"


def test_a_new_checkout_waits_for_its_customer(shop: Shop) -> None:
    started = shop.provider.start_checkout(shop.order())
    assert (started.outcome, started.amount) == (Outcome.requires_action, PRICE)
    assert (started.provider_ref or "").startswith("cs_test_")
    assert (started.redirect_url or "").startswith(shop.provider.checkout_origin)
    assert shop.provider.find("payment:1") == started
    assert shop.provider.find("payment:1", Clues(provider_ref=started.provider_ref)) == started


def test_a_paid_page_is_a_payment_with_its_method(shop: Shop) -> None:
    paid = shop.buy()
    assert (paid.outcome, paid.amount) == (Outcome.succeeded, PRICE)
    assert (paid.provider_ref or "").startswith("pi_")
    assert isinstance(paid.method, SavedMethod)
    assert (paid.method.kind, paid.method.title, paid.method.expires) == ("card", "Visa ·· 4242", "2034-12")
    assert shop.provider.find("payment:1", Clues(provider_ref=paid.provider_ref)) == paid


def test_a_page_over_nothing_only_saves(shop: Shop) -> None:
    saved = shop.buy(amount=Money.zero("RUB"))
    assert (saved.outcome, saved.amount) == (Outcome.succeeded, Money.zero("RUB"))
    assert saved.method is not None
    assert shop.provider.charge(shop.renewal(saved.method)).outcome is Outcome.succeeded
    assert shop.provider.find("payment:1", Clues(provider_ref=saved.provider_ref)) == saved


def test_a_method_that_nobody_wanted_to_keep_is_not_kept(shop: Shop) -> None:
    assert shop.buy(save_method=False).method is None


def test_a_declined_card_leaves_the_page_open_for_another(shop: Shop) -> None:
    url = shop.open_page()
    assert shop.stripe.pay(url, "4000 0000 0000 9995").status_code == 402
    assert shop.provider.find("payment:1").outcome is Outcome.requires_action
    shop.stripe.pay(url)
    assert shop.provider.find("payment:1").outcome is Outcome.succeeded
    assert shop.stripe.taken("payment:1") == [59900]


def test_three_d_secure_on_the_page(shop: Shop) -> None:
    url = shop.open_page()
    asked = shop.stripe.pay(url, "4000 0000 0000 3220")
    assert asked.headers["Location"].endswith("/confirm")
    assert shop.provider.find("payment:1").outcome is Outcome.requires_action
    shop.stripe.decide(url)
    assert shop.provider.find("payment:1").outcome is Outcome.succeeded


def test_everybody_is_one_customer(shop: Shop) -> None:
    shop.open_page("payment:1")
    shop.open_page("payment:2")
    shop.open_page("payment:3", user_id="boris")
    with shop.stripe.book.read() as conn:
        made = [dict(row) for row in conn.execute(select(customers)).mappings()]
    assert [row["metadata"] for row in made] == [{"matinee_user": "alice"}, {"matinee_user": "boris"}]


def test_a_customer_who_is_known_is_not_made_again(shop: Shop) -> None:
    method = shop.saved()
    shop.stripe.advance(days=3)
    again = shop.buy("payment:9", customer_ref=method.customer_ref)
    assert again.method is not None
    assert again.method.customer_ref == method.customer_ref
    deleted = shop.buy("payment:10", customer_ref="cus_deleted_by_hand")
    assert deleted.outcome is Outcome.succeeded


def test_a_customer_that_could_not_be_made_locks_nobody_out_while_stripe_keeps_that_answer(shop: Shop) -> None:
    """It was made all the same: so there are several, and each method is charged as the one it was saved for."""
    shop.stripe.plan("breaks", "customers")
    for number in (1, 2):
        method = shop.buy(f"payment:{number}").method
        assert method is not None
        assert shop.provider.charge(shop.renewal(method, f"payment:renewal{number}")).outcome is Outcome.succeeded
    with shop.stripe.book.read() as conn:
        assert len(list(conn.scalars(select(customers.c.id)))) == 3


def test_an_order_sent_again_after_its_customer_could_not_be_made_is_the_same_page(shop: Shop) -> None:
    order = shop.order()
    shop.stripe.plan("breaks", "customers")
    shop.stripe.plan("timeout_after", "start_checkout")
    shop.provider.start_checkout(order)
    again = shop.provider.start_checkout(order)
    assert again.outcome is Outcome.requires_action
    assert [row["replayed"] for row in shop.asked("start_checkout")] == [False, True]


def test_where_stripe_breaks_down_over_every_customer_no_page_was_asked_for(shop: Shop) -> None:
    for _ in range(2):
        shop.stripe.plan("breaks", "customers")
    assert shop.provider.start_checkout(shop.order()).decline == Decline(DeclineClass.gateway, "no_customer")
    assert shop.asked("start_checkout") == []
    assert shop.buy("payment:2").outcome is Outcome.succeeded


def test_an_order_of_a_customer_who_was_deleted_at_stripe_can_be_sent_again(shop: Shop) -> None:
    order = shop.order(customer_ref="cus_deleted_by_hand")
    shop.stripe.plan("timeout_after", "start_checkout")
    shop.provider.start_checkout(order)
    again = shop.provider.start_checkout(order)
    assert again.outcome is Outcome.requires_action
    assert shop.provider.start_checkout(order) == again
    with shop.stripe.book.read() as conn:
        assert len(list(conn.scalars(select(sessions.c.id)))) == 1


@pytest.mark.parametrize(
    ("asked", "open_for"),
    [
        (timedelta(minutes=1), timedelta(minutes=31)),
        (timedelta(hours=2), timedelta(hours=2)),
        (timedelta(hours=24), timedelta(hours=23, minutes=59)),
        (timedelta(days=30), timedelta(hours=23, minutes=59)),
    ],
)
def test_a_page_is_open_as_long_as_stripe_allows(shop: Shop, asked: timedelta, open_for: timedelta) -> None:
    shop.open_page(expires_at=shop.stripe.now() + asked)
    with shop.stripe.book.read() as conn:
        (expires_at,) = conn.scalars(select(sessions.c.expires_at))
    assert expires_at - shop.stripe.now() == open_for


def test_a_page_that_ran_out_is_found_closed(shop: Shop) -> None:
    url = shop.open_page()
    shop.stripe.advance(hours=3)
    assert shop.provider.find("payment:1").decline == EXPIRED
    assert shop.stripe.pay(url).status_code == 410
    assert shop.provider.close_checkout("payment:1").decline == EXPIRED


def test_a_closed_page_proves_that_it_cannot_be_paid(shop: Shop) -> None:
    url = shop.open_page()
    assert shop.provider.close_checkout("payment:1").decline == CLOSED
    assert shop.stripe.pay(url).status_code == 410
    assert shop.stripe.taken() == []


def test_closing_a_paid_page_says_that_it_was_paid(shop: Shop) -> None:
    paid = shop.buy()
    assert shop.provider.close_checkout("payment:1") == paid
    assert shop.provider.close_checkout("payment:1", Clues(provider_ref=paid.provider_ref)) == paid


def test_closing_what_is_not_there_is_not_called_absence(shop: Shop) -> None:
    answer = shop.provider.close_checkout("payment:9")
    assert (answer.outcome, answer.absent) == (Outcome.unknown, False)


def test_our_currencies_are_counted_as_stripe_counts_them() -> None:
    """Its integers are minor units, but for a few currencies. One of those would need a rule of its own."""
    assert DECIMALS == EXPONENTS
    assert SMALLEST.keys() == EXPONENTS.keys()


@pytest.mark.parametrize("amount", [Money(1019, "JPY"), Money(102_409, "RUB"), Money(2_010, "KWD")])
def test_sums_of_every_kind_arrive_as_they_were_sent(shop: Shop, amount: Money) -> None:
    paid = shop.buy(amount=amount)
    assert paid.amount == amount
    assert shop.stripe.taken("payment:1") == [amount.minor]


@pytest.mark.fault("P9")
@pytest.mark.parametrize(
    ("amount", "code"),
    [(Money(2_011, "KWD"), "parameter_invalid_integer"), (Money(1, "USD"), "amount_too_small")],
)
def test_a_sum_that_stripe_does_not_take_reaches_no_bank(shop: Shop, amount: Money, code: str) -> None:
    answer = shop.provider.start_checkout(shop.order(amount=amount))
    assert answer.decline == Decline(DeclineClass.gateway, code)


@pytest.mark.fault("P9")
def test_an_order_that_is_refused_is_our_mistake(shop: Shop) -> None:
    answer = shop.provider.start_checkout(shop.order(return_url="nowhere"))
    assert answer.decline == Decline(DeclineClass.gateway, "url_invalid")


@pytest.mark.parametrize("fault", ["timeout_after", "error_after", "reset", "garbage", "truncated"])
def test_a_fault_while_starting_or_closing_a_checkout_is_unknown(shop: Shop, fault: str) -> None:
    shop.stripe.plan(fault, "start_checkout", when="after")
    assert shop.provider.start_checkout(shop.order()).outcome is Outcome.unknown
    assert shop.provider.find("payment:1").outcome is Outcome.requires_action
    shop.stripe.plan(fault, "close_checkout", when="after")
    assert shop.provider.close_checkout("payment:1").outcome is Outcome.unknown
    assert shop.provider.close_checkout("payment:1").decline == EXPIRED  # nobody remembers who closed it


def test_the_same_order_sent_again_is_the_same_page(shop: Shop) -> None:
    order = shop.order()
    shop.stripe.plan("timeout_after", "start_checkout")
    shop.provider.start_checkout(order)
    again = shop.provider.start_checkout(order)
    assert again == shop.provider.find("payment:1")
    assert [row["replayed"] for row in shop.asked("start_checkout")] == [False, True]


def test_another_order_under_the_same_key_proves_nothing(shop: Shop) -> None:
    shop.provider.start_checkout(shop.order())
    other = shop.provider.start_checkout(replace(shop.order(), amount=PRICE * 2))
    assert other.outcome is Outcome.unknown
    assert other.note.startswith("http 400 idempotency_error")


def test_without_a_customer_no_page_was_asked_for(shop: Shop) -> None:
    stranger = Shop(shop.stripe, api_key="sk_test_of_another_shop")
    answer: Answer = stranger.provider.start_checkout(stranger.order())
    assert answer.decline == Decline(DeclineClass.gateway, "no_customer")
    assert shop.asked("start_checkout") == []
