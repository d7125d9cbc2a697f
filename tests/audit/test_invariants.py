"""Each invariant, broken by hand: the audit finds it, says which it is, and names the row."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import pytest

from portal.audit import guards
from portal.audit.invariants import INVARIANTS
from portal.audit.outside import BookCharge, BookDispute, BookRefund
from portal.audit.run import Limits, Violation, violations
from portal.domain.cancelling import When
from portal.domain.money import Money
from portal.domain.user import Person
from portal.queries import methods as saved
from portal.services import cancel, close_invoice, methods, operator_cancel, standing, unused_money
from portal.services.audit import Books
from tests.audit.corrupting import copy, corrupt, drop
from tests.services.desk import press
from tests.services.month import do
from tests.services.promise import moment_of, uuid_of
from tests.world import World

ALICES = "(SELECT id FROM subscriptions WHERE user_id = 'alice')"
HOUR = timedelta(hours=1)


def audited(world: World, **given: Any) -> list[Violation]:
    with world.app.app_context():
        return list(violations(now=world.clock.now(), **given))


def one(world: World, query: str) -> str:
    """The id that a query answers with."""
    (row,) = world.rows(query)
    (value,) = row.values()
    return str(uuid_of(value))


class Broken(NamedTuple):
    """How to break it; answers what has to be named. `given`: what else the audit is asked with."""

    invariant: str
    how: Callable[[World], str]
    given: Mapping[str, Any] = MappingProxyType({})


def granted_by_nobody(world: World) -> str:
    act = "DELETE FROM activity WHERE act = 'subscription.grant'"
    corrupt(world, act, "UPDATE history SET actor = 'worker' WHERE event = 'granted'")
    return one(world, "SELECT id FROM periods WHERE act_id IS NOT NULL")


def given_by_no_step(world: World) -> str:
    """The days that were granted, an hour after the operator's act."""
    at = moment_of(world.one("SELECT created_at FROM periods WHERE act_id IS NOT NULL")["created_at"]) + HOUR
    corrupt(world, "UPDATE periods SET created_at = :at WHERE act_id IS NOT NULL", at=_stored(world, at))
    return one(world, "SELECT id FROM periods WHERE act_id IS NOT NULL")


def more_intervals(world: World) -> str:
    corrupt(world, "UPDATE invoices SET \"count\" = 2 WHERE user_id = 'alice' AND reason = 'purchase'")
    return one(world, "SELECT id FROM invoices WHERE user_id = 'alice' AND reason = 'purchase'")


def one_due_moment_twice(world: World) -> str:
    same = f"(SELECT min(due_at) FROM invoices WHERE subscription_id = {ALICES} AND reason = 'renewal')"  # noqa: S608
    corrupt(
        world,
        f"UPDATE invoices SET due_at = {same} WHERE subscription_id = {ALICES} AND reason = 'renewal'",  # noqa: S608
        without="uq_invoices_one_per_due_moment",
    )
    return one(world, f"SELECT {ALICES} AS id")


def overlapping(world: World) -> str:
    """The days that were granted begin before the paid ones end."""
    start = moment_of(world.one("SELECT start FROM periods WHERE act_id IS NOT NULL")["start"]) - HOUR
    corrupt(
        world,
        "UPDATE periods SET start = :start WHERE act_id IS NOT NULL",
        without="periods.ex_periods_overlap",
        start=_stored(world, start),
    )
    return one(world, "SELECT id FROM periods WHERE act_id IS NOT NULL")


def two_open_payments(world: World) -> str:
    paid = "user_id = 'alice' AND kind = 'checkout'"
    later = _stored(world, world.clock.now() + HOUR)
    for _ in range(2):
        guid = _new()
        row = {"id": guid, "state": "unknown", "succeeded_at": None, "next_check_at": later}
        drop_quietly(world, "uq_payments_one_open")
        copy(world, "payments", paid, **row)
        tell(world, "payment", guid, ("created", None, "created"), ("sent", "created", "unknown"))
    return one(world, f"SELECT invoice_id FROM payments WHERE {paid} AND state = 'succeeded'")  # noqa: S608


