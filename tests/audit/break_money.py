"""Hands in the database that let money come, go or be asked for as it never could."""

from __future__ import annotations

import json

from portal.audit.violation import Limits
from tests.audit.broken import (
    HOUR,
    INVOICE,
    PAID,
    PAIR,
    breaks,
    drop_quietly,
    json_of,
    new,
    one,
    opened,
    stored,
    tell,
)
from tests.audit.corrupting import copy, corrupt, drop
from tests.services.promise import moment_of, uuid_of
from tests.world import World


@breaks("An invoice has two open payments.")
def two_open_payments(world: World) -> str:
    drop(world, "uq_payments_one_open")
    for _ in range(2):
        opened(world, world.clock.now() + HOUR)
    return one(world, f"SELECT {INVOICE.format('alice')} AS id")


@breaks("The sums on a payment's row are not those of its refunds and disputes.")
def reserved_for_nothing(world: World) -> str:
    corrupt(world, "UPDATE payments SET reserved_minor = 1 WHERE user_id = 'alice' AND kind = 'checkout'")
    return one(world, "SELECT id FROM payments WHERE user_id = 'alice' AND kind = 'checkout'")


@breaks("A paid invoice gave neither time nor a better plan.")
def paid_for_nothing(world: World) -> str:
    guid = new()
    bought = "user_id = 'alice' AND reason = 'purchase'"
    now = stored(world, world.clock.now())
    copy(world, "invoices", bought, id=guid, number="M-1", total_minor=0, due_at=now)
    tell(world, "invoice", guid, ("created", None, "paid"))
    return str(uuid_of(guid))


@breaks("An invoice is paid, and no payment of its sum succeeded.")
def another_sum(world: World) -> str:
    corrupt(world, "UPDATE invoices SET total_minor = total_minor + 1 WHERE user_id = 'alice' AND reason = 'purchase'")
    return one(world, "SELECT id FROM invoices WHERE user_id = 'alice' AND reason = 'purchase'")


@breaks("What the ledger says of an invoice and its payments is not what the rows say.")
def earned_more(world: World) -> str:
    paid = "(SELECT payment_id FROM ledger_holdings WHERE user_id = 'alice' AND due_at IS NOT NULL)"
    corrupt(world, f"UPDATE ledger_holdings SET earned_minor = earned_minor + 1 WHERE payment_id = {paid}")  # noqa: S608
    return one(world, f"SELECT invoice_id FROM payments WHERE id = {paid}")  # noqa: S608


@breaks("What the ledger says of an invoice and its payments is not what the rows say.")
def posted_elsewhere(world: World) -> str:
    corrupt(world, "UPDATE ledger_postings SET credit = 'owed' WHERE event = 'revenue_deferred' AND user_id = 'boris'")
    return one(world, "SELECT id FROM invoices WHERE user_id = 'boris'")


@breaks("What the ledger says of an invoice and its payments is not what the rows say.", told_as="I10")
def lies_elsewhere(world: World) -> str:
    corrupt(
        world,
        "UPDATE ledger_postings SET debit = 'clearing:other' WHERE debit LIKE 'clearing:%' AND user_id = 'boris'",
    )
    return one(world, "SELECT id FROM invoices WHERE user_id = 'boris'")


@breaks("A payment was sent before it was written down.")
def sent_too_early(world: World) -> str:
    before = stored(
        world, moment_of(world.one("SELECT created_at FROM payments WHERE user_id = 'boris'")["created_at"]) - HOUR
    )
    corrupt(world, "UPDATE payments SET sent_at = :at WHERE user_id = 'boris'", at=before)
    return one(world, "SELECT id FROM payments WHERE user_id = 'boris'")


@breaks("A payment was sent again more than 20 hours after it was first sent.")
def sent_again_too_late(world: World) -> str:
    """As `sent` from `unknown`, a day after the first time."""
    guid = one(world, "SELECT id FROM payments WHERE user_id = 'boris'")
    first = world.one("SELECT seq, at FROM history WHERE kind = 'payment' AND event = 'sent' AND user_id = 'boris'")
    corrupt(world, "UPDATE history SET seq = seq + 100000 WHERE seq > :seq", seq=first["seq"])
    late = stored(world, moment_of(first["at"]) + 21 * HOUR)
    copy(world, "history", f"seq = {first['seq']}", seq=first["seq"] + 1, at=late, from_state="unknown")
    return guid


@breaks("A charge was given up as never made less than 44 hours after it was sent, when it could still arrive.")
def given_up_too_early(world: World) -> str:
    """Alice's charge was not found at the first question, given up, and came all the same."""
    return _given_up(world, "not_created")


