"""The commands: what they print, how they end, and the month of the README as it really passes."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click import BadParameter
from click.testing import Result
from flask import Flask

from portal.app import create_app
from portal.cli_clock import Span
from portal.cli_seed import Months
from portal.clock import real_now
from portal.config import Settings, load_settings
from portal.services.clock import move_by, travelling
from tests.conftest import settings_for
from tests.test_config import PRODUCTION
from tests.world import GOOD_CARD, World, path_of

ROOT = Path(__file__).parents[1]
MONTH = ROOT / "docs" / "month.txt"
START = "2027-01-31T10:00:00Z"


@pytest.fixture(autouse=True)
def _own_logs() -> Iterator[None]:
    """Commands send all logs to a stderr that lives no longer than their test."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    world = World(settings_for(tmp_path, database_url), travels=True)
    world.seed()
    yield world
    world.close()


def flask(app: Flask, *args: str) -> Result:
    """A command in this process, in the context that `flask` gives it."""
    with app.app_context():
        return app.test_cli_runner().invoke(args=list(args))


def said(result: Result) -> dict[str, Any]:
    """The one object that programs read."""
    found: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return found


def test_a_journey_tells_what_happened_line_by_line(world: World) -> None:
    assert flask(world.app, "clock", "set", START).stdout == "It is 31 January 2027.\n"
    world.bought("clara")
    result = flask(world.app, "clock", "advance", "4w4d")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "2027-02-28 13:00 MSK  clara  renewed Standard for RUB 299.00, until 31 March 2027",
        "It is 4 March 2027.",
    ]


def test_a_program_gets_one_object_and_the_story_on_stderr(world: World) -> None:
    flask(world.app, "clock", "set", START)
    world.bought("clara")
    result = flask(world.app, "clock", "advance", "31d12h", "--json")
    (line,) = result.stdout.splitlines()
    told = json.loads(line)
    assert told["now"].startswith("2027-03-03T22:00")
    # Each day; the ends of January and February in the books, the renewal, and where it arrives.
    assert told["steps"] == 31 + 4
    assert told["done"] == {"renew": 1, "webhooks": 1, "inbox": 1, "events": 1, "recognise": 3}
    assert told["happened"]["subscription.renewed"] == 1
    assert "clara  renewed Standard" in result.stderr


def test_a_journey_may_tell_of_one_user_only(world: World) -> None:
    flask(world.app, "clock", "set", START)
    world.bought("clara")
    world.bought("boris", "sport")
    result = flask(world.app, "clock", "advance", "32d", "--user", "boris")
    assert result.stdout.splitlines() == [
        "2027-02-28 13:00 MSK  boris  renewed Sport for RUB 249.00, until 31 March 2027",
        "It is 4 March 2027.",
    ]
    result = flask(world.app, "clock", "advance", "32d", "--user", "boris", "--json")
    assert said(result)["happened"]["subscription.renewed"] == 2
    assert "boris" in result.stderr
    assert "clara" not in result.stderr


def test_the_clock_shows_how_far_it_is_from_real_time(world: World) -> None:
    assert said(flask(world.app, "clock", "show", "--json"))["offset"] == "0:00:00"
    flask(world.app, "clock", "advance", "31d")
    told = said(flask(world.app, "clock", "show", "--json"))
    assert told["offset"] == "31 days, 0:00:00"
    assert told["travelling"] is False


@pytest.mark.parametrize("span", ["", "31", "d", "31 d", "-31d", "1d-2h", "0d", "99999d", "1y", "31D"])
def test_a_span_that_is_none_is_refused(span: str) -> None:
    with pytest.raises(BadParameter):
        Span().convert(span, None, None)


def test_a_span_is_the_sum_of_its_parts() -> None:
    assert Span().convert("1w2d3h4m5s", None, None) == timedelta(weeks=1, days=2, hours=3, minutes=4, seconds=5)


