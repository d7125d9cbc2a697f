"""Many threads and one book: nothing is paid twice, nothing is given back twice, nothing finds the book locked."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest

from portal.demo.sandbox.book import Book
from portal.domain.outcome import Outcome
from portal.providers.sandbox import SandboxProvider
from tests.demo.sandbox.shop import API_KEY, BASE, RETURN, SECRET, Shop

Seen = TypeVar("Seen")


def at_once(act: Callable[[int], Seen], count: int) -> list[Seen]:
    together = threading.Barrier(count)

    def run(number: int) -> Seen:
        together.wait(timeout=20)
        return act(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def test_two_tabs_paying_one_checkout_take_the_money_once(shop_on_both: Shop) -> None:
    page = shop_on_both.open_page()
    answers = at_once(lambda _: shop_on_both.pay(page), 8)
    assert {(answer.status_code, answer.headers["Location"]) for answer in answers} == {(303, RETURN)}
    assert shop_on_both.taken() == [59900]
    assert [event["type"] for event in shop_on_both.book.webhooks()] == ["payment.succeeded"]


@pytest.mark.fault("P6")
def test_parallel_charges_with_one_key_take_the_money_once(shop_on_both: Shop) -> None:
    renewal = shop_on_both.renewal(shop_on_both.saved())
    answers = at_once(lambda _: shop_on_both.provider.charge(renewal), 12)
    assert {answer.outcome for answer in answers} <= {Outcome.succeeded, Outcome.unknown}
    assert Outcome.succeeded in {answer.outcome for answer in answers}
    assert shop_on_both.taken("payment:2") == [59900]


def test_parallel_refunds_never_give_back_more_than_was_taken(shop_on_both: Shop) -> None:
    paid = shop_on_both.buy()
    answers = at_once(lambda n: shop_on_both.provider.refund(shop_on_both.back(paid, 25000, f"refund:{n}")), 6)
    assert sorted(answer.outcome for answer in answers) == [Outcome.failed] * 4 + [Outcome.succeeded] * 2
    assert sum(row["amount"] for row in shop_on_both.book.refunds() if row["state"] == "succeeded") == 50000


@pytest.mark.parametrize("_round", range(3))
def test_closing_and_paying_at_once_agree_on_one_end(shop_on_both: Shop, _round: int) -> None:
    page = shop_on_both.open_page()

    def act(who: int) -> Outcome | None:
        if who == 0:
            shop_on_both.pay(page)
            return None
        return shop_on_both.provider.close_checkout("payment:1").outcome

    _, closed = at_once(act, 2)
    assert (closed, len(shop_on_both.taken())) in [(Outcome.succeeded, 1), (Outcome.failed, 0)]


def test_a_late_answer_is_settled_once_by_all_who_look(shop_on_both: Shop) -> None:
    shop_on_both.plan("pending_then_late", "pay", after=60)
    shop_on_both.buy()
    shop_on_both.clock.advance(seconds=60)
    at_once(lambda _: shop_on_both.provider.find("payment:1"), 6)
    told = [event["type"] for event in shop_on_both.book.webhooks("payment:1")]
    assert told == ["payment.pending", "payment.succeeded"]


def test_twenty_buyers_find_the_book_unlocked(shop_on_both: Shop) -> None:
    def buy(number: int) -> Outcome:
        provider = SandboxProvider(BASE, API_KEY, SECRET, transport=shop_on_both.transport)
        page = provider.start_checkout(shop_on_both.order(f"payment:{number}")).redirect_url
        assert page is not None
        shop_on_both.pay(page)
        return provider.find(f"payment:{number}").outcome

    assert at_once(buy, 20) == [Outcome.succeeded] * 20
    assert len(shop_on_both.taken()) == 20


def test_several_processes_may_open_a_new_book_at_once(tmp_path: Path) -> None:
    for number in range(5):
        books = at_once(lambda _, number=number: Book(f"sqlite:///{tmp_path / f'{number}.db'}"), 6)
        assert [book.charges() for book in books] == [[]] * 6
        for book in books:
            book.close()
