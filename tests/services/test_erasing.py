"""Forgetting a customer: settled first; then nothing names them, and the money is still told to the kopeck."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from portal.audit.run import Violation, violations
from portal.db.session import db
from portal.domain.errors import ContentErased, ErasureChanged, ErasureWaits
from portal.domain.money import Money
from portal.models.schema import metadata
from portal.services import (
    again,
    cancel,
    cancel_reason,
    close_invoice,
    erase,
    grant,
    operator_refunds,
    refund,
    save_method,
)
from tests.services.bank import bank, payment_of
from tests.services.desk import press
from tests.services.month import AGREED, ALICE, DAY, do, subscribed, subscription_id, taken, told
from tests.services.promise import auth_knows, uuid_of
from tests.services.stubborn import plan_fault
from tests.world import GOOD_CARD, World

FROM_HOME = replace(AGREED, address="203.0.113.7", user_agent="Browser of Alice")
NAMING = ("alice@", "203.0.113.7", "Browser of Alice", "Europe/Samara", "4242", "12/34", "on the phone", "my husband")


def forget(world: World, *agreed: UUID) -> None:
    do(world, erase.erase, ALICE, frozenset(agreed))


def waits(world: World, *agreed: UUID) -> None:
    """It is refused for something that is not settled, and nothing has happened."""
    before = world.counts()
    with pytest.raises(ErasureWaits):
        forget(world, *agreed)
    assert world.counts() == before
    assert world.one("SELECT erased_at FROM users")["erased_at"] is None


def naming(world: World) -> list[str]:
    """Every column of every table in which something stands by which Alice could be known."""
    found = []
    with world.app.app_context():
        for table in metadata.sorted_tables:
            for row in db.session.execute(select(table)).mappings():
                found += [f"{table.name}.{name}: {word}" for name, value in row.items() for word in told_by(value)]
        db.session.rollback()
    return found


def told_by(value: Any) -> list[str]:
    text = value.decode() if isinstance(value, bytes) else str(value)
    return [word for word in NAMING if word in text]


def audited(world: World) -> list[Violation]:
    with world.app.app_context():
        return list(violations(now=world.clock.now()))


def lived(world: World) -> UUID:
    """Alice subscribes, saves a card at home, asks for some money back, and an operator writes about her."""
    invoice = subscribed(world, return_url="http://portal.test/cinema/?for=alice@example.com")
    world.pay(do(world, save_method.start, ALICE, FROM_HOME), GOOD_CARD)
    world.drain()
    world.write("UPDATE users SET zone = 'Europe/Samara'")
    world.write(
        "UPDATE inbox SET body = :body WHERE user_id = 'alice'", body=b'{"billing_details": "alice@example.com"}'
    )
    payment = payment_of(world, invoice)
    asked = do(world, refund.request, ALICE, invoice, Money(100, "RUB"), "my husband does not like films")
    do(world, operator_refunds.reject, press("misuse"), asked)
    do(world, grant.grant, press("goodwill"), subscription_id(world), 5)
    do(world, operator_refunds.give, press("goodwill"), payment, Money(5000, "RUB"), Money(29900, "RUB"), "keep")
    do(world, cancel.cancel, ALICE, subscription_id(world), "period_end")
    do(world, cancel_reason.say, ALICE, subscription_id(world), "other", "my husband never looks")
    world.drain()
    return subscription_id(world)


@pytest.mark.fault("O6")
def test_nothing_that_names_an_erased_customer_is_left_and_the_books_balance(world: World) -> None:
    subscription = lived(world)
    assert {place.split(":")[0] for place in naming(world)} >= {
        "users.email",
        "users.zone",
        "consents.address",
        "consents.user_agent",
        "payment_methods.title",
        "refunds.comment",
        "cancel_reasons.comment",
        "activity.note",
        "inbox.body",
        "invoices.return_url",
    }
    money = world.rows("SELECT * FROM ledger_postings ORDER BY seq")

    forget(world, subscription)
    world.drain()

    assert naming(world) == []
    assert world.rows("SELECT * FROM ledger_postings ORDER BY seq")[: len(money)] == money
    assert all(row["detached_at"] for row in world.rows("SELECT detached_at FROM payment_methods"))
    assert told(world)[-1] == "deactivated"
    assert auth_knows(world) == []
    assert audited(world) == []
    forget(world)  # once more is no error
    world.pass_time(40 * DAY)
    assert taken(world) == [29900]


@pytest.mark.fault("C13")
def test_who_is_erased_while_a_charge_is_under_way_is_erased_when_it_is_settled(world: World) -> None:
    subscribed(world)
    subscription = subscription_id(world)
    plan_fault(world, "timeout_after", "charge", hold_seconds=0)
    plan_fault(world, "timeout_before", "find", times=1, hold_seconds=0)
    plan_fault(world, "drop", "webhook", times=10)
    world.pass_time(31 * DAY)
    assert world.one("SELECT state FROM payments WHERE kind = 'charge'")["state"] == "unknown"
    waits(world, subscription)

    world.settle(hours=3)
    forget(world, subscription)

    assert taken(world) == [29900, 29900]
    assert world.one("SELECT state FROM payments WHERE kind = 'charge'")["state"] == "succeeded"
    assert naming(world) == []


def test_orders_cards_refunds_and_disputes_come_to_their_end_first(world: World) -> None:
    order = UUID(world.buy(world.sign_in("alice"))["invoice_guid"])
    waits(world)
    do(world, close_invoice.close, ALICE, order)
    page = do(world, save_method.start, ALICE, AGREED)
    waits(world)
    world.pay(page)
    world.drain()
    invoice = subscribed(world)
    subscription = subscription_id(world)
    asked = do(world, refund.request, ALICE, invoice, Money(100, "RUB"), None)
    waits(world, subscription)
    do(world, operator_refunds.reject, press("misuse"), asked)
    bank(world, payment_of(world, invoice))
    waits(world, subscription)
    bank(world, payment_of(world, invoice), "won")
    with pytest.raises(ErasureChanged):  # the page was read before there was a subscription
        forget(world)
    assert world.one("SELECT email FROM users")["email"] == "alice@example.com"

    forget(world, subscription)
    assert naming(world) == []


def test_what_payment_systems_say_later_is_heard_and_not_kept(world: World) -> None:
    invoice = subscribed(world)
    forget(world, subscription_id(world))
    bank(world, payment_of(world, invoice))
    late = world.rows("SELECT seq, state, body, user_id FROM inbox ORDER BY seq")[-1]
    assert (late["state"], bytes(late["body"]), late["user_id"]) == ("processed", b"", "alice")
    assert world.one("SELECT state FROM disputes")["state"] == "open"
    with pytest.raises(ContentErased):
        do(world, again.process_again, press(), late["seq"])


def test_who_comes_back_begins_anew_and_what_was_erased_stays_so(world: World) -> None:
    old = subscribed(world)
    forget(world, subscription_id(world))
    alice = world.sign_in("alice")
    assert [entry["invoice_guid"] for entry in alice.get("/purchases").json] == [str(old)]
    for path in ("/subscriptions", f"/invoices/{old}", f"/invoices/{old}/refund-offers"):
        assert alice.get(path).status_code == 200

    world.clock.at += DAY
    subscribed(world)

    assert world.one("SELECT email FROM users")["email"] == "alice@example.com"
    titles = world.rows("SELECT title, removed_at FROM payment_methods ORDER BY created_at")
    assert [(row["title"], row["removed_at"] is None) for row in titles] == [("—", False), ("Visa ·· 4242", True)]
    assert audited(world) == []
    forget(world, uuid_of(world.one("SELECT id FROM subscriptions WHERE state = 'active'")["id"]))
    assert naming(world) == []
