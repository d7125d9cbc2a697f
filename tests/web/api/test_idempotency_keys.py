"""`Idempotency-Key`: one key of one caller is one order and one answer, for a day."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.services.stubborn import forget_faults, plan_fault
from tests.web.api.refusals import Untouched, wrong_in
from tests.world import Caller, World

ORDER = {"product_id": "standard", "product_count": 1}


def order(who: Caller, key: str = "key-1", **more: Any) -> Any:
    return who.post("/purchases", ORDER | more, headers={"Idempotency-Key": key})


@pytest.mark.fault("K6")
def test_a_repeated_key_gets_the_same_answer_also_after_the_payment(world: World) -> None:
    first = order(world.sign_in("alice"))
    assert order(world.sign_in("alice")).json == first.json
    world.pay(first.json["redirect_url"])
    world.drain()
    with Untouched(world):
        again = order(world.sign_in("alice"))
    assert (again.status_code, again.json) == (200, first.json)


@pytest.mark.fault("C4")
def test_a_repeated_key_with_another_body_is_refused(world: World) -> None:
    alice = world.sign_in("alice")
    assert order(alice).status_code == 200
    with Untouched(world):
        assert wrong_in(order(alice, product_count=2), 422, "idempotency_key_reused") is None


def test_two_callers_may_use_the_same_key(world: World) -> None:
    alice, boris = world.sign_in("alice"), world.sign_in("boris")
    assert order(alice).json["invoice_guid"] != order(boris, product_count=2).json["invoice_guid"]


def test_a_key_is_forgotten_after_a_day(world: World) -> None:
    first = order(world.sign_in("alice"))
    world.clock.at += timedelta(hours=24, seconds=-1)
    assert order(world.sign_in("alice")).json == first.json
    world.clock.at += timedelta(seconds=2)
    second = order(world.sign_in("alice"), product_count=2)
    assert second.status_code == 200
    assert second.json["invoice_guid"] != first.json["invoice_guid"]


def test_old_keys_are_deleted_by_the_job(world: World) -> None:
    order(world.sign_in("alice"))
    world.pass_time(timedelta(hours=24, seconds=1))
    assert world.count("idempotency_keys") == 0


def test_an_answer_that_says_try_again_is_not_kept(world: World) -> None:
    plan_fault(world, "timeout_before", "start_checkout", hold_seconds=0, times=9)
    refused = order(world.sign_in("alice"))
    assert wrong_in(refused, 503, "provider_unavailable") is None
    assert int(refused.headers["Retry-After"]) > 0
    forget_faults(world)
    again = order(world.sign_in("alice"))
    assert again.status_code == 200
    assert world.count("invoices") == 1


def test_a_refusal_is_kept_as_well(world: World) -> None:
    alice = world.sign_in("alice")
    refused = order(alice, product_id="nothing")
    with Untouched(world):
        assert order(alice, product_id="nothing").json == refused.json
        assert refused.status_code == 400


def test_a_body_that_was_no_order_does_not_use_the_key_up(world: World) -> None:
    alice = world.sign_in("alice")
    assert order(alice, product_count=0).status_code == 400
    assert order(alice).status_code == 200


def test_how_things_stood_is_not_kept(world: World) -> None:
    """Refused for what was under way, the same request goes through once it is not."""
    alice = world.sign_in("alice")
    plan_fault(world, "pending_then_late", "pay", after=600, outcome="failed")
    world.pay(world.buy(alice)["redirect_url"])
    world.drain()
    assert wrong_in(order(alice, product_count=2), 409, "payment_in_progress") is None
    world.pass_time(timedelta(hours=1))
    again = order(world.sign_in("alice"), product_count=2)
    assert again.status_code == 200
    assert order(world.sign_in("alice"), product_count=2).json == again.json


@pytest.mark.fault("K6")
@pytest.mark.parametrize("died", ["before_the_page", "after_the_page"])
def test_a_request_that_died_is_run_again_and_finds_the_order_it_had_made(world: World, died: str) -> None:
    alice = world.sign_in("alice")
    if died == "before_the_page":
        plan_fault(world, "timeout_after", "start_checkout", hold_seconds=0)
    first = order(alice)
    if first.status_code == 200:
        # Killed before it could answer: the key is taken, no answer is kept, and its lease is over.
        world.write(
            "UPDATE idempotency_keys SET status = NULL, answer = NULL, locked_until = '2026-01-01 00:00:00.000000'"
        )
    again = order(world.sign_in("alice"))
    if again.status_code != 200:
        world.clock.at += timedelta(minutes=1)
        again = order(world.sign_in("alice"))
    assert again.status_code == 200
    assert world.count("invoices") == 1
    world.pay(again.json["redirect_url"])
    world.drain()
    assert world.count("periods") == 1
