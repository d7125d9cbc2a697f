"""The places where a process may be made to die: each is where the list says, and none does anything unasked."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from portal import failpoints
from portal.app import create_app
from portal.config import Misconfigured, Settings
from portal.failpoints import NAMES, PLACES, Failpoint, arm, on_passage, reached
from tests.conftest import settings_for

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    on_passage(None)
    arm("")


def test_every_place_in_the_code_is_in_the_list_and_every_one_listed_is_there() -> None:
    found = {str(path.relative_to(ROOT / "portal")): passed_in(path.read_text()) for path in portal_files()}
    assert {file: names for file, names in found.items() if names} == {
        file: set(names) for file, names in PLACES.items()
    }


def test_a_place_whose_name_is_no_plain_word_would_be_noticed() -> None:
    with pytest.raises(AssertionError):
        passed_in("def f(name): failpoints.reached(name)")


def test_the_page_about_quality_tells_of_every_place_and_of_no_other() -> None:
    page = (ROOT / "docs" / "quality.md").read_text()
    _, _, section = page.partition("## How to rehearse a crash\n")
    section, _, _ = section.partition("\n## ")
    told = {
        name for row in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE) for name in re.findall(r"`([^`]+)`", row)
    }
    assert told == NAMES


def test_unarmed_nothing_happens() -> None:
    for name in NAMES:
        reached(name)


def test_an_armed_place_raises_at_the_passage_that_was_named_and_at_no_other() -> None:
    arm("charge.answered:raise:3, refund.stamped:raise")
    for _ in range(2):
        reached("charge.answered")
    with pytest.raises(Failpoint, match=r"charge\.answered"):
        reached("charge.answered")
    reached("charge.answered")
    with pytest.raises(Failpoint, match=r"refund\.stamped"):
        reached("refund.stamped")


def test_nothing_that_catches_mishaps_catches_a_failpoint() -> None:
    assert not issubclass(Failpoint, Exception)


def test_an_armed_process_dies_as_of_sigkill() -> None:
    script = "from portal.failpoints import arm, reached; arm('charge.answered:kill'); reached('charge.answered')"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == -9


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        ("charge.answerd:kill", "no place is called 'charge.answerd'"),
        ("charge.answered:maim", "kills or raises"),
        ("charge.answered", "kills or raises"),
        ("charge.answered:kill:0", "counted from 1"),
        ("charge.answered:kill:soon", "counted from 1"),
    ],
)
def test_a_plan_that_cannot_be_read_is_refused_whole(plan: str, said: str) -> None:
    arm("refund.stamped:raise")
    with pytest.raises(ValueError, match=said):
        arm(f"charge.settled:raise,{plan}")
    reached("charge.settled")
    with pytest.raises(Failpoint):
        reached("refund.stamped")


def test_a_hook_is_told_of_every_passage_and_may_end_the_process_there() -> None:
    told: list[str] = []
    on_passage(told.append)
    reached("charge.stamped")
    reached("relay.read")
    on_passage(raising)
    with pytest.raises(Failpoint):
        reached("charge.answered")
    on_passage(None)
    reached("charge.settled")
    assert told == ["charge.stamped", "relay.read"]


def raising(name: str) -> None:
    raise Failpoint(name)


def test_failpoints_are_no_setting_of_production() -> None:
    with pytest.raises(ValueError, match="unset FAILPOINTS"):
        Settings(
            _env_file=None,
            app_env="production",
            failpoints="charge.answered:kill",
            **PRODUCTION,  # type: ignore[arg-type]  # names of settings
        )


@pytest.mark.parametrize("plan", ["charge.answered:maim", "charge.answerd:kill"])
def test_a_failpoint_that_cannot_be_read_stops_the_start(tmp_path: Any, plan: str) -> None:
    with pytest.raises(Misconfigured, match="FAILPOINTS: "):
        create_app(settings_for(tmp_path, f"sqlite:///{tmp_path / 'portal.db'}", failpoints=plan))
    assert failpoints._armed == {}


def portal_files() -> list[Path]:
    return [path for path in (ROOT / "portal").rglob("*.py") if path.name != "failpoints.py"]


def passed_in(source: str) -> set[str]:
    """Names of the places that a file passes."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("failpoints.reached", "reached"):
            (name,) = node.args
            assert isinstance(name, ast.Constant), ast.unparse(node)
            names.add(name.value)
    return names


PRODUCTION = {
    "secret_key": "k" * 32,
    "public_url": "https://billing.example",
    "database_url": "postgresql://db.example/matinee",
    "amqp_url": "amqp://broker.example",
    "auth_jwks_url": "https://auth.example/jwks.json",
    "auth_issuer": "https://auth.example",
    "auth_audience": "matinee",
    "auth_login_url": "https://auth.example/login",
    "auth_refresh_url": "https://auth.example/refresh",
    "payment_providers": "stripe",
    "stripe_api_key": "sk_test_public",
    "stripe_webhook_secret": "whsec_test_public",
}
