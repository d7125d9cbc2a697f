"""docs/providers.md is true: its commands say what it shows, and its code is code that runs."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from portal.providers.conformance.kit import CASES
from portal.providers.registry import MEMBERS
from tests.providers.installing import OUTSIDE

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "providers.md").read_text()
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHOWN = [tuple(text.split("\n", 1)) for _, text in FENCED.findall(PAGE) if text.startswith("$ ")]
KIT = [(command.removeprefix("$ "), output) for command, output in SHOWN if "conformance" in command]
PIP = [command.removeprefix("$ ") for command, _ in SHOWN if " pip " in command]


def run(command: str, *more: str) -> subprocess.CompletedProcess[str]:
    python, *arguments = shlex.split(command)
    assert python == ".venv/bin/python"
    return subprocess.run(
        [sys.executable, *arguments, *more], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize(("command", "output"), KIT, ids=[command.rpartition(" ")[2] for command, _ in KIT])
def test_the_kit_says_what_the_page_shows(command: str, output: str) -> None:
    done = run(command)
    assert done.stdout == output, done.stderr
    assert done.returncode == (1 if "FAIL" in output else 0)


def test_the_page_installs_the_package(tmp_path: Path) -> None:
    (command,) = PIP
    done = run(command.replace("pip install", "pip wheel"), "--wheel-dir", str(tmp_path))
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    assert "paywave.py" in zipfile.ZipFile(wheel).namelist()


def test_what_the_page_shows_of_the_package_stands_in_it() -> None:
    toml, maker = (next(text for kind, text in FENCED.findall(PAGE) if kind == named) for named in ("toml", "python"))
    assert toml in (OUTSIDE / "pyproject.toml").read_text()
    assert maker in (OUTSIDE / "paywave.py").read_text()


def test_every_member_of_the_port_and_every_subject_of_the_kit_is_told_of() -> None:
    told = set(re.findall(r"`(\w+)(?:\([^`]*\))?`", PAGE))
    assert set(MEMBERS) - told == set()
    assert {case.name.partition(".")[0] for case in CASES} - told == set()
