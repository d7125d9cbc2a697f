"""Hands in the database: for each rule of the audit one that breaks it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from portal.audit.invariants import INVARIANTS
from portal.audit.run import Limits
from portal.domain.cancelling import When
from portal.domain.money import Money
from portal.domain.user import Person
from portal.services import close_invoice, operator_cancel, standing, unused_money
from tests.audit.corrupting import copy, corrupt, drop
from tests.services.desk import press
from tests.services.month import do
from tests.services.promise import moment_of, uuid_of
from tests.world import World

ALICES = "(SELECT id FROM subscriptions WHERE user_id = 'alice')"
HOUR = timedelta(hours=1)
PAIR = ("alice", "boris")
INVOICE = "(SELECT id FROM invoices WHERE user_id = '{}' AND reason = 'purchase')"
PAID = (("created", None, "created"), ("sent", "created", "unknown"), ("succeeded", "unknown", "succeeded"))
RULES = {check.what: invariant for invariant in INVARIANTS for check in invariant.checks}


class Broken(NamedTuple):
    """What shall be found, and how it is made true; that answers what has to be named.

    `also`: other invariants that do not hold either then. `given`: what else the audit is asked with.
    `told_as`: the invariant, where one rule tells of two.
    """

    what: str
    how: Callable[[World], str]
    also: frozenset[str] = frozenset()
    given: Mapping[str, Any] = MappingProxyType({})
    told_as: str = ""

    @property
    def invariant(self) -> str:
        return self.told_as or RULES[self.what].id

    def __str__(self) -> str:
        return f"{self.invariant}-{self.how.__name__}"


def one(world: World, query: str) -> str:
    """The id that a query answers with."""
    (row,) = world.rows(query)
    (value,) = row.values()
    return str(uuid_of(value))


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


def on_anothers_invoice(world: World) -> str:
    """Alice's first period and Boris's have changed places."""
    drop(world, "ck_periods_paid_or_granted")
    mine, other = (one(world, f"SELECT id FROM periods WHERE invoice_id = {INVOICE.format(who)}") for who in PAIR)  # noqa: S608
    hang = "UPDATE periods SET invoice_id = {} WHERE replace(CAST(id AS text), '-', '') = '{}'"
    periods = [(mine, "NULL"), (other, INVOICE.format("alice")), (mine, INVOICE.format("boris"))]
    corrupt(world, *(hang.format(invoice, UUID(period).hex) for period, invoice in periods))
    return mine


def of_two_sources(world: World) -> str:
    drop(world, "ck_periods_paid_or_granted")
    corrupt(world, f"UPDATE periods SET act_id = :act WHERE invoice_id = {INVOICE.format('alice')}", act=_new())  # noqa: S608
    return one(world, f"SELECT id FROM periods WHERE invoice_id = {INVOICE.format('alice')}")  # noqa: S608


def made_better_and_longer(world: World) -> str:
    """A quote for a better plan within the running time, paid by what bought time."""
    paid = world.one(f"SELECT * FROM invoices WHERE id = {INVOICE.format('alice')}")  # noqa: S608
    now = _stored(world, world.clock.now())
    quoted: dict[str, object] = dict.fromkeys(("gross_minor", "credit_minor", "waived_minor"), 0)
    quoted |= dict.fromkeys(("until", "then_at", "created_at", "expires_at", "used_at"), now)
    quoted |= {"id": _new(), "fingerprint": "", "moment": "now", "anew": False, "left": "", "carried": "{}"}
    quoted |= {f"{of}{name}_id": paid[f"{name}_id"] for of in ("", "from_") for name in ("plan", "price")}
    quoted |= {name: paid[name] for name in ("user_id", "subscription_id", "currency")} | {"invoice_id": paid["id"]}
    put(world, "change_quotes", quoted)
    return one(world, f"SELECT id FROM periods WHERE invoice_id = {INVOICE.format('alice')}")  # noqa: S608


def two_of_one_group(world: World) -> str:
    """Alice has ordered once more."""
    guid, now = _new(), _stored(world, world.clock.now())
    drop_quietly(world, "uq_subscriptions_one_per_group")
    ordered = {"state": "pending", "created_at": now, "next_action_at": None, "paid_through": None, "anchor": None}
    copy(world, "subscriptions", "user_id = 'alice'", id=guid, **ordered)
    tell(world, "subscription", guid, ("created", None, "pending"))
    corrupt(world, "UPDATE history SET at = :now, subscription_id = :id WHERE subject_id = :id", now=now, id=guid)
    return "alice"


def paid_twice(world: World) -> str:
    guid = _new()
    drop_quietly(world, "uq_payments_one_succeeded")
    copy(world, "payments", "user_id = 'alice' AND kind = 'checkout'", id=guid, provider_ref="again")
    tell(world, "payment", guid, *PAID)
    return one(world, f"SELECT {INVOICE.format('alice')} AS id")


def given_back_twice(world: World) -> str:
    drop(world, "ck_payments_refundable")
    corrupt(
        world, "UPDATE payments SET refunded_minor = amount_minor + 1 WHERE user_id = 'alice' AND kind = 'checkout'"
    )
    return one(world, "SELECT id FROM payments WHERE user_id = 'alice' AND kind = 'checkout'")


def of_another_currency(world: World) -> str:
    corrupt(world, "UPDATE refunds SET currency = 'EUR'")
    return one(world, "SELECT id FROM refunds")


def kept_a_second_time(world: World) -> str:
    """Two payments of one invoice came; the second is known for what it is, and nobody sends it back."""
    guid = _new()
    second = {"id": guid, "provider_ref": "again", "state": "duplicate"}
    copy(world, "payments", "user_id = 'alice' AND kind = 'checkout'", **second)
    tell(world, "payment", guid, *PAID[:2], ("succeeded_again", "unknown", "duplicate"))
    return str(uuid_of(guid))


def posted_in_a_circle(world: World) -> str:
    drop(world, "ck_ledger_postings_accounts")
    seq = world.one("SELECT max(seq) + 1 AS seq FROM ledger_postings")["seq"]
    credit = world.one("SELECT credit FROM ledger_postings WHERE user_id = 'boris' ORDER BY seq LIMIT 1")["credit"]
    copy(world, "ledger_postings", "user_id = 'boris'", seq=seq, debit=credit)
    return str(seq)


def a_version_left_out(world: World) -> str:
    last = "(SELECT max(version) FROM outbox WHERE user_id = 'alice')"
    seq = world.one(f"SELECT seq FROM outbox WHERE user_id = 'alice' AND version = {last}")["seq"]  # noqa: S608
    corrupt(
        world,
        "UPDATE users SET entitlements_version = entitlements_version + 1 WHERE id = 'alice'",
        f"UPDATE outbox SET version = version + 1 WHERE seq = {seq}",  # noqa: S608
    )
    return str(seq)


def given_back_too_early(world: World) -> str:
    at = moment_of(world.one("SELECT created_at FROM refunds")["created_at"]) - HOUR
    corrupt(world, "UPDATE refunds SET sent_at = :at", at=_stored(world, at))
    return one(world, "SELECT id FROM refunds")


def two_of_one_reference(world: World) -> str:
    alices = "(SELECT provider_ref FROM payments WHERE user_id = 'alice' AND kind = 'checkout')"
    corrupt(world, f"UPDATE payments SET provider_ref = {alices} WHERE user_id = 'boris'")  # noqa: S608
    both = [one(world, f"SELECT id FROM payments WHERE user_id = '{who}' AND kind = 'checkout'") for who in PAIR]  # noqa: S608
    return min(both)


def given_back_again_too_late(world: World) -> str:
    """The refund was sent, and sent once more a day later."""
    first = world.one("SELECT seq, at, to_state FROM history WHERE kind = 'refund' AND event = 'sent'")
    corrupt(world, "UPDATE history SET seq = seq + 100000 WHERE seq > :seq", seq=first["seq"])
    late = _stored(world, moment_of(first["at"]) + 21 * HOUR)
    copy(world, "history", f"seq = {first['seq']}", seq=first["seq"] + 1, at=late, from_state=first["to_state"])
    return one(world, "SELECT id FROM refunds")


def done_at_no_time(world: World) -> str:
    corrupt(world, "UPDATE inbox SET processed_at = NULL WHERE seq = 1")
    return "1"


def moved_by_nobody(world: World) -> str:
    """A price that nobody pays, moved by an act that was never logged."""
    plan = world.rows("SELECT plan_id FROM prices GROUP BY plan_id ORDER BY count(*) DESC LIMIT 1")[0]["plan_id"]
    last = world.rows("SELECT id FROM prices WHERE plan_id = :plan ORDER BY id", plan=plan)
    now, guid = _stored(world, world.clock.now()), _new()
    move = {"id": guid, "plan_id": plan, "from_price_id": last[0]["id"], "to_price_id": last[-1]["id"]}
    put(world, "price_moves", move | {"starts_at": now, "created_at": now})
    return str(uuid_of(guid))


def never_asked_about(world: World) -> str:
    return _open_payment(world, None)


def asked_about_long_ago(world: World) -> str:
    return _open_payment(world, world.clock.now() - 72 * HOUR)


def _open_payment(world: World, next_check_at: Any) -> str:
    """Of Alice's purchase, which was paid once."""
    guid = _new()
    check = next_check_at and _stored(world, next_check_at)
    unclear = {"id": guid, "state": "unknown", "succeeded_at": None, "next_check_at": check}
    copy(world, "payments", "user_id = 'alice' AND kind = 'checkout'", **unclear)
    tell(world, "payment", guid, *PAID[:2])
    return str(uuid_of(guid))


