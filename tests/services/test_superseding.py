"""Changing one's mind before paying: the newest order counts, and money for an older one goes back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.services.promise import assert_kept
from tests.services.stubborn import invoices_of, order, pay_page, plan_fault
from tests.world import World


def test_the_same_order_again_is_the_same_page(world: World) -> None:
    alice = world.sign_in("alice")
    first = world.buy(alice)
    world.clock.at += timedelta(minutes=10)
    assert world.buy(alice) == first
    assert world.count("invoices") == len(world.sandbox.book.payments()) == 1


def test_another_order_replaces_the_open_one_and_closes_its_page(world: World) -> None:
    alice = world.sign_in("alice")
    pages = [world.buy(alice)["redirect_url"]]
    world.clock.at += timedelta(seconds=1)
    pages.append(world.buy(alice, "premium", 2)["redirect_url"])
    assert invoices_of(world, "alice") == ["not_paid", "fail"]
    assert world.app.test_client().get(pages[0].removeprefix("http://portal.test")).status_code == 410
    world.pay(pages[1])
    world.settle(hours=3)
    assert [right["plan"] for right in world.rights("alice")["entitlements"]] == ["premium"]
    assert world.one("SELECT p.code FROM subscriptions s JOIN plans p ON p.id = s.plan_id")["code"] == "premium"
    assert_kept(world)


@pytest.mark.fault("C2")
def test_money_for_a_replaced_order_is_sent_back_in_full(world: World) -> None:
    alice = world.sign_in("alice")
    old = world.buy(alice, count=12)
    plan_fault(world, "timeout_before", "close_checkout", hold_seconds=0)
    world.buy(alice, count=1)
    pay_page(world, old["redirect_url"])
    world.settle(hours=3)

    told = world.sign_in("alice").get(f"/invoices/{old['invoice_guid']}").json
    assert (told["state"], told["fail_reason"]) == ("fail", "superseded")
    assert [(one["state"], one["price"]["amount"]) for one in told["refunds"]] == [("succeeded", 3588.0)]
    assert told["product"]["from"] is None
    assert world.rights("alice")["version"] == 0
    assert_kept(world)


@pytest.mark.fault("P4")
def test_nothing_new_is_ordered_while_the_bank_still_thinks(world: World) -> None:
    plan_fault(world, "pending_then_late", "pay", after=7200)
    alice = world.sign_in("alice")
    world.pay(world.buy(alice)["redirect_url"])
    world.drain()
    for plan, count in (("standard", 1), ("standard", 2), ("premium", 1)):
        refused = order(alice, plan, count)
        assert (refused.status_code, refused.json["error_id"]) == (409, "payment_in_progress")
    world.settle(hours=3)
    assert invoices_of(world, "alice") == ["paid"]
    assert_kept(world)


@pytest.mark.fault("C12")
@pytest.mark.fault("S8")
def test_a_price_that_changes_after_the_order_changes_nothing_for_it(world: World) -> None:
    alice = world.sign_in("alice")
    started = world.buy(alice)
    world.clock.at += timedelta(minutes=1)
    raise_price(world, "standard", 99900)
    assert alice.get("/plans").json[0]["price"]["amount"] == 999.0
    world.pay(started["redirect_url"])
    world.drain()
    invoice = alice.get(f"/invoices/{started['invoice_guid']}").json
    assert (invoice["state"], invoice["product"]["price"]["amount"]) == ("paid", 299.0)
    (subscription,) = alice.get("/subscriptions").json
    assert subscription["next"]["price"]["amount"] == 299.0
    assert_kept(world)


def test_an_order_after_the_change_has_the_new_price_and_replaces_the_old_one(world: World) -> None:
    alice = world.sign_in("alice")
    world.buy(alice)
    world.clock.at += timedelta(minutes=1)
    raise_price(world, "standard", 99900)
    world.pay(world.buy(alice)["redirect_url"])
    world.settle(hours=3)
    assert [one["taken"] for one in world.sandbox.book.charges()] == [99900]
    assert_kept(world)


def test_a_plan_that_is_shelved_after_the_order_can_still_be_paid(world: World) -> None:
    alice = world.sign_in("alice")
    started = world.buy(alice)
    world.write("UPDATE plans SET state = 'archived' WHERE code = 'standard'")
    assert order(alice).json["error_id"] == "unknown_product"
    world.pay(started["redirect_url"])
    world.settle(hours=3)
    assert invoices_of(world, "alice") == ["paid"]
    assert [right["plan"] for right in world.rights("alice")["entitlements"]] == ["standard"]
    assert_kept(world)


def raise_price(world: World, code: str, minor: int) -> None:
    """As an operator does it: a row that is valid from now on."""
    world.write(
        "INSERT INTO prices (id, plan_id, amount_minor, currency, valid_from, created_at) "
        "SELECT :id, id, :minor, 'RUB', :now, :now FROM plans WHERE code = :code",
        id="0" * 31 + "7",
        minor=minor,
        now=world.clock.at if world.settings.database.startswith("postgres") else world.clock.at.replace(tzinfo=None),
        code=code,
    )