def reserved_for_nothing(world: World) -> str:
    corrupt(world, "UPDATE payments SET reserved_minor = 1 WHERE user_id = 'alice' AND kind = 'checkout'")
    return one(world, "SELECT id FROM payments WHERE user_id = 'alice' AND kind = 'checkout'")


def paid_for_nothing(world: World) -> str:
    guid = _new()
    bought = "user_id = 'alice' AND reason = 'purchase'"
    now = _stored(world, world.clock.now())
    copy(world, "invoices", bought, id=guid, number="M-1", total_minor=0, due_at=now)
    tell(world, "invoice", guid, ("created", None, "paid"))
    return str(uuid_of(guid))


def another_sum(world: World) -> str:
    corrupt(world, "UPDATE invoices SET total_minor = total_minor + 1 WHERE user_id = 'alice' AND reason = 'purchase'")
    return one(world, "SELECT id FROM invoices WHERE user_id = 'alice' AND reason = 'purchase'")


def earned_more(world: World) -> str:
    paid = "(SELECT payment_id FROM ledger_holdings WHERE user_id = 'alice' AND due_at IS NOT NULL)"
    corrupt(world, f"UPDATE ledger_holdings SET earned_minor = earned_minor + 1 WHERE payment_id = {paid}")  # noqa: S608
    return one(world, f"SELECT invoice_id FROM payments WHERE id = {paid}")  # noqa: S608


def posted_elsewhere(world: World) -> str:
    corrupt(world, "UPDATE ledger_postings SET credit = 'owed' WHERE event = 'revenue_deferred' AND user_id = 'boris'")
    return one(world, "SELECT id FROM invoices WHERE user_id = 'boris'")


def lies_elsewhere(world: World) -> str:
    corrupt(
        world,
        "UPDATE ledger_postings SET debit = 'clearing:other' WHERE debit LIKE 'clearing:%' AND user_id = 'boris'",
    )
    return one(world, "SELECT id FROM invoices WHERE user_id = 'boris'")


def told_otherwise(world: World) -> str:
    corrupt(
        world,
        "UPDATE outbox SET type = 'subscription.resumed' WHERE type = 'subscription.renewed' AND user_id = 'alice'",
    )
    return one(world, f"SELECT {ALICES} AS id")


def a_version_more(world: World) -> str:
    corrupt(world, "UPDATE users SET entitlements_version = entitlements_version + 1 WHERE id = 'alice'")
    return "alice"


def tokens_that_live_on(world: World) -> str:
    corrupt(world, "UPDATE users SET tokens_from_version = 0 WHERE id = 'boris'")
    return "boris"


def never_published(world: World) -> str:
    corrupt(world, "UPDATE outbox SET published_at = NULL WHERE seq = 1")
    return "1"


def a_state_untold(world: World) -> str:
    corrupt(world, "UPDATE subscriptions SET state = 'past_due' WHERE user_id = 'alice'")
    return one(world, f"SELECT {ALICES} AS id")


def runs_longer_than_told(world: World) -> str:
    until = moment_of(world.one("SELECT paid_through FROM subscriptions WHERE user_id = 'alice'")["paid_through"])
    longer = "UPDATE subscriptions SET paid_through = :until WHERE user_id = 'alice'"
    corrupt(world, longer, until=_stored(world, until + HOUR))
    return one(world, f"SELECT {ALICES} AS id")


def on_a_plan_untold(world: World) -> str:
    other = "(SELECT id FROM plans WHERE code = 'premium')"
    corrupt(world, f"UPDATE subscriptions SET plan_id = {other} WHERE user_id = 'alice'")  # noqa: S608
    return one(world, f"SELECT {ALICES} AS id")


