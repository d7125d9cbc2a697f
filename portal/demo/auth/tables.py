"""What the demo Auth remembers."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKey, Integer, MetaData, String, Table

metadata = MetaData()
# SQLite numbers rows by itself only where the key is INTEGER.
Serial = BigInteger().with_variant(Integer, "sqlite")

users = Table(
    "auth_users",
    metadata,
    Column("id", String(255), primary_key=True),  # the login, and the subject of the tokens
    Column("name", String(255), nullable=False),
    Column("email", String(320)),
    Column("locale", String(8)),
    Column("zone", String(64)),
    Column("roles", JSON, nullable=False),
    Column("listed", Boolean, nullable=False),  # on the sign-in page among the first
    Column("version", Integer, nullable=False),  # of the last event applied
    Column("tokens_from_version", Integer, nullable=False),  # tokens formed from an older one are refused
    Column("entitlements", JSON, nullable=False),  # [{plan, features, until}]
)

refresh_tokens = Table(
    "auth_refresh_tokens",
    metadata,
    Column("digest", String(64), primary_key=True),  # SHA-256; the token itself is never kept
    Column("user_id", String(255), ForeignKey("auth_users.id"), nullable=False),
    Column("expires_at", BigInteger, nullable=False),  # seconds since 1970
)

# Every event that was delivered and what became of it: repeats are there more than once.
deliveries = Table(
    "auth_deliveries",
    metadata,
    Column("seq", Serial, primary_key=True),
    Column("event_id", String(255), nullable=False),
    Column("user_id", String(255), nullable=False, index=True),
    Column("version", Integer, nullable=False),
    Column("result", String(8), nullable=False),  # applied | older
    Column("at", BigInteger, nullable=False),  # seconds since 1970
)
