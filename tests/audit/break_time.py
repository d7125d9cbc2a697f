"""Hands in the database that give time, take it, or let it overlap."""

from __future__ import annotations

import json
from uuid import UUID

from tests.audit.broken import (
    ALICES,
    HOUR,
    INVOICE,
    PAIR,
    as_json,
    breaks,
    drop_quietly,
    json_of,
    new,
    one,
    put,
    stored,
    tell,
)
from tests.audit.corrupting import copy, corrupt, drop
from tests.services.promise import moment_of, uuid_of
from tests.world import World


@breaks("A period was granted by an act that the activity log does not know.")
def granted_by_nobody(world: World) -> str:
    act = "DELETE FROM activity WHERE act = 'subscription.grant'"
    corrupt(world, act, "UPDATE history SET actor = 'worker' WHERE event = 'granted'")
    return one(world, "SELECT id FROM periods WHERE act_id IS NOT NULL")


@breaks("A period was given at a moment at which its subscription's history gives no time.")
def given_by_no_step(world: World) -> str:
    """The days that were granted, an hour after the operator's act."""
    at = moment_of(world.one("SELECT created_at FROM periods WHERE act_id IS NOT NULL")["created_at"]) + HOUR
    corrupt(world, "UPDATE periods SET created_at = :at WHERE act_id IS NOT NULL", at=stored(world, at))
    return one(world, "SELECT id FROM periods WHERE act_id IS NOT NULL")


@breaks("A period has more or fewer intervals than its invoice was for.")
def more_intervals(world: World) -> str:
    corrupt(world, "UPDATE invoices SET \"count\" = 2 WHERE user_id = 'alice' AND reason = 'purchase'")
    return one(world, "SELECT id FROM invoices WHERE user_id = 'alice' AND reason = 'purchase'")


@breaks("Two invoices that have not failed are for one due moment.")
def one_due_moment_twice(world: World) -> str:
    same = f"(SELECT min(due_at) FROM invoices WHERE subscription_id = {ALICES} AND reason = 'renewal')"  # noqa: S608
    corrupt(
        world,
        f"UPDATE invoices SET due_at = {same} WHERE subscription_id = {ALICES} AND reason = 'renewal'",  # noqa: S608
        without="uq_invoices_one_per_due_moment",
    )
    return one(world, f"SELECT {ALICES} AS id")


@breaks("Two periods of one subscription overlap.")
def overlapping(world: World) -> str:
    """The days that were granted begin before the paid ones end."""
    start = moment_of(world.one("SELECT start FROM periods WHERE act_id IS NOT NULL")["start"]) - HOUR
    corrupt(
        world,
        "UPDATE periods SET start = :start WHERE act_id IS NOT NULL",
        without="periods.ex_periods_overlap",
        start=stored(world, start),
    )
    return one(world, "SELECT id FROM periods WHERE act_id IS NOT NULL")


LAST = f"(SELECT max(start) FROM periods WHERE subscription_id = {ALICES})"  # noqa: S608


@breaks("A period is not where its anchor, its plan and its zone put it.")
def an_hour_longer(world: World) -> str:
    end = world.one(f'SELECT "end" FROM periods WHERE start = {LAST}')["end"]  # noqa: S608
    corrupt(world, f'UPDATE periods SET "end" = :end WHERE start = {LAST}', end=stored(world, moment_of(end) + HOUR))  # noqa: S608
    return one(world, f"SELECT id FROM periods WHERE start = {LAST}")  # noqa: S608


@breaks("A period is not where its anchor, its plan and its zone put it.")
def another_anchor(world: World) -> str:
    """Reckoned from the period before, as if it were the first."""
    row = world.rows("SELECT seq, at, facts FROM history WHERE event = 'renewed' ORDER BY seq LIMIT 1")[0]
    start = world.one("SELECT start FROM periods WHERE created_at = :at", at=row["at"])["start"]
    facts = json.dumps(json_of(row["facts"]) | {"anchor": moment_of(start).isoformat(), "steps": 1})
    update = f"UPDATE history SET facts = {as_json(world)} WHERE seq = :seq"  # noqa: S608
    corrupt(world, update, facts=facts, seq=row["seq"])
    return one(world, f"SELECT {ALICES} AS id")