def a_step_that_is_none(world: World) -> str:
    paid = "kind = 'invoice' AND event = 'paid' AND user_id = 'boris'"
    corrupt(world, f"UPDATE history SET event = 'waved_through' WHERE {paid}")  # noqa: S608
    return one(world, "SELECT id FROM invoices WHERE user_id = 'boris'")


def a_step_left_out(world: World) -> str:
    corrupt(world, "DELETE FROM history WHERE kind = 'payment' AND event = 'sent' AND user_id = 'boris'")
    return one(world, "SELECT id FROM payments WHERE user_id = 'boris'")


def sent_too_early(world: World) -> str:
    before = _stored(
        world, moment_of(world.one("SELECT created_at FROM payments WHERE user_id = 'boris'")["created_at"]) - HOUR
    )
    corrupt(world, "UPDATE payments SET sent_at = :at WHERE user_id = 'boris'", at=before)
    return one(world, "SELECT id FROM payments WHERE user_id = 'boris'")


def sent_again_too_late(world: World) -> str:
    """As `sent` from `unknown`, a day after the first time."""
    guid = one(world, "SELECT id FROM payments WHERE user_id = 'boris'")
    first = world.one("SELECT seq, at FROM history WHERE kind = 'payment' AND event = 'sent' AND user_id = 'boris'")
    corrupt(world, "UPDATE history SET seq = seq + 100000 WHERE seq > :seq", seq=first["seq"])
    late = _stored(world, moment_of(first["at"]) + 21 * HOUR)
    copy(world, "history", f"seq = {first['seq']}", seq=first["seq"] + 1, at=late, from_state="unknown")
    return guid


def given_up_too_early(world: World) -> str:
    """Alice's charge was not found at the first question, given up, and came all the same."""
    return _given_up(world, "not_created")


def taken_for_not_made(world: World) -> str:
    """Alice's charge was taken for one that nobody heard, and came all the same."""
    return _given_up(world, "unreachable")


def _given_up(world: World, code: str) -> str:
    """In the moment in which it was sent."""
    guid = one(world, "SELECT id FROM payments WHERE user_id = 'alice' AND kind = 'charge' ORDER BY created_at LIMIT 1")
    path = "kind = 'payment' AND user_id = 'alice' AND facts ->> 'kind' = 'charge' ORDER BY seq LIMIT 2 OFFSET 1"
    sent, paid = world.rows(f"SELECT seq, to_state, facts FROM history WHERE {path}")  # noqa: S608
    corrupt(world, "UPDATE history SET seq = seq + 100000 WHERE seq > :seq", seq=sent["seq"])
    corrupt(world, "UPDATE history SET from_state = 'failed' WHERE seq = :seq", seq=paid["seq"] + 100000)
    given_up = json.dumps(_json(sent["facts"]) | {"decline_kind": "gateway", "decline_code": code})
    failed = {"event": "failed", "from_state": sent["to_state"], "to_state": "failed", "facts": given_up}
    copy(world, "history", f"seq = {sent['seq']}", seq=sent["seq"] + 1, **failed)
    return guid


def forgotten_in_the_inbox(world: World) -> str:
    corrupt(world, "UPDATE inbox SET state = 'received', processed_at = NULL WHERE seq = 1")
    return "1"


def tried_for_ever(world: World) -> str:
    """Since months, and within the next hour again."""
    received = "state = 'received', processed_at = NULL, next_attempt_at = :soon"
    soon = _stored(world, world.clock.now() + HOUR)
    corrupt(world, f"UPDATE inbox SET {received} WHERE seq = 1", soon=soon)  # noqa: S608
    return "1"


ALICES_CHARGE = "(SELECT id FROM payments WHERE user_id = 'alice' AND kind = 'charge' ORDER BY id LIMIT 1)"


def before_the_charge(world: World, **line: object) -> str:
    """A line is put into the history, before Alice's second charge."""
    sent = "SELECT seq FROM history WHERE kind = 'payment' AND event = 'sent' AND subject_id = "
    seq = world.one(sent + ALICES_CHARGE)["seq"]
    corrupt(world, "UPDATE history SET seq = seq + 100000 WHERE seq >= :seq", seq=seq)
    paid = f"kind = 'subscription' AND event = 'first_paid' AND subscription_id = {ALICES}"
    copy(world, "history", paid, seq=seq, **line)
    return one(world, f"SELECT {ALICES_CHARGE} AS id")


