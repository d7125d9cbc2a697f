"""The sandbox's own book: what it was asked, what it took, what it gave back and what it still has to tell.

Money is integer minor units beside its currency. A payment's state is the only truth about a checkout: while it is
`requires_action` the hosted page can be paid.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import JSON, BigInteger, Boolean, Column, DateTime, ForeignKey, Integer, MetaData, String, Table, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator


class Moment(TypeDecorator[datetime]):
    """An aware UTC datetime on both engines; SQLite forgets the zone, so it is given back here."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# SQLite numbers rows by itself only where the key is INTEGER.
Serial = BigInteger().with_variant(Integer, "sqlite")

book = MetaData()

payments = Table(
    "sandbox_payments",
    book,
    Column("id", String(40), primary_key=True),
    # Not unique: a key that was forgotten after its 24 hours really does charge again, as it would elsewhere.
    Column("reference", String(200), nullable=False, index=True),
    Column("amount", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("description", Text, nullable=False),
    Column("state", String(20), nullable=False),
    Column("taken", BigInteger),  # what was really taken, once it succeeded
    Column("decline_code", String(40)),
    Column("decline_class", String(20)),
    Column("user_id", String(255), nullable=False),
    Column("save_method", Boolean, nullable=False),
    Column("card", String(20)),  # which row of cards.py; the number itself is never kept
    Column("card_expires", String(7)),
    Column("method_id", String(40), ForeignKey("sandbox_methods.id")),
    Column("created_at", Moment, nullable=False),
    Column("settles_at", Moment, index=True),  # a pending one: when it ends by itself
    Column("settles_as", String(20)),
    Column("settles_taking", BigInteger),
    Column("dispute_at", Moment, index=True),  # when the cardholder will go to their bank
)

checkouts = Table(
    "sandbox_checkouts",
    book,
    Column("token", String(60), primary_key=True),  # unguessable: whoever has the address may pay
    Column("payment_id", String(40), ForeignKey("sandbox_payments.id"), nullable=False, unique=True),
    Column("reference", String(200), unique=True),  # None: a page that only authenticates a saved method
    Column("locale", String(2), nullable=False),
    Column("return_url", Text),
    Column("expires_at", Moment, index=True),
)

methods = Table(
    "sandbox_methods",
    book,
    Column("id", String(40), primary_key=True),
    Column("customer_ref", String(40), nullable=False),
    Column("user_id", String(255), nullable=False),
    Column("card", String(20), nullable=False),
    Column("brand", String(20), nullable=False),
    Column("last4", String(4), nullable=False),
    Column("expires", String(7), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("detached_at", Moment),
)

refunds = Table(
    "sandbox_refunds",
    book,
    Column("id", String(40), primary_key=True),
    Column("reference", String(200), nullable=False, index=True),
    Column("payment_id", String(40), ForeignKey("sandbox_payments.id"), nullable=False, index=True),
    Column("amount", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("state", String(20), nullable=False),
    Column("decline_code", String(40)),
    Column("decline_class", String(20)),
    Column("created_at", Moment, nullable=False),
    Column("settles_at", Moment, index=True),
    Column("settles_as", String(20)),
)

disputes = Table(
    "sandbox_disputes",
    book,
    Column("id", String(40), primary_key=True),
    Column("payment_id", String(40), ForeignKey("sandbox_payments.id"), nullable=False, unique=True),
    Column("reference", String(200), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("state", String(20), nullable=False),  # open | won | lost, as the shop sees it
    Column("opened_at", Moment, nullable=False),
)

keys = Table(
    "sandbox_keys",
    book,
    Column("key", String(200), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("claim", String(40), nullable=False),  # who is working on it
    Column("claimed_at", Moment, nullable=False),
    Column("status", Integer),  # None: still in flight
    Column("body", Text),
)

faults = Table(
    "sandbox_faults",
    book,
    Column("id", Serial, primary_key=True),
    Column("fault", String(30), nullable=False),
    Column("operation", String(20)),
    Column("reference", String(200)),
    Column("params", JSON, nullable=False),
    Column("remaining", Integer, nullable=False),
)

requests = Table(
    "sandbox_requests",
    book,
    Column("id", Serial, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("operation", String(20), nullable=False),
    Column("reference", String(200)),
    Column("key", String(200)),
    Column("faults", JSON, nullable=False),
    Column("status", Integer),  # what we answered, also where a fault kept the answer from arriving
    Column("took_effect", Boolean, nullable=False),
    Column("replayed", Boolean, nullable=False),
)

webhooks = Table(
    "sandbox_webhooks",
    book,
    Column("id", Serial, primary_key=True),
    Column("event_id", String(40), nullable=False),
    Column("type", String(40), nullable=False),
    Column("reference", String(200)),
    Column("body", Text, nullable=False),
    Column("due_at", Moment, index=True),  # None: nothing more will be sent
    Column("place", Integer, nullable=False),  # the order among those due at one moment
    Column("held", Boolean, nullable=False),  # waits until another one was queued
    Column("forged", Boolean, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("delivered_at", Moment),
    Column("last_status", Integer),
)