def a_refund_never_asked_about(world: World) -> str:
    corrupt(world, "UPDATE refunds SET state = 'unknown', next_check_at = NULL")
    return one(world, "SELECT id FROM refunds")


def a_dispute_never_asked_about(world: World) -> str:
    corrupt(world, "UPDATE disputes SET next_check_at = NULL")
    return one(world, "SELECT id FROM disputes")


def a_card_never_saved(world: World) -> str:
    guid, long_ago = _new(), _stored(world, world.clock.now() - 72 * HOUR)
    begun: dict[str, object] = dict.fromkeys(("created_at", "modified_at", "expires_at", "next_check_at"), long_ago)
    put(
        world,
        "method_setups",
        begun | {"id": guid, "user_id": "alice", "provider": "sandbox", "state": "unknown", "checks": 1},
    )
    return str(uuid_of(guid))


def payable_for_ever(world: World) -> str:
    """Alice was to pay for a better plan, a week ago."""
    guid, long_ago = _new(), _stored(world, world.clock.now() - 7 * 24 * HOUR)
    asked = {"id": guid, "number": "M-2", "reason": "plan_change", "state": "not_paid", "paid_at": None}
    copy(world, "invoices", f"id = {INVOICE.format('alice')}", **asked, due_at=long_ago, expires_at=long_ago)
    tell(world, "invoice", guid, ("created", None, "not_paid"))
    return str(uuid_of(guid))


