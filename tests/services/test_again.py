"""Once more: events that are published again, webhooks that are applied again, and what a webhook was about."""

from __future__ import annotations

from typing import Any

import pytest

from portal.domain.errors import AlreadyDone, NotFound
from portal.services import refund
from portal.services.again import process_again, send_again
from portal.services.job_runs import record
from tests.services.desk import entries, entry, press, refused
from tests.services.month import ALICE, DAY, do, save_card, subscribed, told
from tests.services.promise import assert_kept, uuid_of
from tests.world import World


def last(world: World, table: str) -> dict[str, Any]:
    return world.rows(f"SELECT * FROM {table} ORDER BY seq DESC LIMIT 1")[0]  # noqa: S608 - a test's own words


def test_an_event_is_sent_once_more_with_the_same_id_and_body(world: World) -> None:
    subscribed(world)
    first, before = world.auth.sent[-1], last(world, "outbox")
    do(world, send_again, press(), before["seq"])
    assert last(world, "outbox")["published_at"] is None
    world.clock.at += DAY
    world.drain()
    again = world.auth.sent[-1]
    assert (again.id, again.body, len(world.auth.sent)) == (first.id, first.body, 2)
    assert last(world, "outbox")["published_at"] != before["published_at"]
    assert told(world) == ["activated"]
    assert_kept(world)


def test_the_log_says_which_event_and_whose(world: World) -> None:
    subscribed(world)
    seq = last(world, "outbox")["seq"]
    do(world, send_again, press(), seq)
    said = entry(world)
    assert (said["act"], said["kind"], said["subject_id"], said["user_id"]) == (
        "event.replay",
        "event",
        str(seq),
        "alice",
    )
    assert (said["before"]["published_at"] is None, said["after"]["published_at"]) == (False, None)


def test_a_webhook_is_applied_once_more_and_changes_nothing_twice(world: World) -> None:
    subscribed(world)
    before, row = world.counts(), last(world, "inbox")
    world.write("UPDATE inbox SET state = 'dead', attempts = 50 WHERE seq = :seq", seq=row["seq"])
    do(world, process_again, press(), row["seq"])
    waiting = last(world, "inbox")
    assert (waiting["state"], waiting["attempts"], waiting["processed_at"]) == ("received", 0, None)
    world.drain()
    done = last(world, "inbox")
    assert (done["state"], done["attempts"], world.counts()) == ("processed", 1, before)
    said = entry(world)
    assert (said["act"], said["kind"], said["user_id"]) == ("webhook.again", "webhook", "alice")
    assert (said["before"]["state"], said["after"]["state"]) == ("dead", "received")
    assert_kept(world)


@pytest.mark.parametrize(("service", "table"), [(send_again, "outbox"), (process_again, "inbox")])
def test_asking_twice_is_no_error_unless_it_is_the_same_form(world: World, service: Any, table: str) -> None:
    subscribed(world)
    seq, form = last(world, table)["seq"], press()
    do(world, service, form, seq)
    do(world, service, press(), seq)
    assert type(refused(world, service, form, seq)) is AlreadyDone
    assert type(refused(world, service, press(), 10**6)) is NotFound
    assert len(entries(world)) == 2
    world.drain()
    assert_kept(world)


def test_a_webhook_that_was_applied_says_what_of_ours_it_was_about(world: World) -> None:
    invoice = subscribed(world)
    save_card(world)
    (offer, *_) = do(world, refund.offers_of, ALICE, invoice)
    do(world, refund.request, ALICE, invoice, offer.amount, None)
    world.drain()
    found = world.rows("SELECT DISTINCT kind_of_subject, subject_id, user_id FROM inbox WHERE state = 'processed'")
    about = {row["kind_of_subject"]: uuid_of(row["subject_id"]) for row in found}
    tables = {"payment": "payments", "refund": "refunds", "setup": "method_setups"}
    assert about == {
        kind: uuid_of(world.one(f"SELECT id FROM {table}")["id"])  # noqa: S608 - names from the line above
        for kind, table in tables.items()
    }
    assert {row["user_id"] for row in found} == {"alice"}


def test_a_jobs_last_run_is_kept_with_what_it_did(world: World) -> None:
    assert do(world, record, "renew", lambda: 3) == 3
    began = world.clock.now()

    def slow() -> int:
        (now,) = world.rows("SELECT * FROM job_runs")
        assert (now["finished_at"], now["done"]) == (None, 0)
        world.clock.at += DAY
        return 5

    assert do(world, record, "renew", slow) == 5
    run = world.one("SELECT * FROM job_runs")
    assert (run["job"], run["done"], run["error"]) == ("renew", 5, None)
    assert str(run["started_at"])[:10] == f"{began:%Y-%m-%d}"
    assert str(run["finished_at"])[:10] == f"{began + DAY:%Y-%m-%d}"


def test_a_job_that_breaks_says_why_and_breaks_nevertheless(world: World) -> None:
    def broken() -> int:
        raise ValueError("no such moment \x00" + "!" * 1000)

    do(world, record, "janitor", lambda: 2)
    with pytest.raises(ValueError, match="no such moment"):
        do(world, record, "janitor", broken)
    run = world.one("SELECT * FROM job_runs")
    assert run["error"].startswith("ValueError: no such moment")
    assert (len(run["error"]) <= 500, run["done"], run["finished_at"] is None) == (True, 0, False)
    do(world, record, "janitor", lambda: 1)
    assert world.one("SELECT error, done FROM job_runs") == {"error": None, "done": 1}