def charged_after_a_stop(world: World) -> str:
    return before_the_charge(world, event="method_forgotten", from_state="active")


def charged_after_a_removal(world: World) -> str:
    of_it = f"WHERE id = (SELECT payment_method_id FROM payments WHERE id = {ALICES_CHARGE})"  # noqa: S608
    gone = "removed_at = '2020-01-01 00:00:00.000000', detached_at = '2020-01-01 00:00:00.000000'"
    corrupt(
        world,
        f"UPDATE payment_methods SET {gone} {of_it}",  # noqa: S608
        f"UPDATE subscriptions SET payment_method_id = NULL, auto_renew = false WHERE id = {ALICES}",  # noqa: S608
    )
    return one(world, f"SELECT {ALICES_CHARGE} AS id")


def charged_under_dispute(world: World) -> str:
    opened = {"kind": "dispute", "event": "created", "from_state": None, "to_state": "open"}
    return before_the_charge(world, subject_id=uuid4() if _postgresql(world) else uuid4().hex, **opened)


def half_an_answer(world: World) -> str:
    row = {"caller": "x", "key": "k-1", "fp": "f", "at": _stored(world, world.clock.now())}
    values = "(:caller, :key, :fp, :at, 200)"
    insert = f"INSERT INTO idempotency_keys (caller, key, fingerprint, created_at, status) VALUES {values}"  # noqa: S608
    corrupt(world, insert, **row)
    return "k-1"


def an_act_unlogged(world: World) -> str:
    corrupt(world, "DELETE FROM activity WHERE act = 'refund.give'")
    return one(world, "SELECT id FROM refunds")


def cancelled_twice(world: World, when: When = "now", money: operator_cancel.MoneyBack = "none") -> str:
    """Clara, by an operator: first at the end of what she paid for, then at once."""
    mine = uuid_of(world.one("SELECT id FROM subscriptions WHERE user_id = 'clara'")["id"])
    do(world, operator_cancel.cancel, press("agreement"), mine, "period_end", "none", None)
    do(world, operator_cancel.cancel, press("agreement"), mine, when, money, unused(world, mine))
    world.drain()
    return str(mine)


def unused(world: World, subscription_id: UUID) -> Money | None:
    return do(world, lambda: unused_money.total(unused_money.parts_of(standing.subscription(subscription_id))))


def two_steps_of_one_line(world: World) -> str:
    named = cancelled_twice(world)
    corrupt(world, "DELETE FROM activity WHERE seq = (SELECT max(seq) FROM activity)")
    return named


def unused_money_unlogged(world: World) -> str:
    cancelled_twice(world, money="unused")
    corrupt(world, "UPDATE activity SET after = '{}' WHERE seq = (SELECT max(seq) FROM activity)")
    return one(world, "SELECT id FROM refunds WHERE effect = 'keep' AND grounds = 'agreement'")


def charged_too_often(world: World) -> str:
    charges = world.rows("SELECT id, sent_at FROM payments WHERE user_id = 'alice' AND kind = 'charge' ORDER BY id")
    soon = _stored(world, moment_of(charges[0]["sent_at"]) + HOUR)
    corrupt(world, "UPDATE payments SET sent_at = :at, created_at = :at WHERE id = :id", at=soon, id=charges[1]["id"])
    return str(uuid_of(charges[1]["id"]))


def nothing_to_wake_for(world: World) -> str:
    corrupt(world, "UPDATE subscriptions SET next_action_at = NULL WHERE user_id = 'alice'")
    return one(world, f"SELECT {ALICES} AS id")