def earned_too_late(world: World) -> str:
    due = world.one("SELECT due_at FROM ledger_holdings WHERE due_at IS NOT NULL AND user_id = 'alice'")["due_at"]
    long_ago = _stored(world, min(moment_of(due), world.clock.now() - 72 * HOUR))
    corrupt(
        world, "UPDATE ledger_holdings SET due_at = :at WHERE due_at IS NOT NULL AND user_id = 'alice'", at=long_ago
    )
    return one(world, "SELECT payment_id FROM ledger_holdings WHERE due_at IS NOT NULL AND user_id = 'alice'")


def two_periods_of_one_invoice(world: World) -> str:
    corrupt(
        world,
        f"UPDATE periods SET invoice_id = {INVOICE.format('alice')} WHERE start = {LAST}",  # noqa: S608
        without="periods.uq_periods_invoice_id",
    )
    return one(world, f"SELECT {INVOICE.format('alice')} AS id")


def two_periods_of_one_act(world: World) -> str:
    drop(world, "uq_periods_act_id")
    given = world.one("SELECT act_id FROM periods WHERE act_id IS NOT NULL")["act_id"]
    copy(world, "periods", "act_id IS NOT NULL", id=_new(), revoked_at=_stored(world, world.clock.now()))
    return str(uuid_of(given))


def put(world: World, table: str, row: Mapping[str, object]) -> None:
    names, marks = ", ".join(f'"{name}"' for name in row), ", ".join(f":{name}" for name in row)
    corrupt(world, f"INSERT INTO {table} ({names}) VALUES ({marks})", **row)  # noqa: S608 - a test's own


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


