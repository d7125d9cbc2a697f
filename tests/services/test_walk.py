"""A customer who does anything at any time, and a payment system that misbehaves: what must hold after every step."""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from portal.domain.errors import Refused
from portal.domain.money import Money
from portal.services import cancel, methods, refund, save_method
from tests.services.month import AGREED, ALICE, do
from tests.services.promise import (
    auth_knows,
    history_is_a_path,
    inbox_is_done,
    moment_of,
    refunds_add_up,
    uuid_of,
    versions_without_gaps,
)
from tests.services.stubborn import forget_faults, pay_page, plan_fault
from tests.world import World

SEEDS = (1, 3)
STEPS = 200
WITHDRAWS = {"activated", "changed", "cancelled", "deactivated"}
PLANS = ("standard", "standard", "premium", "premium-year", "sport")
CARDS = ("4242 4242 4242 4242",) * 4 + ("4000 0000 0000 0341", "4000 0000 0000 9987", "4000 0027 6000 3184")
STRIDES = (timedelta(minutes=2), timedelta(hours=3), timedelta(days=1), timedelta(days=4), timedelta(days=17))
FAULTS = (
    ("charge", "decline", {"code": "insufficient_funds"}),
    ("charge", "decline", {"code": "lost_card"}),
    ("charge", "timeout_after", {}),
    ("charge", "timeout_before", {}),
    ("charge", "rate_limited", {}),
    ("charge", "pending_then_late", {"after": 2 * 86400}),
    ("charge", "pending_then_late", {"after": 86400, "outcome": "failed", "code": "lost_card"}),
    ("refund", "timeout_after", {}),
    ("refund", "rate_limited", {}),
    ("refund", "decline", {}),
    ("refund", "pending_then_late", {"after": 86400}),
    ("refund", "pending_then_late", {"after": 86400, "outcome": "failed"}),
    ("pay", "pending_then_late", {"after": 7200}),
    ("pay", "timeout_after", {}),
    ("find", "timeout_before", {"times": 2}),
    ("close_checkout", "timeout_before", {}),
    ("start_checkout", "timeout_after", {}),
    ("webhook", "drop", {}),
)


class Walk:
    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.dice = random.Random(seed)
        self.pages: list[str] = []
        self.said: list[str] = []

    def step(self) -> None:
        moves: list[tuple[int, Callable[[], None]]] = [
            (8, self.advance), (4, self.buy), (5, self.pay), (2, self.cancel), (2, self.resume), (2, self.refund),
            (1, self.save), (1, self.remove), (1, self.use), (2, self.disturb),
        ]  # fmt: skip
        (move,) = self.dice.choices([move for _, move in moves], [weight for weight, _ in moves])
        self.said.append(move.__name__)
        self.world.clock.at += timedelta(seconds=1)
        with suppress(Refused):
            move()
        self.world.drain()

    def advance(self) -> None:
        self.world.pass_time(self.dice.choice(STRIDES))

    def buy(self) -> None:
        order = {"product_id": self.dice.choice(PLANS), "product_count": self.dice.choice((1, 1, 1, 3))}
        if self.dice.random() < 0.2:
            order["consents"] = {"terms": True, "personal_data": True, "renewal": False}
        answer = self.world.sign_in("alice").post("/purchases", order)
        assert answer.status_code in (200, 409, 503), answer.text
        if answer.status_code == 200:
            self.pages.append(answer.json["redirect_url"])

    def pay(self) -> None:
        if self.pages:
            page = self.dice.choice(self.pages[-3:])
            pay_page(self.world, page, self.dice.choice(CARDS))

    def cancel(self) -> None:
        do(self.world, cancel.cancel, ALICE, self.any("subscriptions"), self.dice.choice(("now", "period_end")))

    def resume(self) -> None:
        do(self.world, cancel.resume, ALICE, self.any("subscriptions"))

    def refund(self) -> None:
        invoice = self.any("invoices")
        offered = do(self.world, refund.offers_of, ALICE, invoice)
        sums = [offer.amount for offer in offered] or [Money(self.dice.randrange(1, 20000), "RUB")]
        do(self.world, refund.request, ALICE, invoice, self.dice.choice(sums), None)

    def save(self) -> None:
        page = do(self.world, save_method.start, ALICE, AGREED)
        pay_page(self.world, page, self.dice.choice(CARDS))

    def remove(self) -> None:
        do(self.world, methods.remove, ALICE, self.any("payment_methods"))

    def use(self) -> None:
        do(self.world, methods.use, ALICE, self.any("payment_methods"))

    def disturb(self) -> None:
        operation, fault, more = self.dice.choice(FAULTS)
        plan_fault(self.world, fault, operation, **({"hold_seconds": 0} | more))

    def any(self, table: str) -> Any:
        """One of the newest rows, an id of nobody where there is none."""
        rows = self.world.rows(f"SELECT id FROM {table} ORDER BY created_at DESC, id DESC LIMIT 3")  # noqa: S608
        return uuid_of(self.dice.choice(rows)["id"]) if rows else uuid_of("0" * 32)


