"""Hands in the database that change what was told, logged or is waited for."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

from portal.domain.cancelling import When
from portal.domain.money import Money
from portal.domain.user import Person
from portal.services import close_invoice, operator_cancel, standing, unused_money
from tests.audit.broken import (
    ALICES,
    HOUR,
    INVOICE,
    breaks,
    new,
    on_postgresql,
    one,
    opened,
    put,
    stored,
    tell,
)
from tests.audit.corrupting import copy, corrupt
from tests.services.desk import press
from tests.services.month import do
from tests.services.promise import moment_of, uuid_of
from tests.world import World


@breaks("A change of rights was not told, was told twice, or was told without having happened.")
def told_otherwise(world: World) -> str:
    corrupt(
        world,
        "UPDATE outbox SET type = 'subscription.resumed' WHERE type = 'subscription.renewed' AND user_id = 'alice'",
    )
    return one(world, f"SELECT {ALICES} AS id")


@breaks("The version on a user's row is not that of the last event.")
def a_version_more(world: World) -> str:
    corrupt(world, "UPDATE users SET entitlements_version = entitlements_version + 1 WHERE id = 'alice'")
    return "alice"


@breaks("A user's row withdraws other tokens than the events say.")
def tokens_that_live_on(world: World) -> str:
    corrupt(world, "UPDATE users SET tokens_from_version = 0 WHERE id = 'boris'")
    return "boris"


@breaks("An event has waited too long to be published.")
def never_published(world: World) -> str:
    corrupt(world, "UPDATE outbox SET published_at = NULL WHERE seq = 1")
    return "1"


@breaks("A step does not exist, a history has a gap, or a row is not where its history ends.")
def a_state_untold(world: World) -> str:
    corrupt(world, "UPDATE subscriptions SET state = 'past_due' WHERE user_id = 'alice'")
    return one(world, f"SELECT {ALICES} AS id")


@breaks("A subscription's plan, price or paid time is not what the last step of its history says.")
def runs_longer_than_told(world: World) -> str:
    until = moment_of(world.one("SELECT paid_through FROM subscriptions WHERE user_id = 'alice'")["paid_through"])
    longer = "UPDATE subscriptions SET paid_through = :until WHERE user_id = 'alice'"
    corrupt(world, longer, until=stored(world, until + HOUR))
    return one(world, f"SELECT {ALICES} AS id")


@breaks("A subscription's plan, price or paid time is not what the last step of its history says.")
def on_a_plan_untold(world: World) -> str:
    other = "(SELECT id FROM plans WHERE code = 'premium')"
    corrupt(world, f"UPDATE subscriptions SET plan_id = {other} WHERE user_id = 'alice'")  # noqa: S608
    return one(world, f"SELECT {ALICES} AS id")


@breaks("A step does not exist, a history has a gap, or a row is not where its history ends.")
def a_step_that_is_none(world: World) -> str:
    paid = "kind = 'invoice' AND event = 'paid' AND user_id = 'boris'"
    corrupt(world, f"UPDATE history SET event = 'waved_through' WHERE {paid}")  # noqa: S608
    return one(world, "SELECT id FROM invoices WHERE user_id = 'boris'")


@breaks("A step does not exist, a history has a gap, or a row is not where its history ends.")
def a_row_that_nothing_tells_of(world: World) -> str:
    corrupt(world, "DELETE FROM history WHERE kind = 'invoice' AND user_id = 'boris'")
    return one(world, "SELECT id FROM invoices WHERE user_id = 'boris'")


@breaks("A step does not exist, a history has a gap, or a row is not where its history ends.")
def a_step_left_out(world: World) -> str:
    corrupt(world, "DELETE FROM history WHERE kind = 'payment' AND event = 'sent' AND user_id = 'boris'")
    return one(world, "SELECT id FROM payments WHERE user_id = 'boris'")


@breaks("A webhook has waited too long to be applied.")
def forgotten_in_the_inbox(world: World) -> str:
    corrupt(world, "UPDATE inbox SET state = 'received', processed_at = NULL WHERE seq = 1")
    return "1"


@breaks("A webhook has waited too long to be applied.")
def tried_for_ever(world: World) -> str:
    """Since months, and within the next hour again."""
    received = "state = 'received', processed_at = NULL, next_attempt_at = :soon"
    soon = stored(world, world.clock.now() + HOUR)
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


@breaks("A renewal was charged after its subscription was cancelled, or lost its method, or was disputed.")
def charged_after_a_stop(world: World) -> str:
    return before_the_charge(world, event="method_forgotten", from_state="active")


@breaks("A saved method was charged after its owner had removed it.")
def charged_after_a_removal(world: World) -> str:
    of_it = f"WHERE id = (SELECT payment_method_id FROM payments WHERE id = {ALICES_CHARGE})"  # noqa: S608
    gone = "removed_at = '2020-01-01 00:00:00.000000', detached_at = '2020-01-01 00:00:00.000000'"
    corrupt(
        world,
        f"UPDATE payment_methods SET {gone} {of_it}",  # noqa: S608
        f"UPDATE subscriptions SET payment_method_id = NULL, auto_renew = false WHERE id = {ALICES}",  # noqa: S608
    )
    return one(world, f"SELECT {ALICES_CHARGE} AS id")


@breaks("A renewal was charged while the bank had a payment of its subscription under dispute.")
def charged_under_dispute(world: World) -> str:
    opened = {"kind": "dispute", "event": "created", "from_state": None, "to_state": "open"}
    return before_the_charge(world, subject_id=uuid4() if on_postgresql(world) else uuid4().hex, **opened)


@breaks("A key has half an answer.")
def half_an_answer(world: World) -> str:
    row = {"caller": "x", "key": "k-1", "fp": "f", "at": stored(world, world.clock.now())}
    values = "(:caller, :key, :fp, :at, 200)"
    insert = f"INSERT INTO idempotency_keys (caller, key, fingerprint, created_at, status) VALUES {values}"  # noqa: S608
    corrupt(world, insert, **row)
    return "k-1"


@breaks("An operator's refund is not in the activity log.")
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


@breaks("An operator did something more often than the activity log says.")
def two_steps_of_one_line(world: World) -> str:
    named = cancelled_twice(world)
    corrupt(world, "DELETE FROM activity WHERE seq = (SELECT max(seq) FROM activity)")
    return named


@breaks("An operator's refund is not in the activity log.")
def unused_money_unlogged(world: World) -> str:
    cancelled_twice(world, money="unused")
    corrupt(world, "UPDATE activity SET after = '{}' WHERE seq = (SELECT max(seq) FROM activity)")
    return one(world, "SELECT id FROM refunds WHERE effect = 'keep' AND grounds = 'agreement'")


@breaks("A subscription's moment has come and gone, and nothing happened.")
def nothing_to_wake_for(world: World) -> str:
    corrupt(world, "UPDATE subscriptions SET next_action_at = NULL WHERE user_id = 'alice'")
    return one(world, f"SELECT {ALICES} AS id")


@breaks("Revenue of a payment is not all booked, and never will be.")
def never_to_be_earned(world: World) -> str:
    payment = one(world, "SELECT payment_id FROM ledger_holdings WHERE due_at IS NOT NULL AND user_id = 'alice'")
    corrupt(world, "UPDATE ledger_holdings SET due_at = NULL WHERE due_at IS NOT NULL AND user_id = 'alice'")
    return payment


@breaks("A subscription waits for its first payment, and nothing is left by which it could be paid.")
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


@breaks("A payment method of an erased user is still named, or was never removed.")
def erased_in_name_only(world: World) -> str:
    """The date is there, and so is everything else."""
    corrupt(world, "UPDATE users SET erased_at = :now WHERE id = 'clara'", now=stored(world, world.clock.now()))
    corrupt(world, "UPDATE invoices SET return_url = 'http://shop.test/?for=clara' WHERE user_id = 'clara'")
    of_hers = "SELECT max(seq), subscription_id, user_id, 'other', 'my husband', max(at) FROM history"
    reason = "INSERT INTO cancel_reasons (cancellation, subscription_id, user_id, reason, comment, at)"
    corrupt(world, f"{reason} {of_hers} WHERE user_id = 'clara' GROUP BY subscription_id, user_id")
    return one(world, "SELECT id FROM payment_methods WHERE user_id = 'clara'")


@breaks("A version is missing or double, or an event withdraws other tokens than the last change that does so.")
def a_version_left_out(world: World) -> str:
    last = "(SELECT max(version) FROM outbox WHERE user_id = 'alice')"
    seq = world.one(f"SELECT seq FROM outbox WHERE user_id = 'alice' AND version = {last}")["seq"]  # noqa: S608
    corrupt(
        world,
        "UPDATE users SET entitlements_version = entitlements_version + 1 WHERE id = 'alice'",
        f"UPDATE outbox SET version = version + 1 WHERE seq = {seq}",  # noqa: S608
    )
    return str(seq)


@breaks("A webhook is done, and nobody knows when or why.")
def done_at_no_time(world: World) -> str:
    corrupt(world, "UPDATE inbox SET processed_at = NULL WHERE seq = 1")
    return "1"


@breaks("A price was moved by an act that the activity log does not know.")
def moved_by_nobody(world: World) -> str:
    """A price that nobody pays, moved by an act that was never logged."""
    plan = world.rows("SELECT plan_id FROM prices GROUP BY plan_id ORDER BY count(*) DESC LIMIT 1")[0]["plan_id"]
    last = world.rows("SELECT id FROM prices WHERE plan_id = :plan ORDER BY id", plan=plan)
    now, guid = stored(world, world.clock.now()), new()
    move = {"id": guid, "plan_id": plan, "from_price_id": last[0]["id"], "to_price_id": last[-1]["id"]}
    put(world, "price_moves", move | {"starts_at": now, "created_at": now})
    return str(uuid_of(guid))


@breaks("An open payment will not be asked about, and no person has been called.")
def never_asked_about(world: World) -> str:
    return opened(world, None)


@breaks("An open payment should have been asked about, sent or closed long ago.")
def asked_about_long_ago(world: World) -> str:
    return opened(world, world.clock.now() - 72 * HOUR)


@breaks("A refund that was not decided by the payment system will not be asked about.", also={"I15", "I5"})
def a_refund_never_asked_about(world: World) -> str:
    corrupt(world, "UPDATE refunds SET state = 'unknown', next_check_at = NULL")
    return one(world, "SELECT id FROM refunds")


@breaks("An open dispute will not be asked about.")
def a_dispute_never_asked_about(world: World) -> str:
    corrupt(world, "UPDATE disputes SET next_check_at = NULL")
    return one(world, "SELECT id FROM disputes")


@breaks("A method that is being saved will not be asked about.")
def a_card_never_saved(world: World) -> str:
    guid, long_ago = new(), stored(world, world.clock.now() - 72 * HOUR)
    begun: dict[str, object] = dict.fromkeys(("created_at", "modified_at", "expires_at", "next_check_at"), long_ago)
    put(
        world,
        "method_setups",
        begun | {"id": guid, "user_id": "alice", "provider": "sandbox", "state": "unknown", "checks": 1},
    )
    return str(uuid_of(guid))


@breaks("An invoice can still be paid, although its time or its subscription is over.", also={"I9"})
def payable_for_ever(world: World) -> str:
    """Alice was to pay for a better plan, a week ago."""
    guid, long_ago = new(), stored(world, world.clock.now() - 7 * 24 * HOUR)
    asked = {"id": guid, "number": "M-2", "reason": "plan_change", "state": "not_paid", "paid_at": None}
    copy(world, "invoices", f"id = {INVOICE.format('alice')}", **asked, due_at=long_ago, expires_at=long_ago)
    tell(world, "invoice", guid, ("created", None, "not_paid"))
    return str(uuid_of(guid))


@breaks("Revenue of a payment should have been booked long ago.")
def earned_too_late(world: World) -> str:
    due = world.one("SELECT due_at FROM ledger_holdings WHERE due_at IS NOT NULL AND user_id = 'alice'")["due_at"]
    long_ago = stored(world, min(moment_of(due), world.clock.now() - 72 * HOUR))
    corrupt(
        world, "UPDATE ledger_holdings SET due_at = :at WHERE due_at IS NOT NULL AND user_id = 'alice'", at=long_ago
    )
    return one(world, "SELECT payment_id FROM ledger_holdings WHERE due_at IS NOT NULL AND user_id = 'alice'")