@breaks("A charge that was taken for not made succeeded after all: until then it could be made once more.")
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
    given_up = json.dumps(json_of(sent["facts"]) | {"decline_kind": "gateway", "decline_code": code})
    failed = {"event": "failed", "from_state": sent["to_state"], "to_state": "failed", "facts": given_up}
    copy(world, "history", f"seq = {sent['seq']}", seq=sent["seq"] + 1, **failed)
    return guid


@breaks(
    "More scheduled charges of a subscription reached the bank within 24 hours than the bound allows.",
    given={"limits": Limits(charges_per_day=1)},
)
def charged_too_often(world: World) -> str:
    charges = world.rows("SELECT id, sent_at FROM payments WHERE user_id = 'alice' AND kind = 'charge' ORDER BY id")
    soon = stored(world, moment_of(charges[0]["sent_at"]) + HOUR)
    corrupt(world, "UPDATE payments SET sent_at = :at, created_at = :at WHERE id = :id", at=soon, id=charges[1]["id"])
    return str(uuid_of(charges[1]["id"]))


@breaks("An invoice has two succeeded payments.", also={"I9"})
def paid_twice(world: World) -> str:
    guid = new()
    drop_quietly(world, "uq_payments_one_succeeded")
    copy(world, "payments", "user_id = 'alice' AND kind = 'checkout'", id=guid, provider_ref="again")
    tell(world, "payment", guid, *PAID)
    return one(world, f"SELECT {INVOICE.format('alice')} AS id")


@breaks("More is given back, reserved or disputed than was paid.", also={"I9"})
def given_back_twice(world: World) -> str:
    drop(world, "ck_payments_refundable")
    corrupt(
        world, "UPDATE payments SET refunded_minor = amount_minor + 1 WHERE user_id = 'alice' AND kind = 'checkout'"
    )
    return one(world, "SELECT id FROM payments WHERE user_id = 'alice' AND kind = 'checkout'")


@breaks("A refund is of nothing, in another currency, or of a payment that did not succeed.")
def of_another_currency(world: World) -> str:
    corrupt(world, "UPDATE refunds SET currency = 'EUR'")
    return one(world, "SELECT id FROM refunds")


@breaks("Money is kept for an invoice that it did not pay.", also={"I9"})
def kept_a_second_time(world: World) -> str:
    """Two payments of one invoice came; the second is known for what it is, and nobody sends it back."""
    guid = new()
    second = {"id": guid, "provider_ref": "again", "state": "duplicate"}
    copy(world, "payments", "user_id = 'alice' AND kind = 'checkout'", **second)
    tell(world, "payment", guid, *PAID[:2], ("succeeded_again", "unknown", "duplicate"))
    return str(uuid_of(guid))


@breaks("A posting is of nothing, or from an account to itself.")
def posted_in_a_circle(world: World) -> str:
    drop(world, "ck_ledger_postings_accounts")
    seq = world.one("SELECT max(seq) + 1 AS seq FROM ledger_postings")["seq"]
    credit = world.one("SELECT credit FROM ledger_postings WHERE user_id = 'boris' ORDER BY seq LIMIT 1")["credit"]
    copy(world, "ledger_postings", "user_id = 'boris'", seq=seq, debit=credit)
    return str(seq)


@breaks("A refund was sent before it was written down.")
def given_back_too_early(world: World) -> str:
    at = moment_of(world.one("SELECT created_at FROM refunds")["created_at"]) - HOUR
    corrupt(world, "UPDATE refunds SET sent_at = :at", at=stored(world, at))
    return one(world, "SELECT id FROM refunds")


@breaks("Two payments that succeeded are one object at the payment system.")
def two_of_one_reference(world: World) -> str:
    alices = "(SELECT provider_ref FROM payments WHERE user_id = 'alice' AND kind = 'checkout')"
    corrupt(world, f"UPDATE payments SET provider_ref = {alices} WHERE user_id = 'boris'")  # noqa: S608
    both = [one(world, f"SELECT id FROM payments WHERE user_id = '{who}' AND kind = 'checkout'") for who in PAIR]  # noqa: S608
    return min(both)


@breaks("A refund was sent again more than 20 hours after it was first sent.")
def given_back_again_too_late(world: World) -> str:
    """The refund was sent, and sent once more a day later."""
    first = world.one("SELECT seq, at, to_state FROM history WHERE kind = 'refund' AND event = 'sent'")
    corrupt(world, "UPDATE history SET seq = seq + 100000 WHERE seq > :seq", seq=first["seq"])
    late = stored(world, moment_of(first["at"]) + 21 * HOUR)
    copy(world, "history", f"seq = {first['seq']}", seq=first["seq"] + 1, at=late, from_state=first["to_state"])
    return one(world, "SELECT id FROM refunds")
