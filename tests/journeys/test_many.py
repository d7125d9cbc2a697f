"""Two workers at once on PostgreSQL: 2,000 subscriptions are due, and each is renewed exactly once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tests.journeys import mortal
from tests.journeys.conftest import Town, empty_database
from tests.journeys.demo import rows
from tests.journeys.mortal import renew_and_count
from tests.world import World

MANY = 2000
WITHIN = 900.0  # seconds on a busy machine; a quiet one needs a small part of it
# For each table of one customer what the copies have of their own, in terms of their number n.
COPIES = {
    "users": {"id": "'user-' || n"},
    "payment_methods": {"id": "{method}", "user_id": "'user-' || n", "method_ref": "o.method_ref || '-' || n"},
    "subscriptions": {"id": "{subscription}", "user_id": "'user-' || n", "payment_method_id": "{method}"},
    "invoices": {
        "id": "{invoice}",
        "number": "'C-' || n",
        "user_id": "'user-' || n",
        "subscription_id": "{subscription}",
    },
    "payments": {
        "id": "{payment}",
        "user_id": "'user-' || n",
        "subscription_id": "{subscription}",
        "invoice_id": "{invoice}",
        "payment_method_id": "{method}",
    },
    "periods": {"id": "{period}", "subscription_id": "{subscription}", "invoice_id": "{invoice}"},
    "outbox": {
        "seq": "nextval(pg_get_serial_sequence('outbox', 'seq'))",
        "id": "{event}",
        "user_id": "'user-' || n",
        "subscription_id": "{subscription}",
        "invoice_id": "{invoice}",
    },
}
IDS = {
    name: f"md5('{name}' || n)::uuid" for name in ("method", "subscription", "invoice", "payment", "period", "event")
}


def copy(url: str, table: str, own: dict[str, str]) -> None:
    """All columns of the one row there is, but those of their own."""
    pairs = ", ".join(f"'{column}', {value.format(**IDS)}" for column, value in own.items())
    statement = (
        f"INSERT INTO {table} SELECT own.* FROM {table} o, generate_series(2, {MANY}) n, "  # noqa: S608 - names from above
        f"LATERAL jsonb_populate_record(o, jsonb_build_object({pairs})) own"
    )
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(statement))
        connection.execute(text(f"ANALYZE {table}"))
    engine.dispose()


@pytest.fixture
def engine() -> str:
    return "postgresql"


@pytest.fixture
def crowd(make_world: Callable[..., World]) -> Iterator[World]:
    """2,000 customers whose month is over, with the sandbox's book on PostgreSQL too."""
    with empty_database() as book_url:
        world = make_world(sandbox_database_url=book_url)
        world.seed()
        world.bought("alice")
        for table, own in COPIES.items():
            copy(world.settings.database, table, own)
        world.clock.at += timedelta(days=32)
        yield world
        world.sandbox.book.close()


@pytest.mark.fault("S1")
def test_two_workers_renew_two_thousand_at_once_and_each_exactly_once(crowd: World, tmp_path: Path) -> None:
    town = Town(crowd)
    counts = [tmp_path / "first", tmp_path / "second"]

    # What is thrown away with the test need not reach the disk.
    settings = crowd.settings
    urls = {"DATABASE_URL": settings.database, "SANDBOX_DATABASE_URL": settings.sandbox_database}
    loosely = {name: f"{url}?options=-csynchronous_commit%3Doff" for name, url in urls.items()}
    workers = [town.start(renew_and_count, file, **loosely) for file in counts]

    assert [mortal.ended(worker, WITHIN) for worker in workers] == [0, 0]
    done = [int(file.read_text()) for file in counts]
    assert sum(done) == MANY
    assert min(done) > 0, "only one of the two has worked"
    taken = rows(
        crowd.settings.sandbox_database, "SELECT reference, user_id FROM sandbox_payments WHERE state = 'succeeded'"
    )
    assert len(taken) == len({one["reference"] for one in taken}) == MANY + 1
    charged = crowd.rows("SELECT subscription_id, state FROM payments WHERE kind = 'charge'")
    assert len({one["subscription_id"] for one in charged}) == len(charged) == MANY
    assert {one["state"] for one in charged} == {"succeeded"}
    assert crowd.count("periods") == 2 * MANY
    versions = crowd.rows("SELECT user_id, max(version) AS last, count(*) AS n FROM outbox GROUP BY user_id")
    assert {(one["last"], one["n"]) for one in versions} == {(2, 2)}