def never_to_be_earned(world: World) -> str:
    payment = one(world, "SELECT payment_id FROM ledger_holdings WHERE due_at IS NOT NULL AND user_id = 'alice'")
    corrupt(world, "UPDATE ledger_holdings SET due_at = NULL WHERE due_at IS NOT NULL AND user_id = 'alice'")
    return payment


def pending_for_ever(world: World) -> str:
    """An order that was closed three days ago, and left its subscription behind."""
    invoice = world.buy(world.sign_in("anna"))["invoice_guid"]
    do(world, close_invoice.close, Person("anna"), UUID(invoice))
    world.drain()
    corrupt(
        world,
        "UPDATE subscriptions SET state = 'pending' WHERE user_id = 'anna'",
        "DELETE FROM history WHERE event = 'checkout_closed' AND user_id = 'anna'",
    )
    world.clock.at += timedelta(days=3)
    return one(world, "SELECT id FROM subscriptions WHERE user_id = 'anna'")


LAST = f"(SELECT max(start) FROM periods WHERE subscription_id = {ALICES})"  # noqa: S608


def an_hour_longer(world: World) -> str:
    end = world.one(f'SELECT "end" FROM periods WHERE start = {LAST}')["end"]  # noqa: S608
    corrupt(world, f'UPDATE periods SET "end" = :end WHERE start = {LAST}', end=_stored(world, moment_of(end) + HOUR))  # noqa: S608
    return one(world, f"SELECT id FROM periods WHERE start = {LAST}")  # noqa: S608


def another_anchor(world: World) -> str:
    """Reckoned from the period before, as if it were the first."""
    row = world.rows("SELECT seq, at, facts FROM history WHERE event = 'renewed' ORDER BY seq LIMIT 1")[0]
    start = world.one("SELECT start FROM periods WHERE created_at = :at", at=row["at"])["start"]
    facts = json.dumps(_json(row["facts"]) | {"anchor": moment_of(start).isoformat(), "steps": 1})
    update = f"UPDATE history SET facts = {_as_json(world)} WHERE seq = :seq"  # noqa: S608
    corrupt(world, update, facts=facts, seq=row["seq"])
    return one(world, f"SELECT {ALICES} AS id")


def erased_in_name_only(world: World) -> str:
    """The date is there, and so is everything else."""
    corrupt(world, "UPDATE users SET erased_at = :now WHERE id = 'clara'", now=_stored(world, world.clock.now()))
    corrupt(world, "UPDATE invoices SET return_url = 'http://shop.test/?for=clara' WHERE user_id = 'clara'")
    of_hers = "SELECT max(seq), subscription_id, user_id, 'other', 'my husband', max(at) FROM history"
    reason = "INSERT INTO cancel_reasons (cancellation, subscription_id, user_id, reason, comment, at)"
    corrupt(world, f"{reason} {of_hers} WHERE user_id = 'clara' GROUP BY subscription_id, user_id")
    return one(world, "SELECT id FROM payment_methods WHERE user_id = 'clara'")


