"""Auth has missed something, or lost everything: one command, and it gives what the rows give, and no older token."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest
from click.testing import Result

from portal.audit.run import violations
from portal.services import parity
from portal.services.audit import auth_view
from tests.services.month import DAY, HOUR, do
from tests.world import World

MINUTE = HOUR / 60


@pytest.fixture
def told(world: World) -> World:
    """Alice has paid and renewed, Boris has paid; Auth has applied all of it."""
    world.bought("alice")
    world.pass_time(32 * DAY)
    world.pass_time(DAY)
    world.bought("boris", "premium")
    world.pass_time(2 * MINUTE)
    return world


def events(world: World, *args: str) -> Result:
    result = world.app.test_cli_runner().invoke(args=["events", *args])
    world.drain()
    return result


def at_auth(world: World, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(world.settings.auth_database.removeprefix("sqlite:///"))) as connection:
        connection.execute(statement, values)
        connection.commit()


def lose_everything(world: World) -> None:
    at_auth(world, "DELETE FROM auth_deliveries")
    at_auth(world, "UPDATE auth_users SET version = 0, tokens_from_version = 0, entitlements = '[]'")


def differences(world: World) -> list[tuple[str, str, int, int]]:
    def compare() -> list[tuple[str, str, int, int]]:
        auth = auth_view()
        return [(one.user_id, one.how, one.version, one.auth_version) for one in parity.differences(auth)]

    found: list[tuple[str, str, int, int]] = do(world, compare)
    return found


def assert_sound(world: World) -> None:
    with world.app.app_context():
        auth = auth_view()
        assert list(violations(now=world.clock.now(), auth=auth)) == []


def may_enter(world: World, token: str) -> int:
    return world.app.test_client().get("/auth/check", headers={"Authorization": f"Bearer {token}"}).status_code


@pytest.mark.fault("B6")
def test_an_auth_that_lost_its_database_gets_all_rights_back_by_one_command(told: World) -> None:
    before = {login: told.rights(login) for login in ("alice", "boris")}
    lose_everything(told)
    assert differences(told) == [("alice", "behind", 2, 0), ("boris", "behind", 1, 0)]
    assert json.loads(events(told, "replay", "--all", "--json").stdout) == {"users": 2}
    assert {login: told.rights(login) for login in before} == before
    told.pass_time(2 * MINUTE)
    assert differences(told) == []
    assert_sound(told)


def test_tokens_that_were_withdrawn_before_the_loss_stay_refused_after_it(world: World) -> None:
    old = world.sign_in("alice").token
    world.bought("alice")
    assert may_enter(world, old) == 401
    lose_everything(world)
    events(world, "replay", "--all")
    assert may_enter(world, old) == 401
    assert may_enter(world, world.sign_in("alice").token) == 200


def test_only_those_who_were_told_something_since_are_told_again(told: World) -> None:
    since = (told.clock.now() - HOUR).strftime("%Y-%m-%dT%H:%M:%SZ")
    lose_everything(told)
    events(told, "replay", "--since", since)
    assert [told.rights(login)["version"] for login in ("alice", "boris")] == [0, 1]
    events(told, "replay", "--user", "alice")
    assert told.rights("alice")["version"] == 2
    assert [row["attempts"] for row in told.rows("SELECT attempts FROM outbox ORDER BY seq")] == [1, 2, 2]


@pytest.mark.parametrize("args", [[], ["--all", "--user", "alice"], ["--since", "yesterday"]])
def test_whom_to_tell_again_has_to_be_said_once(told: World, args: list[str]) -> None:
    assert events(told, "replay", *args).exit_code == 2


def test_a_user_to_whom_nothing_was_told_is_named(told: World) -> None:
    result = events(told, "replay", "--user", "nobody")
    assert (result.exit_code, "'nobody'" in result.stderr) == (1, True)


def test_nothing_is_found_where_auth_gives_what_the_rows_give(told: World) -> None:
    assert differences(told) == []
    assert events(told, "parity").exit_code == 0


def test_what_is_still_on_its_way_is_no_difference(told: World) -> None:
    lose_everything(told)
    told.write("UPDATE outbox SET published_at = NULL WHERE user_id = 'boris'")
    assert differences(told) == [("alice", "behind", 2, 0)]
    told.drain()
    assert differences(told) == [("alice", "behind", 2, 0)]


TAMPERED = {
    "ahead": ("UPDATE auth_users SET version = 9 WHERE id = 'alice'", 9),
    "other": ("UPDATE auth_users SET entitlements = '[]' WHERE id = 'alice'", 2),
}


@pytest.mark.parametrize("how", TAMPERED)
def test_rights_are_said_anew_where_sending_the_last_event_again_would_not_help(told: World, how: str) -> None:
    statement, version = TAMPERED[how]
    before = told.rights("alice")["entitlements"]
    at_auth(told, statement)
    assert differences(told) == [("alice", how, 2, version)]
    result = events(told, "parity", "--apply", "--json")
    last = json.loads(result.stdout.splitlines()[-1])
    assert (result.exit_code, last) == (0, {"differences": 1, "applied": True, how: 1})
    rights = told.rights("alice")
    assert (rights["version"], rights["tokens_from_version"]) == (version + 1, version + 1)
    assert rights["entitlements"] == before
    told.pass_time(2 * MINUTE)
    assert differences(told) == []
    assert_sound(told)


def test_what_two_comparisons_found_at_once_is_said_anew_once(told: World) -> None:
    at_auth(told, TAMPERED["ahead"][0])

    def compare_twice_and_settle_both() -> None:
        auth = auth_view()
        for one in [*parity.differences(auth), *parity.differences(auth)]:
            parity.settle(one)

    do(told, compare_twice_and_settle_both)
    told.drain()
    assert [row["version"] for row in told.rows("SELECT version FROM outbox WHERE user_id = 'alice'")] == [1, 2, 10]
    assert told.rights("alice")["version"] == 10


def test_a_difference_that_is_only_looked_at_is_told_and_left(told: World) -> None:
    lose_everything(told)
    result = events(told, "parity")
    assert result.exit_code == 1
    assert [json.loads(line)["user_id"] for line in result.stdout.splitlines()] == ["alice", "boris"]
    assert told.rights("alice")["version"] == 0


def test_an_auth_that_does_not_answer_makes_no_difference(told: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.demo.auth.service.AuthService.find", _away, raising=False)
    monkeypatch.setattr("portal.demo.auth.store.Store.find", _away)
    assert events(told, "parity").exit_code == 2


def _away(*_: object) -> None:
    raise OSError("the disk is gone")


def test_without_a_broker_there_is_no_topology(told: World) -> None:
    result = events(told, "topology")
    assert (result.exit_code, "AMQP_URL" in result.stderr) == (2, True)
