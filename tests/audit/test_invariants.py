"""Each invariant, broken by hand: the audit finds it, says which it is, and names the row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from portal.audit import guards
from portal.audit.invariants import INVARIANTS
from portal.audit.outside import BookCharge, BookDispute, BookRefund
from portal.audit.run import Violation, violations
from portal.domain.user import Person
from portal.queries import methods as saved
from portal.services import cancel, methods
from portal.services.audit import Books
from tests.audit import break_money, break_time, break_told, test_mistakes
from tests.audit.broken import ALICES, BROKEN, RULES, Broken, one
from tests.audit.corrupting import corrupt, drop
from tests.services.month import do
from tests.services.promise import uuid_of
from tests.services.stubborn import plan_fault
from tests.world import World


def audited(world: World, **given: Any) -> list[Violation]:
    with world.app.app_context():
        return list(violations(now=world.clock.now(), **given))


def assert_found(world: World, broken: Broken) -> None:
    row = broken.how(world)
    found = audited(world, **broken.given)
    assert {violation.invariant for violation in found} == {broken.invariant, *broken.also}, found
    assert any(violation.what == broken.what and row in violation.ids.values() for violation in found), found
    assert all(violation.todo for violation in found)


HANDS = (break_time, break_money, break_told)  # each marks its own
ANYWHERE = [broken for broken in BROKEN if not broken.on]
ON_POSTGRESQL = [broken for broken in BROKEN if broken.on]  # SQLite keeps such an index inside its table


@pytest.mark.parametrize("broken", ANYWHERE, ids=str)
def test_what_was_broken_by_hand_is_found_and_named(spoiled: World, broken: Broken) -> None:
    assert_found(spoiled, broken)


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
@pytest.mark.parametrize("broken", ON_POSTGRESQL, ids=str)
def test_what_only_postgresql_can_lose_is_found_and_named(spoiled: World, broken: Broken) -> None:
    assert_found(spoiled, broken)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_each_thing_that_may_name_an_erased_user_is_found(spoiled: World) -> None:
    break_told.erased_in_name_only(spoiled)
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


@pytest.mark.parametrize("fault", ["decline", "comes_back"])
def test_late_money_that_would_not_go_back_waits_a_week_for_a_person(world: World, fault: str) -> None:
    """The page of an order that was replaced meanwhile is paid all the same."""
    alice = world.sign_in("alice")
    old = world.buy(alice)
    plan_fault(world, "timeout_before", "close_checkout", hold_seconds=0)
    world.pay(world.buy(alice, count=2)["redirect_url"])
    world.drain()
    plan_fault(world, fault, "refund")
    world.pay(old["redirect_url"])
    world.settle(hours=1)
    assert world.one("SELECT state FROM refunds")["state"] == "failed"
    assert audited(world, provider=Books()) == []
    world.pass_time(timedelta(days=8))
    assert {violation.invariant for violation in audited(world, provider=Books())} == {"I7"}


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


# What comes of a mistake in our own code, and of no hand.
SEEN_ELSEWHERE = (
    test_mistakes.STALE,
    test_mistakes.NO_STEP,
    test_mistakes.MOVED,
    test_mistakes.SECOND_TRIAL,
)


def test_each_rule_has_been_broken() -> None:
    """Those here, the guards, what an erased user left, what others say, and our own mistakes."""
    broken = {one.what for one in BROKEN} | {guards.WHAT} | set(SEEN_ELSEWHERE)
    theirs = {what for what, invariant in RULES.items() if invariant.asks != "rows" or invariant.id == "I27"}
    assert set(RULES) == broken | theirs