BROKEN = (
    Broken("I1", granted_by_nobody),
    Broken("I1", given_by_no_step),
    Broken("I1", more_intervals),
    Broken("I2", one_due_moment_twice),
    Broken("I3", overlapping),
    Broken("I4", two_open_payments),
    Broken("I5", reserved_for_nothing),
    Broken("I7", paid_for_nothing),
    Broken("I8", another_sum),
    Broken("I9", earned_more),
    Broken("I9", posted_elsewhere),
    Broken("I10", lies_elsewhere),
    Broken("I11", told_otherwise),
    Broken("I12", a_version_more),
    Broken("I12", tokens_that_live_on),
    Broken("I14", never_published),
    Broken("I15", a_state_untold),
    Broken("I15", runs_longer_than_told),
    Broken("I15", on_a_plan_untold),
    Broken("I15", a_step_that_is_none),
    Broken("I15", a_step_left_out),
    Broken("I17", sent_too_early),
    Broken("I17", sent_again_too_late),
    Broken("I17", given_up_too_early),
    Broken("I17", taken_for_not_made),
    Broken("I20", forgotten_in_the_inbox),
    Broken("I20", tried_for_ever),
    Broken("I21", charged_after_a_stop),
    Broken("I21", charged_after_a_removal),
    Broken("I21", charged_under_dispute),
    Broken("I22", half_an_answer),
    Broken("I23", an_act_unlogged),
    Broken("I23", two_steps_of_one_line),
    Broken("I23", unused_money_unlogged),
    Broken("I24", charged_too_often, {"limits": Limits(charges_per_day=1)}),
    Broken("I25", nothing_to_wake_for),
    Broken("I25", never_to_be_earned),
    Broken("I25", pending_for_ever),
    Broken("I26", an_hour_longer),
    Broken("I26", another_anchor),
    Broken("I27", erased_in_name_only),
)


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: f"{broken.invariant}-{broken.how.__name__}")
def test_what_was_broken_by_hand_is_found_and_named(spoiled: World, broken: Broken) -> None:
    named = broken.how(spoiled)
    found = audited(spoiled, **broken.given)
    assert {violation.invariant for violation in found} == {broken.invariant}, found
    assert any(named in violation.ids.values() for violation in found), found
    assert all(violation.todo for violation in found)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_each_thing_that_may_name_an_erased_user_is_found(spoiled: World) -> None:
    erased_in_name_only(spoiled)
    corrupt(spoiled, "UPDATE consents SET address = '203.0.113.7' WHERE user_id = 'clara'")
    (invariant,) = [one for one in INVARIANTS if one.id == "I27"]
    assert {violation.what for violation in audited(spoiled)} == {rule.what for rule in invariant.checks}


def test_nothing_is_found_where_nothing_was_broken(spoiled: World) -> None:
    with spoiled.app.app_context():
        assert audited(spoiled, provider=Books(), auth=spoiled.rights) == []


DECLINES_LATER = "4000 0000 0000 0341"


def test_who_removes_the_card_of_what_is_owed_makes_it_due_at_once_and_not_overdue(world: World) -> None:
    """The moment that counts now is the end of the paid time, days ago; the worker comes within a minute."""
    world.pay(world.buy(world.sign_in("clara"))["redirect_url"], DECLINES_LATER)
    world.drain()
    world.pass_time(timedelta(days=31))
    world.pass_time(timedelta(days=3))
    assert world.one("SELECT state FROM subscriptions")["state"] == "past_due"
    with world.app.app_context():
        (kept,) = saved.of_user("clara")
        methods.remove(Person("clara"), kept.id)
    assert audited(world) == []


def test_who_removes_the_card_and_prolongs_with_another_may_be_charged_again(world: World) -> None:
    """On the page of the payment they agreed to the card that paid."""
    world.bought("clara")
    with world.app.app_context():
        (kept,) = saved.of_user("clara")
        methods.remove(Person("clara"), kept.id)
    world.bought("clara")
    world.pass_time(timedelta(days=62))
    assert world.count("periods") == 3
    assert audited(world) == []


@dataclass(frozen=True)
class Book:
    """The payment system's book, as a test wants it."""

    taken: Iterable[BookCharge]
    given: Iterable[BookRefund]
    contested: Iterable[BookDispute]

    def charges(self) -> Iterable[BookCharge]:
        return self.taken

    def refunds(self) -> Iterable[BookRefund]:
        return self.given

    def disputes(self) -> Iterable[BookDispute]:
        return self.contested


def book_of(world: World) -> Book:
    with world.app.app_context():
        books = Books()
        return Book(list(books.charges()), list(books.refunds()), list(books.disputes()))


def alices(world: World, book: Book) -> BookCharge:
    payment = one(world, "SELECT id FROM payments WHERE user_id = 'alice' AND kind = 'checkout'")
    return next(charge for charge in book.taken if charge.reference == f"payment:{payment}")


def twice(world: World, book: Book) -> Book:
    return replace(book, taken=[*book.taken, replace(alices(world, book), id="again")])


