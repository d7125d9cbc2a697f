"""An outbox on each engine, and names at the broker that no other test has."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import MetaData, RowMapping, Table, create_engine, insert, make_url, select, text

from portal.clock import Clock
from portal.db import engines
from portal.db.session import atomic, db, end_reads
from portal.models.messages import OutboxRow
from portal.outbox.rabbit import connect
from portal.outbox.topology import Topology
from tests.outbox.names import AMQP_URL, names_of_our_own

AT = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
POSTGRESQL = os.environ.get("TEST_DATABASE_URL") or "postgresql://postgres@127.0.0.1:5432/postgres"


class StillClock(Clock):
    def now(self) -> datetime:
        return AT


@pytest.fixture(params=["sqlite", "postgresql"])
def outbox_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'portal.db'}"
        return
    name = f"outbox_{uuid.uuid4().hex}"
    server = create_engine(POSTGRESQL, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        yield make_url(POSTGRESQL).set(database=name).render_as_string(hide_password=False)
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


@pytest.fixture
def outbox_app(outbox_url: str) -> Iterator[Flask]:
    app = Flask("outbox")
    app.config.update(SQLALCHEMY_DATABASE_URI=outbox_url, SQLALCHEMY_ENGINE_OPTIONS=engines.options(outbox_url))
    db.init_app(app)
    with app.app_context():
        engines.prepare(db.engine)
        table_alone(OutboxRow.__table__).create(db.engine)
        yield app
        db.session.remove()
        db.engine.dispose()


def table_alone(table: Any) -> Table:
    """The same table, with nothing it refers to: the relay looks at no other."""
    alone: Table = table.to_metadata(MetaData())
    for constraint in alone.foreign_key_constraints:
        alone.constraints.remove(constraint)
    return alone


class Outbox:
    """Rows as `append` writes them, without the change that would cause them."""

    def write(self, user_id: str, version: int, kind: str = "subscription.changed", **values: Any) -> uuid.UUID:
        event_id = uuid.uuid4()
        with atomic() as session:
            row = {
                "id": event_id,
                "user_id": user_id,
                "version": version,
                "type": kind,
                "subscription_id": uuid.uuid4(),
                "body": event(event_id, user_id, version, kind),
                "created_at": AT,
                "attempts": 0,
            }
            session.execute(insert(OutboxRow).values(**{**row, **values}))
        return event_id

    def row(self, event_id: uuid.UUID) -> RowMapping:
        found = db.session.execute(select(OutboxRow.__table__).where(OutboxRow.id == event_id)).mappings().one()
        end_reads()
        return found

    def unpublished(self) -> int:
        count = len(db.session.execute(select(OutboxRow.seq).where(OutboxRow.published_at.is_(None))).all())
        end_reads()
        return count


@pytest.fixture
def outbox(outbox_app: Flask) -> Outbox:
    return Outbox()


def event(event_id: uuid.UUID, user_id: str, version: int, kind: str = "subscription.changed") -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": str(event_id),
        "source": "http://portal.example",
        "type": kind,
        "time": "2026-11-22T10:00:00.000Z",
        "subject": user_id,
        "datacontenttype": "application/json",
        "data": {
            "user_id": user_id,
            "version": version,
            "tokens_from_version": version,
            "revoke_before": None,
            "subscription_id": str(uuid.uuid4()),
            "reason": "test",
            "invoice_guid": None,
            "subscriptions": [
                {
                    "subscription_id": str(uuid.uuid4()),
                    "plan": "standard",
                    "features": ["library", f"of-version-{version}"],
                    "from": "2026-11-22T10:00:00Z",
                    "until": "2026-12-29T10:00:00Z",
                    "auto_renew": True,
                    "status": "active",
                }
            ],
        },
    }


@pytest.fixture
def topology() -> Iterator[Topology]:
    with names_of_our_own() as topology:
        yield topology


Taken = list[tuple[Any, bytes]]


@pytest.fixture
def take() -> Iterator[Callable[[str], Taken]]:
    """All that lies in a queue now, as (properties, body); taken out of it."""
    connection = connect(AMQP_URL, "tests")

    def all_of(queue: str) -> Taken:
        channel = connection.channel()
        taken: Taken = []
        while (got := channel.basic_get(queue, auto_ack=True))[0] is not None:
            taken.append((got[1], got[2]))
        channel.close()
        return taken

    yield all_of
    connection.close()
