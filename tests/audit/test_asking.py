"""How the audit asks: of one moment, without a trace, by a command, by night; and where its answers are read."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from portal.audit import edges
from portal.audit.calendar import reckoned
from portal.audit.run import violations
from portal.db import engines
from portal.db.session import db
from portal.domain import states
from portal.domain.access import WITHDRAWS_TOKENS
from portal.domain.calendar import Interval, step
from portal.services import audit
from tests.audit.corrupting import corrupt
from tests.test_cli import flask
from tests.world import START, World

BREAK = "UPDATE subscriptions SET next_action_at = NULL WHERE user_id = 'alice'"


def test_its_own_table_of_steps_is_the_one_that_the_portal_walks_by() -> None:
    ours = {
        edges.Step(kind, edge.state, edge.event, edge.to, edge.tells or "")
        for kind, table in states.EDGES.items()
        if kind != "setup"  # a method that is being saved has no history
        for edge in table
    }
    assert {one for one in edges.STEPS if one.state} == ours
    assert {f"subscription.{word}" for word in edges.WITHDRAW} == WITHDRAWS_TOKENS


@pytest.mark.parametrize("zone", ["Europe/Moscow", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Africa/Cairo"])
@pytest.mark.parametrize("unit", ["day", "week", "month", "year"])
def test_it_reckons_as_the_portal_does_over_changes_of_the_clock(zone: str, unit: str) -> None:
    for day in range(0, 365, 11):
        anchor = START + timedelta(days=day, hours=day % 24, minutes=30)
        for count in range(14):
            assert reckoned(anchor.isoformat(), zone, unit, count) == step(anchor, zone, Interval(unit), count)


def test_it_cannot_write_and_sees_one_moment(world: World) -> None:
    with world.app.app_context():
        with engines.snapshot(db.engine) as seen:
            before = seen.scalar(text("SELECT count(*) FROM users"))
            world.write(
                "INSERT INTO users (id, locale, entitlements_version, tokens_from_version, created_at) "
                "VALUES ('x', 'en', 0, 0, '2027-01-01 00:00:00.000000')"
            )
            assert seen.scalar(text("SELECT count(*) FROM users")) == before
            with pytest.raises(DatabaseError):
                seen.execute(text("DELETE FROM users"))
        assert world.count("users") == 1


def test_the_command_says_nothing_where_nothing_is_wrong(spoiled: World) -> None:
    result = flask(spoiled.app, "audit", "--provider", "--auth", "--json")
    assert (result.exit_code, result.stdout) == (0, '{"violations": 0, "by_invariant": {}}\n')
    assert "I26: " in result.stderr


def test_the_command_names_what_is_wrong_a_line_each(spoiled: World) -> None:
    corrupt(spoiled, BREAK)
    result = flask(spoiled.app, "audit", "--json")
    assert result.exit_code == 1
    first, last = map(json.loads, result.stdout.splitlines())
    assert first["invariant"] == "I25"
    assert first["ids"]["user_id"] == "alice"
    assert last == {"violations": 1, "by_invariant": {"I25": 1}}


def test_the_command_says_that_it_could_not_check(spoiled: World) -> None:
    spoiled.app.extensions["matinee"].providers["sandbox"]._http.base_url = "http://nowhere.test"
    result = flask(spoiled.app, "audit", "--provider")
    assert result.exit_code == 2
    assert "sandbox does not tell its refunds" in result.stderr


def test_it_says_that_nobody_told_it_whom_to_ask_about_users(spoiled: World) -> None:
    """As in production without AUTH_USERS_URL: a 404 of our own is not Auth's word that it knows nobody."""
    spoiled.app.extensions["matinee"].to_auth = None
    for command in (("audit", "--auth"), ("events", "parity", "--apply")):
        result = flask(spoiled.app, *command)
        assert result.exit_code == 2, result.output
        assert "AUTH_USERS_URL" in result.stderr


def test_it_runs_once_a_night_and_keeps_what_it_found(spoiled: World) -> None:
    corrupt(spoiled, BREAK)
    with spoiled.app.app_context():
        assert [audit.run_once(), audit.run_once()] == [1, 0]
        due = audit.next_due()
        db.session.remove()
        assert due is not None
        assert spoiled.clock.now() < due <= spoiled.clock.now() + timedelta(days=1)
        spoiled.clock.at = due
        corrupt(spoiled, "UPDATE subscriptions SET next_action_at = paid_through WHERE user_id = 'alice'")
        assert audit.run_once() == 0
        db.session.remove()
    assert [row["found"] for row in spoiled.rows("SELECT found FROM audit_runs ORDER BY seq")] == [1, 0]
    assert spoiled.one("SELECT invariant FROM audit_findings")["invariant"] == "I25"


def test_a_night_that_could_not_check_says_why(spoiled: World) -> None:
    corrupt(spoiled, "ALTER TABLE outbox RENAME TO elsewhere")
    with spoiled.app.app_context(), pytest.raises(DatabaseError):
        audit.run_once()
    row = spoiled.one("SELECT * FROM audit_runs")
    assert row["finished_at"] is not None
    assert "outbox" in row["error"]


@pytest.mark.parametrize(
    ("language", "sentence"),
    [("en", "Nothing is wrong"), ("ru", "Всё в порядке")],
)
def test_the_page_says_that_nothing_is_wrong(spoiled: World, language: str, sentence: str) -> None:
    with spoiled.app.app_context():
        audit.run_once()
        db.session.remove()
    page = spoiled.browser("viewer", language).get("/admin/audit/")
    assert (page.status_code, sentence in page.text) == (200, True)


def test_the_page_names_what_was_found_and_leads_to_it(spoiled: World) -> None:
    browser = spoiled.browser("viewer", "ru")
    assert "Аудит ещё ни разу не дошёл до конца." in browser.get("/admin/audit/").text
    corrupt(spoiled, BREAK)
    with spoiled.app.app_context():
        audit.run_once()
        db.session.remove()
    page = browser.get("/admin/audit/").text
    assert "Срок подписки наступил и прошёл, а ничего не случилось." in page
    assert "1 нарушение" in page
    assert "id=alice" in page


def test_a_stream_may_be_left_half_way(spoiled: World) -> None:
    corrupt(spoiled, BREAK.replace("= 'alice'", "<> 'nobody'"))
    with spoiled.app.app_context():
        found = violations(now=spoiled.clock.now())
        next(found)
        found.close()
        assert spoiled.count("users") == 3
