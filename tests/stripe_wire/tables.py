"""What Stripe has and the sandbox's book has not: customers, sessions, intents. Their tries are the book's payments."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, MetaData, String, Table, Text

from portal.demo.sandbox.tables import Moment, Serial

wire = MetaData()

customers = Table(
    "stripe_customers",
    wire,
    Column("id", String(40), primary_key=True),
    Column("metadata", JSON, nullable=False),
    Column("created_at", Moment, nullable=False),
)

intents = Table(
    "stripe_intents",
    wire,
    Column("seq", Serial, primary_key=True),
    Column("id", String(40), nullable=False, unique=True),
    Column("customer", String(40), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("description", Text, nullable=False),
    Column("metadata", JSON, nullable=False),
    Column("setup_future_usage", String(20)),
    Column("payment_id", String(40), nullable=False),  # the newest try
    Column("method_id", String(40)),  # it was tried with, where it is saved
    Column("return_url", Text),
    Column("asking", Boolean, nullable=False),  # there is a page on which the bank asks its customer
    Column("canceled", Boolean, nullable=False),
    Column("created_at", Moment, nullable=False),
)

sessions = Table(
    "stripe_sessions",
    wire,
    Column("seq", Serial, primary_key=True),
    Column("id", String(80), nullable=False, unique=True),
    Column("customer", String(40), nullable=False),
    Column("mode", String(10), nullable=False),
    Column("client_reference_id", String(200)),
    Column("metadata", JSON, nullable=False),
    Column("inner", JSON, nullable=False),  # payment_intent_data or setup_intent_data
    Column("amount", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("description", Text, nullable=False),
    Column("locale", String(10), nullable=False),
    Column("success_url", Text, nullable=False),
    Column("payment_id", String(40), nullable=False),  # the newest try
    Column("intent_id", String(40)),  # there is one once a card was tried
    Column("expires_at", Moment, nullable=False),
    Column("created_at", Moment, nullable=False),
)

tries = Table(
    "stripe_tries",
    wire,
    Column("payment_id", String(40), primary_key=True),
    Column("session_id", String(80)),
    Column("intent_id", String(40)),
    Column("metadata", JSON, nullable=False),  # of its intent when it began: a charge keeps it
)
