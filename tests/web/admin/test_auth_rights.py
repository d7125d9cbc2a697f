"""The page on which Auth is compared with the rows, and told again."""

from __future__ import annotations

import re

import pytest

from portal.demo.transport import InProcess
from portal.services import replay
from tests.services.month import HOUR
from tests.services.test_replaying import TAMPERED, at_auth, lose_everything
from tests.web.admin.office import send
from tests.world import World

PAGE = "/admin/auth/"
COMPARE = "/admin/auth/compare"
MINUTE = HOUR / 60


@pytest.fixture
def told(world: World) -> World:
    world.bought("alice")
    world.pass_time(HOUR)
    world.bought("boris", "premium")
    world.pass_time(2 * MINUTE)
    return world


def shown(page: str) -> list[str]:
    return re.findall(r'name="user" value="(\w+)"', page)


def test_what_differs_is_shown_and_told_again_at_one_press(told: World) -> None:
    support = told.browser("support")
    assert "No difference" in support.get(COMPARE).text
    before = told.rights("alice")["entitlements"]
    at_auth(told, TAMPERED["other"][0])
    page = support.get(COMPARE).text
    assert (shown(page), "something else under the same version" in page) == (["alice"], True)
    answer = send(support, "/admin/auth/settle", COMPARE, user="alice")
    assert (answer.status_code, answer.headers["Location"]) == (303, PAGE)
    assert "1 customer is told to Auth again" in support.get(PAGE).text
    told.drain()
    assert told.rights("alice")["entitlements"] == before
    assert told.rights("boris")["version"] == 1
    told.pass_time(2 * MINUTE)
    assert "No difference" in support.get(COMPARE).text


def test_what_agrees_by_now_is_not_told_again(told: World) -> None:
    events = told.counts()["outbox"]
    answer = send(told.browser("support"), "/admin/auth/settle", COMPARE, user="alice")
    assert answer.status_code == 303
    assert told.counts()["outbox"] == events
    assert told.rows("SELECT count(*) AS n FROM outbox WHERE published_at IS NULL")[0]["n"] == 0


def test_customers_are_compared_some_at_a_time(told: World, monkeypatch: pytest.MonkeyPatch) -> None:
    lose_everything(told)
    monkeypatch.setattr("portal.services.parity.CHUNK", 1)
    support = told.browser("support")
    first = support.get(COMPARE).text
    assert shown(first) == ["alice"]
    second = support.get(f"{COMPARE}?after=alice").text
    assert f'href="{COMPARE}?after=alice"' in first
    assert shown(second) == ["boris"]
    last = support.get(f"{COMPARE}?after=boris").text
    assert "That was the last customer" in last


def test_an_auth_that_does_not_answer_is_said_and_nothing_changes(told: World, monkeypatch: pytest.MonkeyPatch) -> None:
    nobody_there = InProcess(told.app.wsgi_app, mount="/nowhere")
    monkeypatch.setattr(told.app.extensions["matinee"], "to_auth", nobody_there)
    support, before = told.browser("support"), told.counts()
    for answer in (support.get(COMPARE), send(support, "/admin/auth/settle", PAGE, user="alice")):
        assert answer.status_code == 503
        assert "Auth could not be asked" in answer.text
    assert told.counts() == before


def test_an_auth_that_lost_everything_is_told_everybody_by_a_form(told: World) -> None:
    before = {login: told.rights(login) for login in ("alice", "boris")}
    lose_everything(told)
    answer = send(told.browser("support"), "/admin/auth/replay", PAGE, whom="all", since="")
    assert answer.status_code == 303
    told.drain()
    assert {login: told.rights(login) for login in before} == before


def test_only_those_told_something_since_a_moment_of_the_portals_zone_are_told_again(told: World) -> None:
    lose_everything(told)
    since = (told.clock.now() + 3 * HOUR - HOUR / 2).strftime("%Y-%m-%dT%H:%M")  # Europe/Moscow
    assert send(told.browser("support"), "/admin/auth/replay", PAGE, whom="since", since=since).status_code == 303
    told.drain()
    assert [told.rights(login)["version"] for login in ("alice", "boris")] == [0, 1]


@pytest.mark.parametrize(
    ("whom", "since", "sentence"),
    [
        ("", "", "Choose one of the list"),
        ("everyone", "", "Choose one of the list"),
        ("since", "", "Enter a day and a time"),
        ("since", "yesterday", "Enter a day and a time"),
    ],
)
def test_a_form_that_does_not_say_whom_is_shown_again(told: World, whom: str, since: str, sentence: str) -> None:
    answer = send(told.browser("support"), "/admin/auth/replay", PAGE, whom=whom, since=since)
    assert (answer.status_code, sentence in answer.text) == (422, True)


def test_more_customers_than_one_press_may_tell_are_refused_with_the_command(
    told: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "AT_A_PRESS", 1)
    answer = send(told.browser("support"), "/admin/auth/replay", PAGE, whom="all", since="")
    assert (answer.status_code, "flask events replay" in answer.text) == (422, True)
    assert told.rows("SELECT count(*) AS n FROM outbox WHERE published_at IS NULL")[0]["n"] == 0
    assert told.rows("SELECT outcome FROM activity ORDER BY seq DESC")[0]["outcome"] == "too_many_users"


def test_an_id_that_nobody_can_have_is_no_error_of_ours(told: World) -> None:
    support = told.browser("support")
    assert support.get(f"{COMPARE}?after=%00").status_code == 400
    assert send(support, "/admin/auth/settle", COMPARE, user="\x00").status_code == 400