def test_a_moment_that_cannot_be_travelled_to_is_refused(world: World) -> None:
    before = world.clock.now()
    for moment in ("2020-01-31T10:00:00Z", "2027-01-31T10:00:00", "tomorrow", "9999-01-01T00:00:00Z"):
        assert flask(world.app, "clock", "set", moment).exit_code == 2
    assert flask(world.app, "clock", "advance", "soon").exit_code == 2
    assert world.clock.now() - before < timedelta(hours=1)


def test_a_moment_may_be_written_in_another_zone(world: World) -> None:
    result = flask(world.app, "clock", "set", "2027-01-31T13:00:00+03:00", "--json")
    assert said(result)["now"].startswith("2027-01-31T10:00")


def test_a_second_traveller_is_told_so(world: World) -> None:
    with world.app.app_context(), travelling():
        for args in (("advance", "1d"), ("set", START), ("reset",)):
            result = flask(world.app, "clock", *args, "--json")
            assert result.exit_code == 2
            assert "travelling through time already" in result.stderr
            assert "travelling" in said(result)["error"]
        assert said(flask(world.app, "clock", "show", "--json"))["travelling"] is True


def test_reset_says_why_it_cannot(world: World) -> None:
    flask(world.app, "clock", "set", START)
    assert flask(world.app, "clock", "reset").exit_code == 0
    assert abs(world.clock.now() - real_now()) < timedelta(minutes=1)
    flask(world.app, "clock", "set", START)
    world.bought("clara")
    result = flask(world.app, "clock", "reset")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: something is dated 2027-01-31T10:0")
    assert world.clock.now() > datetime(2027, 1, 31, tzinfo=UTC)


@pytest.mark.parametrize("args", [("show",), ("set", START), ("advance", "1d"), ("reset",)])
def test_production_has_no_clock_to_turn(tmp_path: Path, args: tuple[str, ...]) -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    settings = load_settings(**PRODUCTION | {"database_url": nowhere, "data_dir": tmp_path}, _env_file=None)
    result = flask(create_app(settings, providers={}), "clock", *args)
    assert result.exit_code == 2
    assert "APP_ENV is production" in result.stderr


def test_renewing_by_hand_says_what_came_of_it(make_world: Callable[..., World]) -> None:
    world = make_world()
    world.seed()
    for login, card in (("alice", GOOD_CARD), ("boris", "4000 0000 0000 0341")):
        world.pay(world.buy(world.sign_in(login))["redirect_url"], card)
    world.drain()
    nothing = {"due": 0, "charged": 0, "declined": 0, "not_reached": 0, "suspended": 0, "ended": 0, "waiting": 0}
    assert said(flask(world.app, "renew", "--json")) == nothing
    world.clock.at += timedelta(days=31)
    result = flask(world.app, "renew")
    assert result.stdout == "due: 2, charged: 1, declined: 1, not reached: 0, suspended: 0, ended: 0, waiting: 0\n"
    assert said(flask(world.app, "renew", "--json")) == nothing


def test_every_command_says_what_it_does(world: World) -> None:
    for command in (("renew",), ("relay",), ("inbox",), ("seed-demo",), ("clock", "set"), ("clock", "advance")):
        result = flask(world.app, *command, "--help")
        assert result.exit_code == 0
        assert len(result.stdout.splitlines()[2].split()) > 2


def test_a_database_without_a_clock_is_said_in_one_sentence(tmp_path: Path) -> None:
    app = create_app(settings_for(tmp_path, f"sqlite:///{tmp_path / 'empty.db'}"))
    result = flask(app, "clock", "advance", "1d")
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: there is no clock in sqlite:///")


# Seeding


def test_plans_alone_can_be_put_on_sale(database_url: str, tmp_path: Path) -> None:
    world = World(settings_for(tmp_path, database_url), travels=True)
    assert said(flask(world.app, "seed-demo", "--plans-only", "--json")) == {"plans": 4, "people": 0}
    assert said(flask(world.app, "seed-demo", "--json")) == {"plans": 0, "people": 0}
    assert flask(world.app, "seed-demo").stdout == "plans: 0, people: 0\n"
    assert world.count("users") == 0
    world.close()


