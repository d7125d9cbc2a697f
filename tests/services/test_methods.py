"""Payment methods: saving one over nothing, using it, removing it for good."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from portal.domain.errors import NotFound, ProviderUnavailable
from portal.domain.user import Person
from portal.services import collect, methods, renew, save_method
from tests.services.month import (
    AGREED,
    ALICE,
    DECLINES_LATER,
    MINUTE,
    dates,
    days_pass,
    do,
    may_watch,
    save_card,
    shown,
    subscribed,
    taken,
    told,
)
from tests.services.promise import assert_kept, uuid_of
from tests.services.stubborn import plan_fault
from tests.world import World, path_of

MONTH = timedelta(days=31)


def method_ids(world: World) -> list[object]:
    return [uuid_of(row["id"]) for row in world.rows("SELECT id FROM payment_methods ORDER BY created_at, id")]


def calls(world: World, operation: str) -> int:
    return sum(request["operation"] == operation for request in world.sandbox.book.requests())


def remove(world: World, number: int = 0) -> None:
    do(world, methods.remove, ALICE, method_ids(world)[number])


def test_a_card_saved_over_nothing_pays_the_next_month(world: World) -> None:
    subscribed(world)
    page = do(world, save_method.start, ALICE, AGREED)
    assert do(world, save_method.start, ALICE, AGREED) == page
    back = world.pay(page, "5555 5555 5555 4444")
    assert back.headers["Location"] == "http://portal.test/cabinet/methods"
    world.drain()

    assert taken(world) == [29900]
    row = world.one("SELECT m.title FROM subscriptions s JOIN payment_methods m ON m.id = s.payment_method_id")
    assert row["title"] == "Mastercard ·· 4444"
    assert told(world) == ["activated"]
    world.pass_time(MONTH)
    cards = [one["card"] for one in world.sandbox.book.charges()]
    assert cards == ["good", "mastercard"]
    assert_kept(world)


def test_the_bank_may_ask_before_the_card_is_saved(world: World) -> None:
    subscribed(world)
    page = do(world, save_method.start, ALICE, AGREED)
    world.pay(page, "4000 0000 0000 3220")
    world.drain()
    assert world.count("payment_methods") == 1
    world.app.test_client().post(f"{path_of(page)}/confirm", data={"decision": "confirm"})
    world.drain()
    assert world.count("payment_methods") == 2


@pytest.mark.parametrize("card", ["4000 0000 0000 0002", "4000 0000 0000 9987"])
def test_a_refused_card_is_not_saved_and_the_next_try_opens_a_new_page(world: World, card: str) -> None:
    subscribed(world)
    page = do(world, save_method.start, ALICE, AGREED)
    world.pay(page, card)
    world.drain()
    assert world.count("payment_methods") == 1
    assert do(world, save_method.start, ALICE, AGREED) != page


def test_a_page_that_ran_out_is_replaced_even_where_nobody_told_us(world: World) -> None:
    subscribed(world)
    page = do(world, save_method.start, ALICE, AGREED)
    world.clock.at += 25 * timedelta(hours=1)
    assert do(world, save_method.start, ALICE, AGREED) != page


@pytest.mark.parametrize("fault", ["timeout_before", "timeout_after", "error_after", "garbage", "rate_limited"])
def test_a_page_that_could_not_be_opened_at_once_can_be_opened_soon(world: World, fault: str) -> None:
    subscribed(world)
    plan_fault(world, fault, "start_checkout", hold_seconds=0)
    for _ in range(3):
        try:
            page = do(world, save_method.start, ALICE, AGREED)
            break
        except ProviderUnavailable:
            world.pass_time(2 * MINUTE)
    world.pay(page)
    world.drain()
    assert world.count("payment_methods") == 2
    assert taken(world) == [29900]


def test_a_removed_card_is_not_charged_in_the_sixty_days_that_follow(world: World) -> None:
    subscribed(world)
    remove(world)
    remove(world)
    assert world.count("consents") == 4
    assert world.one("SELECT kind, payment_method_id FROM consents WHERE given = :no", no=False)["kind"] == "renewal"
    assert told(world) == ["activated", "cancelled"]
    assert calls(world, "detach") == 1

    days_pass(world, 60)

    assert calls(world, "charge") == 0
    assert (shown(world)["status"], may_watch(world)) == ("ended", False)
    assert world.one("SELECT end_reason FROM subscriptions")["end_reason"] == "no_method"
    assert told(world) == ["activated", "cancelled", "deactivated"]
    assert_kept(world)


def test_a_repeated_webhook_does_not_bring_a_removed_card_back(world: World) -> None:
    subscribed(world)
    remove(world)
    world.write("UPDATE inbox SET state = 'received', processed_at = NULL")
    world.drain()
    world.pass_time(MINUTE)
    assert world.count("payment_methods") == 1
    assert world.one("SELECT removed_at FROM payment_methods")["removed_at"] is not None
    assert world.one("SELECT payment_method_id FROM subscriptions")["payment_method_id"] is None


def test_forgetting_a_card_is_asked_for_until_the_payment_system_has_done_it(world: World) -> None:
    subscribed(world)
    plan_fault(world, "timeout_before", "detach", times=3, hold_seconds=0)
    remove(world)
    for _ in range(5):
        assert world.one("SELECT removed_at FROM payment_methods")["removed_at"] is not None
        world.pass_time(5 * MINUTE)
    assert world.one("SELECT detached_at FROM payment_methods")["detached_at"] is not None


def test_cards_that_cannot_be_forgotten_do_not_hold_back_the_newer_ones(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two are stuck, and one is tried at a time."""
    subscribed(world)
    save_card(world, "5555 5555 5555 4444")
    save_card(world, "4000 0000 0000 0341")
    plan_fault(world, "rate_limited", "detach", times=3)
    for number in range(3):
        remove(world, number)
    refs = [row["method_ref"] for row in world.rows("SELECT method_ref FROM payment_methods ORDER BY removed_at, id")]
    provider = world.app.extensions["matinee"].providers["sandbox"]
    forgets = provider.detach
    monkeypatch.setattr(provider, "detach", lambda ref: ref not in refs[:2] and forgets(ref))
    for _ in range(200):
        assert do(world, methods.detach_removed, 1) == 1
    left = world.rows("SELECT method_ref FROM payment_methods WHERE detached_at IS NULL ORDER BY removed_at, id")
    assert [row["method_ref"] for row in left] == refs[:2]


