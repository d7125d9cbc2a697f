"""The demo Auth's rows, on an engine of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, case, create_engine, delete, event, insert, make_url, select, update
from sqlalchemy.dialects import postgresql, sqlite

from portal import failpoints
from portal.demo.auth.people import DemoPerson
from portal.demo.auth.tables import deliveries, metadata, refresh_tokens, users
from portal.demo.wal import switch_to_wal

APPLIED = "applied"
OLDER = "older"
BUSY_SECONDS = 30
# Processes that start together must not find the tables missing at the same moment.
ALONE = {"sqlite": "BEGIN IMMEDIATE", "postgresql": "SELECT pg_advisory_xact_lock(7305114)"}


@dataclass(frozen=True)
class Account:
    id: str
    name: str
    email: str | None
    locale: str | None
    zone: str | None
    roles: list[str]
    version: int
    tokens_from_version: int
    entitlements: list[dict[str, Any]]  # {plan, features, until}, `until` as RFC 3339 in UTC
    listed: bool = False  # on the sign-in page among the first


COLUMNS = [users.c[field.name] for field in fields(Account)]


class Store:
    def __init__(self, url: str, people: Iterable[DemoPerson]) -> None:
        self._engine = _engine(url)
        with self._engine.begin() as connection:
            connection.exec_driver_sql(ALONE[connection.dialect.name])
            metadata.create_all(connection)
            if present := [_blank(person) for person in people]:
                _insert_people(connection, present)

    def find(self, user_id: str) -> Account | None:
        with self._engine.connect() as connection:
            row = connection.execute(select(*COLUMNS).where(users.c.id == user_id)).mappings().one_or_none()
        return None if row is None else Account(**row)

    def listed(self, limit: int = 100) -> list[Account]:
        """The people of the sign-in page: those whom every demo has, then its cast and whoever else came."""
        order = (users.c.listed.desc(), users.c.id)
        with self._engine.connect() as connection:
            found = connection.execute(select(*COLUMNS).order_by(*order).limit(limit)).mappings()
            return [Account(**row) for row in found]

    def keep_refresh(self, token: str, user_id: str, expires_at: datetime) -> None:
        with self._engine.begin() as connection:
            connection.execute(
                insert(refresh_tokens).values(
                    digest=_digest(token), user_id=user_id, expires_at=int(expires_at.timestamp())
                )
            )

    def owner_of_refresh(self, token: str, now: datetime) -> Account | None:
        owner = (
            select(*COLUMNS)
            .join(refresh_tokens, refresh_tokens.c.user_id == users.c.id)
            .where(refresh_tokens.c.digest == _digest(token), refresh_tokens.c.expires_at > now.timestamp())
        )
        with self._engine.connect() as connection:
            row = connection.execute(owner).mappings().one_or_none()
        return None if row is None else Account(**row)

    def forget_refresh(self, token: str) -> None:
        with self._engine.begin() as connection:
            connection.execute(delete(refresh_tokens).where(refresh_tokens.c.digest == _digest(token)))

    def apply(
        self,
        *,
        event_id: str,
        user_id: str,
        version: int,
        tokens_from_version: int,
        entitlements: list[dict[str, Any]],
        at: datetime,
    ) -> str:
        """Rights and the withdrawal of tokens change in one statement, and only forwards. Answers applied or older."""
        newer = (
            update(users)
            .where(users.c.id == user_id, users.c.version < version)
            .values(
                version=version,
                entitlements=entitlements,
                tokens_from_version=case(
                    (users.c.tokens_from_version > tokens_from_version, users.c.tokens_from_version),
                    else_=tokens_from_version,
                ),
            )
        )
        with self._engine.begin() as connection:
            # Whoever bought something had a token, so that there was a person, seen by this Auth or not.
            _insert_people(connection, [{"id": user_id, "name": user_id, "roles": [], "listed": False}])
            result = APPLIED if connection.execute(newer).rowcount else OLDER
            failpoints.reached("consumer.written")
            connection.execute(
                insert(deliveries).values(
                    event_id=event_id, user_id=user_id, version=version, result=result, at=int(at.timestamp())
                )
            )
        return result

    def deliveries(self, user_id: str) -> list[tuple[str, int, str]]:
        """(event id, version, result) of all that was delivered about a user, oldest first."""
        columns = (deliveries.c.event_id, deliveries.c.version, deliveries.c.result)
        query = select(*columns).where(deliveries.c.user_id == user_id).order_by(deliveries.c.seq)
        with self._engine.connect() as connection:
            return [(row.event_id, row.version, row.result) for row in connection.execute(query)]

    def close(self) -> None:
        self._engine.dispose()


def _blank(person: DemoPerson) -> dict[str, Any]:
    return {
        "id": person.login,
        "name": person.name,
        "email": person.email,
        "locale": person.locale,
        "zone": person.zone,
        "roles": list(person.roles),
        "listed": person.listed,
    }


def _insert_people(connection: Connection, people: Sequence[dict[str, Any]]) -> None:
    """Who is there already stays as they are."""
    blank = {"version": 0, "tokens_from_version": 0, "entitlements": []}
    module = postgresql if connection.dialect.name == "postgresql" else sqlite
    connection.execute(module.insert(users).on_conflict_do_nothing(), [{**blank, **values} for values in people])


def _engine(url: str) -> Engine:
    """Every transaction of this store begins with a write or only reads, so that SQLite's own BEGIN is enough."""
    if make_url(url).get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True)
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    """Readers and a writer at the same time, and references that hold."""
    switch_to_wal(connection, BUSY_SECONDS)
    for pragma in ("synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