def strange(world: World, book: Book) -> Book:
    return replace(book, taken=[*book.taken, replace(alices(world, book), id="x", reference="payment:nobody's")])


def never(world: World, book: Book) -> Book:
    gone = alices(world, book)
    return replace(book, taken=[charge for charge in book.taken if charge != gone])


def refunded_past_us(world: World, book: Book) -> Book:
    paid = alices(world, book)
    return replace(book, given=[*book.given, BookRefund("by hand", "r", paid.id, 100, "succeeded")])


def both_refunded_past_us(world: World, book: Book) -> Book:
    charges = [alices(world, book), replace(alices(world, book), id="again")]
    given = [BookRefund("by hand", f"r-{one.id}", one.id, one.amount, "succeeded") for one in charges]
    return replace(book, taken=[*book.taken, charges[1]], given=[*book.given, *given])


@pytest.mark.parametrize(
    ("invariant", "change"),
    [("I6", twice), ("I6", strange), ("I8", never), ("I10", refunded_past_us), ("I10", both_refunded_past_us)],
)
def test_a_difference_with_the_payment_system_is_found(
    spoiled: World, invariant: str, change: Callable[[World, Book], Book]
) -> None:
    found = audited(spoiled, provider=change(spoiled, book_of(spoiled)))
    assert [violation.invariant for violation in found] == [invariant], found


def test_money_that_the_payment_system_has_and_we_do_not_know_of_is_found(spoiled: World) -> None:
    book = book_of(spoiled)
    payment = alices(spoiled, book).reference.removeprefix("payment:")
    corrupt(
        spoiled,
        "UPDATE payments SET state = 'failed', decline_kind = 'soft', succeeded_at = NULL WHERE user_id = 'alice' "
        "AND kind = 'checkout'",
    )
    found = audited(spoiled, provider=book)
    assert ("I7", payment) in {(violation.invariant, violation.ids.get("payment_id")) for violation in found}


def test_a_second_charge_that_was_refunded_past_us_leaves_nothing_to_be_said(spoiled: World) -> None:
    book = both_refunded_past_us(spoiled, book_of(spoiled))
    assert audited(spoiled, provider=replace(book, given=[one for one in book.given if one.id != "r-again"])) == []


def test_money_of_a_payment_that_was_never_sent_is_found(spoiled: World) -> None:
    book = book_of(spoiled)
    payment = alices(spoiled, book).reference.removeprefix("payment:")
    corrupt(
        spoiled,
        "UPDATE payments SET state = 'aborted', sent_at = NULL, succeeded_at = NULL WHERE user_id = 'alice' "
        "AND kind = 'checkout'",
    )
    found = audited(spoiled, provider=book)
    assert ("I6", payment) in {(violation.invariant, violation.ids.get("payment_id")) for violation in found}


class Busy(Books):
    """Of a cinema that goes on selling while it is read."""

    def __init__(self, world: World) -> None:
        self._world = world

    def refunds(self) -> Iterator[BookRefund]:
        self._sell_to("anna")
        yield from super().refunds()

    def charges(self) -> Iterator[BookCharge]:
        yield from super().charges()
        self._sell_to("arina")

    def _sell_to(self, login: str) -> None:
        self._world.clock.at += timedelta(minutes=1)
        self._world.bought(login)


def test_what_is_bought_while_the_payment_systems_are_asked_is_held_against_nobody(spoiled: World) -> None:
    sold = spoiled.count("payments")
    assert audited(spoiled, provider=Busy(spoiled)) == []
    assert spoiled.count("payments") == sold + 2