BROKEN = (
    Broken("A period was granted by an act that the activity log does not know.", granted_by_nobody),
    Broken("A period was given at a moment at which its subscription's history gives no time.", given_by_no_step),
    Broken("A period has more or fewer intervals than its invoice was for.", more_intervals),
    Broken("A period hangs on an invoice that is not paid, or not of the same subscription.", on_anothers_invoice),
    Broken("A period has no source, or two.", of_two_sources),
    Broken("What was paid to make running time better gave a period of its own.", made_better_and_longer),
    Broken("Two invoices that have not failed are for one due moment.", one_due_moment_twice),
    Broken("Two periods of one subscription overlap.", overlapping),
    Broken("A user has two subscriptions in one group that are not over.", two_of_one_group),
    Broken("An invoice has two open payments.", two_open_payments),
    Broken("An invoice has two succeeded payments.", paid_twice, also=frozenset({"I9"})),
    Broken("The sums on a payment's row are not those of its refunds and disputes.", reserved_for_nothing),
    Broken("More is given back, reserved or disputed than was paid.", given_back_twice, also=frozenset({"I9"})),
    Broken("A refund is of nothing, in another currency, or of a payment that did not succeed.", of_another_currency),
    Broken("A paid invoice gave neither time nor a better plan.", paid_for_nothing),
    Broken("Money is kept for an invoice that it did not pay.", kept_a_second_time, also=frozenset({"I9"})),
    Broken("An invoice is paid, and no payment of its sum succeeded.", another_sum),
    Broken("What the ledger says of an invoice and its payments is not what the rows say.", earned_more),
    Broken("What the ledger says of an invoice and its payments is not what the rows say.", posted_elsewhere),
    Broken("A posting is of nothing, or from an account to itself.", posted_in_a_circle),
    Broken(
        "What the ledger says of an invoice and its payments is not what the rows say.", lies_elsewhere, told_as="I10"
    ),
    Broken("A change of rights was not told, was told twice, or was told without having happened.", told_otherwise),
    Broken("The version on a user's row is not that of the last event.", a_version_more),
    Broken("A user's row withdraws other tokens than the events say.", tokens_that_live_on),
    Broken(
        "A version is missing or double, or an event withdraws other tokens than the last change that does so.",
        a_version_left_out,
    ),
    Broken("An event has waited too long to be published.", never_published),
    Broken("The state of a row is not where its history ends, or it has no history.", a_state_untold),
    Broken(
        "A subscription's plan, price or paid time is not what the last step of its history says.",
        runs_longer_than_told,
    ),
    Broken(
        "A subscription's plan, price or paid time is not what the last step of its history says.", on_a_plan_untold
    ),
    Broken("A step does not begin where the one before it ended, or does not exist at all.", a_step_that_is_none),
    Broken("A step does not begin where the one before it ended, or does not exist at all.", a_step_left_out),
    Broken("A payment was sent before it was written down.", sent_too_early),
    Broken("A payment was sent again more than 20 hours after it was first sent.", sent_again_too_late),
    Broken(
        "A charge was given up as never made less than 44 hours after it was sent, when it could still arrive.",
        given_up_too_early,
    ),
    Broken(
        "A charge that was taken for not made succeeded after all: until then it could be made once more.",
        taken_for_not_made,
    ),
    Broken("A refund was sent before it was written down.", given_back_too_early),
    Broken("Two payments that succeeded are one object at the payment system.", two_of_one_reference),
    Broken("A refund was sent again more than 20 hours after it was first sent.", given_back_again_too_late),
    Broken("A webhook has waited too long to be applied.", forgotten_in_the_inbox),
    Broken("A webhook has waited too long to be applied.", tried_for_ever),
    Broken("A webhook is done, and nobody knows when or why.", done_at_no_time),
    Broken(
        "A renewal was charged after its subscription was cancelled, or lost its method, or was disputed.",
        charged_after_a_stop,
    ),
    Broken("A saved method was charged after its owner had removed it.", charged_after_a_removal),
    Broken(
        "A renewal was charged while the bank had a payment of its subscription under dispute.", charged_under_dispute
    ),
    Broken("A key has half an answer.", half_an_answer),
    Broken("An operator's refund is not in the activity log.", an_act_unlogged),
    Broken("An operator did something more often than the activity log says.", two_steps_of_one_line),
    Broken("An operator's refund is not in the activity log.", unused_money_unlogged),
    Broken("A price was moved by an act that the activity log does not know.", moved_by_nobody),
    Broken(
        "More scheduled charges of a subscription reached the bank within 24 hours than the bound allows.",
        charged_too_often,
        given={"limits": Limits(charges_per_day=1)},
    ),
    Broken("A subscription's moment has come and gone, and nothing happened.", nothing_to_wake_for),
    Broken("Revenue of a payment is not all booked, and never will be.", never_to_be_earned),
    Broken(
        "A subscription waits for its first payment, and nothing is left by which it could be paid.", pending_for_ever
    ),
    Broken("An open payment will not be asked about, and no person has been called.", never_asked_about),
    Broken("An open payment should have been asked about, sent or closed long ago.", asked_about_long_ago),
    Broken(
        "A refund that was not decided by the payment system will not be asked about.",
        a_refund_never_asked_about,
        also=frozenset({"I5", "I15"}),
    ),
    Broken("An open dispute will not be asked about.", a_dispute_never_asked_about),
    Broken("A method that is being saved will not be asked about.", a_card_never_saved),
    Broken(
        "An invoice can still be paid, although its time or its subscription is over.",
        payable_for_ever,
        also=frozenset({"I9"}),
    ),
    Broken("Revenue of a payment should have been booked long ago.", earned_too_late),
    Broken("A period is not where its anchor, its plan and its zone put it.", an_hour_longer),
    Broken("A period is not where its anchor, its plan and its zone put it.", another_anchor),
    Broken("A payment method of an erased user is still named, or was never removed.", erased_in_name_only),
)


# On SQLite such an index is kept inside its table and cannot go.
BROKEN_ON_POSTGRESQL = (
    Broken("One invoice gave two periods.", two_periods_of_one_invoice, also=frozenset({"I7"})),
    Broken("One act of an operator gave two periods.", two_periods_of_one_act),
)
