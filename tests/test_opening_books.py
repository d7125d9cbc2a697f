"""An installation that has customers already: migration 0003 opens the books with what is there, and time earns on."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from flask_migrate import upgrade
from sqlalchemy import insert

from portal.app import create_app
from portal.db import rows
from portal.db.session import atomic, db
from portal.services import ledger
from tests.conftest import settings_for
from tests.domain import samples
from tests.domain.samples import INVOICE_ID, NOW
from tests.services.books import balances, books_agree_with_the_rows, holdings_agree_with_the_postings
from tests.test_migrations import Empty
from tests.test_migrations import empty as empty
from tests.world import World

HALF = samples.SUM.minor // 2
OTHERS = [type(INVOICE_ID)(int=n) for n in (101, 102, 103)]
KEPT, UNPAID, TWICE = OTHERS
BEFORE = (
    samples.plan(),
    samples.price(),
    samples.user(),
    samples.running(),
    samples.invoice("paid"),
    samples.payment("succeeded", refunded_minor=HALF, succeeded_at=NOW),
    samples.payment("duplicate", id=TWICE, succeeded_at=NOW),
    samples.period(),
    samples.invoice("paid", id=KEPT, number="M-2027-000002", due_at=NOW),
    samples.payment("succeeded", id=KEPT, invoice_id=KEPT, refunded_minor=HALF, succeeded_at=NOW),
    samples.period(id=KEPT, invoice_id=KEPT, revoked_at=NOW),
    samples.invoice(id=UNPAID, number="M-2027-000003", due_at=NOW + timedelta(days=1)),
)


def columns(table: str) -> set[str]:
    with db.engine.connect() as connection:
        return {column["name"] for column in db.inspect(connection).get_columns(table)}


def fill() -> None:
    """Rows as they were before there were books: without the columns that came later."""
    for row in BEFORE:
        table = rows.table_of(type(row))
        known = columns(table.name)
        values = {name: value for name, value in rows.values_of(row).items() if name in known}
        values["payment_method_id"] = None
        with atomic():
            db.session.execute(insert(table).values({name: values[name] for name in values if name in known}))


def test_it_opens_with_what_is_there_and_time_earns_on(empty: Empty, tmp_path: Path, secrets_template: Path) -> None:
    app = create_app(settings_for(empty.folder, empty.url))
    with app.app_context():
        upgrade(revision="0002")
        fill()
        upgrade()
        db.session.remove()
        db.engine.dispose()
    world = World(settings_for(tmp_path, empty.url))
    try:
        assert balances(world) == {
            ("clearing:sandbox", "RUB"): 2 * HALF + samples.SUM.minor,
            ("deferred", "RUB"): -HALF,
            ("revenue", "RUB"): -HALF,
            ("owed", "RUB"): -samples.SUM.minor,
            ("receivable", "RUB"): samples.SUM.minor,
            ("invoiced", "RUB"): -samples.SUM.minor,
        }
        world.clock.at = samples.period().end + timedelta(days=31)
        with world.app.app_context():
            assert ledger.run_once() == 1
            db.session.remove()
        assert balances(world)["revenue", "RUB"] == -2 * HALF
        assert books_agree_with_the_rows(world) == []
        assert holdings_agree_with_the_postings(world) == []
    finally:
        world.close()
