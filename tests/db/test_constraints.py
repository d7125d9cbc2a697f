"""What the database itself refuses, on both engines, whoever writes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.db.hands import add_copy, move, refused, some, sql
from tests.services.stubborn import pay_page, plan_fault
from tests.world import World

HOUR = timedelta(hours=1)


@pytest.fixture
def paid(world: World) -> World:
    """Alice has paid, and Boris is about to."""
    world.bought("alice")
    world.buy(world.sign_in("boris"))
    return world


@pytest.mark.fault("D8")
def test_a_second_charge_of_one_invoice_has_no_place(paid: World) -> None:
    refused(
        paid,
        {
            "a second open payment": add_copy("payments", "state = 'requires_action'"),
            "another state, still open": add_copy("payments", "state = 'requires_action'", state="unknown"),
            "a second succeeded payment": add_copy("payments", "state = 'succeeded'"),
            "a second invoice for one due moment": add_copy("invoices", "state = 'paid'", number="M-1"),
            "a second open purchase": add_copy(
                "invoices", "state = 'not_paid'", number="M-2", due_at=paid.clock.now() + HOUR
            ),
            "a number given twice": add_copy("invoices", "state = 'paid'", due_at=paid.clock.now() + HOUR),
            "a sum below nothing": sql("UPDATE payments SET amount_minor = -1"),
            "a payment that failed without a word why": move("payments", "requires_action", "failed"),
            "a payment out of nowhere": move("payments", "requires_action", "done"),
            "a payment under way that was never sent": sql("UPDATE payments SET sent_at = NULL"),
        },
    )


@pytest.mark.fault("C3")
def test_a_user_has_one_subscription_in_a_group(paid: World) -> None:
    other = some(paid, "subscriptions", "state = 'active'")
    refused(
        paid,
        {
            "a second live one": add_copy("subscriptions", "state = 'active'"),
            "a pending one beside it": add_copy("subscriptions", "state = 'active'", state="pending", anchor=None),
            "active without paid time": sql("UPDATE subscriptions SET paid_through = NULL WHERE state = 'active'"),
            "ended without a reason": sql("UPDATE subscriptions SET state = 'ended'"),
            "a word that is no state": sql("UPDATE subscriptions SET state = 'gone'"),
            "nobody's": add_copy("subscriptions", "state = 'active'", user_id="nobody"),
        },
    )
    add_copy("subscriptions", "state = 'active'", group="another")(paid)
    add_copy("subscriptions", "state = 'active'", state="expired")(paid)
    assert some(paid, "subscriptions", "state = 'active'")["group"] == other["group"]


def test_paid_time_never_overlaps_and_has_one_source(paid: World) -> None:
    period = some(paid, "periods")
    unpaid = some(paid, "invoices", "state = 'not_paid'")["id"]
    day = timedelta(days=1)
    start, end = period["start"], period["end"]
    refused(
        paid,
        {
            "the same time again": add_copy("periods", invoice_id=unpaid),
            "its last hour": add_copy("periods", invoice_id=unpaid, start=end - HOUR, end=end + day),
            "its first hour": add_copy("periods", invoice_id=unpaid, start=start - day, end=start + HOUR),
            "inside it": add_copy("periods", invoice_id=unpaid, start=start + day, end=end - day),
            "around it": add_copy("periods", invoice_id=unpaid, start=start - day, end=end + day),
            "backwards": add_copy("periods", invoice_id=unpaid, start=end + day, end=end),
            "no time at all": add_copy("periods", invoice_id=unpaid, start=end, end=end),
            "two of one invoice": add_copy("periods", start=end, end=end + day),
        },
    )
    add_copy("periods", invoice_id=unpaid, start=end, end=end + day)(paid)


@pytest.mark.fault("A9")
def test_what_was_written_down_stays_as_it_was(paid: World) -> None:
    attempts = {}
    for table, column in (("history", "actor"), ("consents", "source"), ("prices", "currency")):
        attempts[f"{table}: changed"] = sql(f"UPDATE {table} SET {column} = 'XXX'")  # noqa: S608 - names from above
        attempts[f"{table}: deleted"] = sql(f"DELETE FROM {table}")  # noqa: S608 - as above
    refused(paid, attempts)


def test_a_final_state_is_never_left(paid: World) -> None:
    paid.pass_time(timedelta(days=1))
    refused(
        paid,
        {
            "a paid invoice fails": move("invoices", "paid", "fail", "fail_reason = 'expired', paid_at = NULL"),
            "a paid invoice opens": move("invoices", "paid", "not_paid", "paid_at = NULL"),
            "a failed invoice opens": move("invoices", "fail", "not_paid", "fail_reason = NULL"),
            "an expired subscription waits again": move("subscriptions", "expired", "pending"),
            "money that came has not come": move("payments", "succeeded", "failed", "decline_kind = 'soft'"),
            "money that came is awaited": move("payments", "succeeded", "unknown"),
        },
    )


@pytest.mark.fault("C8")
@pytest.mark.fault("M6")
def test_no_more_goes_back_than_came(world: World) -> None:
    alice = world.sign_in("alice")
    old = world.buy(alice)["redirect_url"]
    plan_fault(world, "timeout_before", "close_checkout", hold_seconds=0)
    world.buy(alice, count=2)
    pay_page(world, old)
    world.settle(hours=1)
    refused(
        world,
        {
            "more than came": sql("UPDATE payments SET refunded_minor = amount_minor + 1 WHERE state = 'succeeded'"),
            "more than is left": sql("UPDATE payments SET reserved_minor = 1 WHERE state = 'succeeded'"),
            "less than nothing": sql("UPDATE payments SET refunded_minor = -1"),
            "a refund of nothing": add_copy("refunds", amount_minor=0),
            "a refund of less than nothing": add_copy("refunds", amount_minor=-1),
            "a refund that was made is awaited": sql("UPDATE refunds SET state = 'pending' WHERE state = 'succeeded'"),
        },
    )
    sql("UPDATE refunds SET state = 'failed' WHERE state = 'succeeded'")(world)  # it came back
    refused(world, {"what came back is given": sql("UPDATE refunds SET state = 'succeeded' WHERE state = 'failed'")})


@pytest.mark.fault("W3")
def test_a_message_comes_in_once_and_goes_out_under_one_version(paid: World) -> None:
    refused(
        paid,
        {
            "the same event again": add_copy("inbox"),
            "the same version again": add_copy("outbox"),
            "a user whose tokens are newer than his rights": sql("UPDATE users SET tokens_from_version = 9"),
            "a second clock": sql("INSERT INTO clock (id, offset_microseconds) VALUES (2, 0)"),
        },
    )