def test_late_money_that_the_bank_has_taken_back_is_held_by_nobody(spoiled: World) -> None:
    book = book_of(spoiled)
    paid = alices(spoiled, book)
    corrupt(
        spoiled,
        "UPDATE payments SET state = 'failed', decline_kind = 'soft', succeeded_at = NULL WHERE user_id = 'alice' "
        "AND kind = 'checkout'",
    )
    taken_back = BookDispute("d", paid.id, paid.amount, "open")
    found = audited(spoiled, provider=replace(book, contested=[*book.contested, taken_back]))
    payment = paid.reference.removeprefix("payment:")
    assert ("I7", payment) not in {(violation.invariant, violation.ids.get("payment_id")) for violation in found}


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"version": 1}, "Auth's version of a user is not ours, or it withdraws other tokens."),
        ({"version": 99}, "Auth's version of a user is not ours, or it withdraws other tokens."),
        ({"entitlements": []}, "Auth gives a user other rights than the rows do."),
        ({"tokens_from_version": 0}, "Auth's version of a user is not ours, or it withdraws other tokens."),
    ],
)
def test_an_auth_that_says_something_else_is_found(spoiled: World, change: dict[str, object], what: str) -> None:
    asked: list[str] = []

    def auth(user: str) -> Mapping[str, Any]:
        asked.append(user)
        return spoiled.rights(user) | (change if user == "alice" else {})

    (violation,) = audited(spoiled, auth=auth)
    assert (violation.invariant, violation.what, violation.ids["user_id"]) == ("I13", what, "alice")
    assert asked == ["alice", "boris", "clara"]


def test_an_auth_that_has_heard_what_happened_since_the_audit_began_is_in_order(spoiled: World) -> None:
    mine = uuid_of(spoiled.one(f"SELECT {ALICES} AS id")["id"])

    def auth(user: str) -> Mapping[str, Any]:
        if user == "alice":
            do(spoiled, cancel.cancel, Person("alice"), mine, "now")
            spoiled.drain()
        return spoiled.rights(user)

    assert audited(spoiled, auth=auth) == []
    assert spoiled.rights("alice")["entitlements"] == []


def test_a_guard_that_is_gone_is_missed(spoiled: World, engine: str, subtests: pytest.Subtests) -> None:
    here = 0 if engine == "postgresql" else -1
    names = {(which, name.split("|")[here]) for which, names in guards.NAMES.items() for name in names}
    gone: set[tuple[str, str]] = set()
    for which, name in sorted(names):
        with subtests.test(name):
            drop(spoiled, name)
            found = {(violation.invariant, violation.ids["guard"]) for violation in audited(spoiled)}
            if engine == "postgresql" or not name.startswith(
                ("ck_", "pk_", "uq_outbox", "uq_inbox", "uq_periods_i", "uq_periods_a")
            ):
                gone.add((which, name))  # SQLite keeps the others inside its tables
            assert found == gone


def test_each_invariant_has_been_broken_here() -> None:
    broken = {one.invariant for one in BROKEN} | {"I6", "I13"}
    assert {invariant.id for invariant in INVARIANTS if not invariant.nothing} == broken


def drop_quietly(world: World, name: str) -> None:
    """Where a test needs it gone more than once."""
    corrupt(world, f"DROP INDEX IF EXISTS {name}")


def tell(world: World, kind: str, guid: object, *steps: tuple[str, str | None, str]) -> None:
    """A history of its own for a row that was made up."""
    for event, before, after in steps:
        seq = world.one("SELECT max(seq) + 1 AS seq FROM history")["seq"]
        row = {"seq": seq, "subject_id": guid, "event": event, "from_state": before, "to_state": after}
        copy(world, "history", f"kind = '{kind}' AND user_id = 'alice'", **row)


def _json(value: Any) -> dict[str, Any]:
    """SQLite gives JSON as text."""
    read: dict[str, Any] = json.loads(value) if isinstance(value, str) else value
    return read


def _new() -> Any:
    return uuid4().hex


def _stored(world: World, moment: Any) -> Any:
    """As the engine keeps it."""
    return moment if _postgresql(world) else moment.replace(tzinfo=None).isoformat(" ", "microseconds")


def _postgresql(world: World) -> bool:
    return world.settings.database.startswith("postgresql")


def _as_json(world: World) -> str:
    return "CAST(:facts AS jsonb)" if _postgresql(world) else ":facts"