def test_an_interrupted_seeding_is_said_in_one_sentence(world: World) -> None:
    with world.app.app_context():
        move_by(timedelta(days=-90))
    result = flask(world.app, "seed-demo", "--json")
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: an earlier seeding was interrupted")
    assert "make reset" in said(result)["error"]


def test_progress_of_a_seeding_is_told_month_by_month(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    with world.app.app_context():
        months = Months()
        for day in (1, 2, 31, 32, 62):
            months(datetime(2027, 1, 1, tzinfo=UTC) + timedelta(days=day - 1), day)
    told = [line.rpartition(": ")[2] for line in capsys.readouterr().err.splitlines()]
    assert told == ["January 2027", "February 2027", "March 2027"]


# The month of the README


@pytest.fixture
def installation(tmp_path: Path, sqlite_template: Path) -> Iterator[World]:
    """An embedded one, as `make demo` makes it, with no process running."""
    shutil.copy(sqlite_template, tmp_path / "portal.db")
    world = World(Settings(_env_file=None, data_dir=tmp_path, port=8023), travels=True)  # type: ignore[call-arg]  # pydantic's own
    world.seed()
    yield world
    world.close()


def run(installation: World, command: str) -> list[str]:
    """What a command of the transcript prints, run as it stands there."""
    program, *args = command.split()
    assert program == ".venv/bin/flask"
    embedded = dict.fromkeys(("DATABASE_URL", "QUEUE_URL", "AMQP_URL", "SANDBOX_DATABASE_URL", "AUTH_DATABASE_URL"), "")
    here = {"APP_ENV": "demo", "DATA_DIR": str(installation.settings.data), "PORT": str(installation.settings.port)}
    flask_program = str(Path(sys.executable).parent / "flask")
    done = subprocess.run(
        [flask_program, *args], cwd=ROOT, env=os.environ | embedded | here, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def buys(installation: World) -> None:
    started = installation.buy(installation.sign_in("clara"))
    paid = installation.pay(started["redirect_url"])
    browser = installation.browser("clara")
    assert browser.get(path_of(paid.headers["Location"])).status_code == 200
    installation.drain()


def sees_the_film(installation: World) -> None:
    assert installation.browser("clara").get("/cinema/lighthouse").status_code == 200


def charged_twice(installation: World) -> None:
    first, second = installation.rows('SELECT start, "end" FROM periods ORDER BY start')
    assert first["end"] == second["start"]
    assert [charge["taken"] for charge in installation.sandbox.book.charges()] == [29900, 29900]


def cancels(installation: World) -> None:
    clara = installation.sign_in("clara")
    (subscription,) = clara.get("/subscriptions").json
    answer = clara.post(f"/subscriptions/{subscription['subscription_id']}/cancel", {"when": "period_end"})
    assert answer.status_code == 200
    assert answer.json["access_until"].startswith("2027-03-31T10:00")
    installation.drain()


def sees_no_film(installation: World) -> None:
    answer = installation.browser("clara").get("/cinema/lighthouse")
    assert answer.status_code == 403
    assert "/buy/standard" in answer.text or 'href="/' in answer.text
    assert len(installation.sandbox.book.charges()) == 2


STORY: Mapping[str, Callable[[World], None]] = {
    "Clara buys Standard and pays with 4242 4242 4242 4242.": buys,
    "The film opens.": sees_the_film,
    "The two periods touch, and the card was charged twice.": charged_twice,
    "Clara cancels at the period's end: no further charge, access until 31 March 2027.": cancels,
    "The film is closed, and the cinema offers its plans.": sees_no_film,
}


def test_the_month_of_the_readme_passes_as_it_is_told(installation: World) -> None:
    printed: list[str] = []
    for line in MONTH.read_text().splitlines():
        if line.startswith("$ "):
            assert printed == []
            printed = run(installation, line.removeprefix("$ "))
        elif line.startswith("  "):
            STORY[line.strip()](installation)
        elif line:
            assert line == printed.pop(0)
    assert printed == []