@breaks("A period hangs on an invoice that is not paid, or not of the same subscription.")
def on_anothers_invoice(world: World) -> str:
    """Alice's first period and Boris's have changed places."""
    drop(world, "ck_periods_paid_or_granted")
    mine, other = (one(world, f"SELECT id FROM periods WHERE invoice_id = {INVOICE.format(who)}") for who in PAIR)  # noqa: S608
    hang = "UPDATE periods SET invoice_id = {} WHERE replace(CAST(id AS text), '-', '') = '{}'"
    periods = [(mine, "NULL"), (other, INVOICE.format("alice")), (mine, INVOICE.format("boris"))]
    corrupt(world, *(hang.format(invoice, UUID(period).hex) for period, invoice in periods))
    return mine


@breaks("A period has no source, or two.")
def of_two_sources(world: World) -> str:
    drop(world, "ck_periods_paid_or_granted")
    corrupt(world, f"UPDATE periods SET act_id = :act WHERE invoice_id = {INVOICE.format('alice')}", act=new())  # noqa: S608
    return one(world, f"SELECT id FROM periods WHERE invoice_id = {INVOICE.format('alice')}")  # noqa: S608


@breaks("What was paid to make running time better gave a period of its own.")
def made_better_and_longer(world: World) -> str:
    """A quote for a better plan within the running time, paid by what bought time."""
    paid = world.one(f"SELECT * FROM invoices WHERE id = {INVOICE.format('alice')}")  # noqa: S608
    now = stored(world, world.clock.now())
    quoted: dict[str, object] = dict.fromkeys(("gross_minor", "credit_minor", "waived_minor"), 0)
    quoted |= dict.fromkeys(("until", "then_at", "created_at", "expires_at", "used_at"), now)
    quoted |= {"id": new(), "fingerprint": "", "moment": "now", "anew": False, "left": "", "carried": "{}"}
    quoted |= {f"{of}{name}_id": paid[f"{name}_id"] for of in ("", "from_") for name in ("plan", "price")}
    quoted |= {name: paid[name] for name in ("user_id", "subscription_id", "currency")} | {"invoice_id": paid["id"]}
    put(world, "change_quotes", quoted)
    return one(world, f"SELECT id FROM periods WHERE invoice_id = {INVOICE.format('alice')}")  # noqa: S608


@breaks("A user has two subscriptions in one group that are not over.")
def two_of_one_group(world: World) -> str:
    """Alice has ordered once more."""
    guid, now = new(), stored(world, world.clock.now())
    drop_quietly(world, "uq_subscriptions_one_per_group")
    ordered = {"state": "pending", "created_at": now, "next_action_at": None, "paid_through": None, "anchor": None}
    copy(world, "subscriptions", "user_id = 'alice'", id=guid, **ordered)
    tell(world, "subscription", guid, ("created", None, "pending"))
    corrupt(world, "UPDATE history SET at = :now, subscription_id = :id WHERE subject_id = :id", now=now, id=guid)
    return "alice"


@breaks("One invoice gave two periods.", also={"I7"}, on="postgresql")
def two_periods_of_one_invoice(world: World) -> str:
    corrupt(
        world,
        f"UPDATE periods SET invoice_id = {INVOICE.format('alice')} WHERE start = {LAST}",  # noqa: S608
        without="periods.uq_periods_invoice_id",
    )
    return one(world, f"SELECT {INVOICE.format('alice')} AS id")


@breaks("One act of an operator gave two periods.", on="postgresql")
def two_periods_of_one_act(world: World) -> str:
    drop(world, "uq_periods_act_id")
    given = world.one("SELECT act_id FROM periods WHERE act_id IS NOT NULL")["act_id"]
    copy(world, "periods", "act_id IS NOT NULL", id=new(), revoked_at=stored(world, world.clock.now()))
    return str(uuid_of(given))