def periods_do_not_overlap(world: World) -> list[str]:
    ends: dict[Any, Any] = {}
    wrong = []
    for row in world.rows("SELECT * FROM periods WHERE revoked_at IS NULL ORDER BY subscription_id, start"):
        if row["subscription_id"] in ends and moment_of(row["start"]) < ends[row["subscription_id"]]:
            wrong.append(f"a period begins inside another: {row}")
        ends[row["subscription_id"]] = moment_of(row["end"])
    return wrong


def a_period_for_each_paid_invoice(world: World) -> list[str]:
    found = world.rows(
        "SELECT i.state, count(p.id) AS periods FROM invoices i LEFT JOIN periods p ON p.invoice_id = i.id "
        "GROUP BY i.id, i.state"
    )
    return [f"{row}" for row in found if row["periods"] != (row["state"] == "paid")]


def the_book_agrees(world: World) -> list[str]:
    """What we think was taken and given back, the provider has in its book; and no invoice is paid twice."""
    back: Counter[str] = Counter()
    for given in world.sandbox.book.refunds():
        back[given["payment_id"]] += given["amount"] if given["state"] == "succeeded" else 0
    charges = {charge["reference"]: charge for charge in world.sandbox.book.charges()}
    wrong, kept = [], defaultdict(int)
    for payment in world.rows("SELECT * FROM payments WHERE state IN ('succeeded', 'duplicate')"):
        charge = charges.get(f"payment:{uuid_of(payment['id'])}")
        if charge is None or charge["taken"] != payment["amount_minor"]:
            wrong.append(f"not in the book: {payment}")
        elif payment["refunded_minor"] > back[charge["id"]]:
            wrong.append(f"never given back: {payment}")
        kept[payment["invoice_id"]] += payment["amount_minor"] > payment["refunded_minor"] + payment["reserved_minor"]
    states = {row["id"]: row["state"] for row in world.rows("SELECT id, state FROM invoices")}
    failed_back = {row["invoice_id"] for row in world.rows("SELECT invoice_id FROM refunds WHERE state = 'failed'")}
    for invoice, count in kept.items():
        if count > (states[invoice] == "paid") and invoice not in failed_back:
            wrong.append(f"{count} payments of an invoice in state {states[invoice]} are kept")
    return wrong


def one_living_subscription_in_a_group(world: World) -> list[str]:
    found = world.rows(
        "SELECT \"group\", count(*) AS n FROM subscriptions WHERE state NOT IN ('ended', 'expired') GROUP BY \"group\""
    )
    return [f"{row}" for row in found if row["n"] > 1]


def each_event_says_something_new(world: World) -> list[str]:
    """Two events that say the same are one too many, unless one commit made both, or the last hope was given up."""
    wrong = []
    before: dict[str, Any] = {"data": {"subscriptions": []}}
    for row in world.rows("SELECT type, body, created_at FROM outbox ORDER BY seq"):
        body = json.loads(row["body"])
        kind = row["type"].removeprefix("subscription.")
        rights = body["data"]["subscriptions"]
        same = rights == before["data"]["subscriptions"] and body["time"] != before["time"]
        if same and kind != "deactivated":
            wrong.append(f"{kind} at {body['time']} changes nothing")
        if (body["data"]["tokens_from_version"] == body["data"]["version"]) is not (kind in WITHDRAWS):
            wrong.append(f"{kind}: withdraws tokens wrongly")
        before = body
    return wrong


CHECKS = (
    periods_do_not_overlap,
    a_period_for_each_paid_invoice,
    the_book_agrees,
    one_living_subscription_in_a_group,
    each_event_says_something_new,
    versions_without_gaps,
    auth_knows,
    refunds_add_up,
)
AT_THE_END = (history_is_a_path, inbox_is_done)


def broken(world: World, checks: Any) -> list[str]:
    return [sentence for check in checks for sentence in check(world)]


@pytest.mark.fault("C7")
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_breaks_on_a_random_walk(world: World, seed: int) -> None:
    walk = Walk(world, seed)
    for number in range(STEPS):
        walk.step()
        assert broken(world, CHECKS) == [], (number, walk.said[-6:])
    forget_faults(world)
    for _ in range(60):
        world.pass_time(timedelta(days=1))
    assert broken(world, (*CHECKS, *AT_THE_END)) == []
    opened = world.rows("SELECT state, kind, review_at FROM payments WHERE state IN ('created', 'unknown', 'pending')")
    assert [row for row in opened if row["review_at"] is None] == []