def test_one_card_over_which_the_run_breaks_does_not_hold_back_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribed(world)
    save_card(world, "5555 5555 5555 4444")
    plan_fault(world, "rate_limited", "detach", times=2)
    remove(world, 0)
    world.clock.at += MINUTE
    remove(world, 1)
    poison = world.rows("SELECT method_ref FROM payment_methods ORDER BY removed_at")[0]["method_ref"]
    provider = world.app.extensions["matinee"].providers["sandbox"]
    monkeypatch.setattr(provider, "detach", raising_for(poison, provider.detach))
    assert do(world, methods.detach_removed) == 2
    (left,) = world.rows("SELECT method_ref FROM payment_methods WHERE detached_at IS NULL")
    assert left["method_ref"] == poison


def raising_for(method_ref: str, real: Callable[[str], bool]) -> Callable[[str], bool]:
    def call(asked: str) -> bool:
        if asked == method_ref:
            raise RuntimeError("a bug of ours")
        return real(asked)

    return call


def test_a_card_of_a_payment_system_that_is_switched_off_can_be_removed_and_holds_nobody_up(world: World) -> None:
    subscribed(world)
    save_card(world, "5555 5555 5555 4444")
    world.write("UPDATE payment_methods SET provider = 'gone'")
    remove(world, 0)
    plan_fault(world, "rate_limited", "detach")
    world.write("UPDATE payment_methods SET provider = 'sandbox' WHERE removed_at IS NULL")
    remove(world, 1)
    assert do(world, methods.detach_removed) == 1
    assert world.one("SELECT provider FROM payment_methods WHERE detached_at IS NULL")["provider"] == "gone"
    world.write("UPDATE payment_methods SET provider = 'sandbox'")
    world.pass_time(5 * MINUTE)
    assert waiting(world) == 0


def waiting(world: World) -> int:
    """Cards that were removed here and not yet there."""
    return len(world.rows("SELECT id FROM payment_methods WHERE removed_at IS NOT NULL AND detached_at IS NULL"))


def test_removing_the_card_while_money_is_owed_ends_access_and_the_retries(world: World) -> None:
    subscribed(world, DECLINES_LATER)
    world.pass_time(MONTH + MINUTE)
    assert shown(world)["status"] == "past_due"
    before = calls(world, "charge")
    remove(world)
    assert told(world)[-1] == "cancelled"
    world.pass_time(MINUTE)
    assert (shown(world)["status"], may_watch(world)) == ("suspended", False)
    days_pass(world, 60)
    assert calls(world, "charge") == before
    assert (shown(world)["status"], may_watch(world)) == ("ended", False)
    assert_kept(world)


def test_another_saved_card_is_not_picked_for_a_removed_one(world: World) -> None:
    subscribed(world)
    save_card(world, "5555 5555 5555 4444")
    do(world, methods.use, ALICE, method_ids(world)[0])
    remove(world, 0)
    world.pass_time(MONTH)
    assert taken(world) == [29900]
    assert shown(world)["status"] == "ended"


def test_a_card_that_is_chosen_again_after_the_removed_one_renews_and_says_so(world: World) -> None:
    subscribed(world)
    save_card(world, "5555 5555 5555 4444")
    do(world, methods.use, ALICE, method_ids(world)[0])
    remove(world, 0)
    do(world, methods.use, ALICE, method_ids(world)[1])
    do(world, methods.use, ALICE, method_ids(world)[1])
    world.drain()
    assert told(world) == ["activated", "cancelled", "resumed"]
    world.pass_time(MONTH)
    assert dates(world) == ["10 Jan - 10 Feb", "10 Feb - 10 Mar"]
    assert_kept(world)


def test_a_removed_card_and_another_persons_card_cannot_be_used(world: World) -> None:
    subscribed(world)
    (mine,) = method_ids(world)
    with pytest.raises(NotFound):
        do(world, methods.use, Person("boris"), mine)
    with pytest.raises(NotFound):
        do(world, methods.remove, Person("boris"), mine)
    remove(world)
    with pytest.raises(NotFound):
        do(world, methods.use, ALICE, mine)


def test_a_refusal_between_the_decision_and_the_charge_wins(world: World) -> None:
    """The worker wrote its intent; the customer removes the card; the worker sends: nothing is sent."""
    subscribed(world)
    world.clock.at += MONTH
    decided, _ = do(world, lambda: renew._decide_chunk(None, 100))
    remove(world)
    do(world, collect.charge, decided[0].payment_id)
    assert calls(world, "charge") == 0
    assert [row["state"] for row in world.rows("SELECT state FROM payments WHERE kind = 'charge'")] == ["aborted"]
    world.pass_time(MINUTE)
    assert shown(world)["status"] == "ended"
    assert_kept(world)
