"""The report of which tests hold which fault: what it reads in the tests' source, and what it finds wrong."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from deploy import report_faults
from deploy.report_faults import Mark

CATALOGUE = """\
# What if ...?

## K. A process is killed

| id | what happens | what must be true afterwards |
|---|---|---|
| K1 | killed | whole |
| K2 | killed later | whole |

## N. Input

| id | what happens | what must be true afterwards |
|---|---|---|
| N1 | nonsense | refused |
"""
MARKED = """
import pytest
@pytest.mark.fault("K1")
def test_one() -> None: ...
"""


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A catalogue of three faults beside a test of the first."""
    tests = tmp_path / "tests"
    tests.mkdir()
    (tests / "test_one.py").write_text(MARKED)
    page = tmp_path / "faults.md"
    page.write_text(CATALOGUE)
    monkeypatch.setattr(report_faults, "PAGE", page)
    monkeypatch.setattr(report_faults, "TESTS", tests)
    return page


def test_the_catalogue_has_each_of_its_faults_once() -> None:
    known = report_faults.ids()
    sizes = {group: len(ids) for group, ids in report_faults.by_group(known).items()}
    assert sizes == {
        **{"K": 28, "P": 26, "W": 20, "B": 14, "D": 10, "S": 11},
        **{"C": 13, "M": 8, "T": 19, "A": 12, "N": 9, "O": 8},
    }
    for group, ids in report_faults.by_group(known).items():
        assert ids == [f"{group}{number}" for number in range(1, len(ids) + 1)]


def test_what_is_held_and_what_is_not_is_written_into_the_page(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report_faults.main([]) == 0
    assert "| K1 | [one](../tests/test_one.py) |" in page.read_text()
    assert page.read_text().endswith("2 of 3.\n\n- **K**: K2\n- **N**: N1\n")
    assert "K2" in capsys.readouterr().out
    written = page.read_text()
    assert report_faults.main([]) == report_faults.main(["--check"]) == 0
    assert page.read_text() == written


def test_a_test_that_came_or_went_since_makes_the_page_stale(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report_faults.main([])
    (page.parent / "tests" / "test_one.py").write_text(MARKED.replace("K1", "N1"))
    assert report_faults.main(["--check"]) == 1
    assert "make faults" in capsys.readouterr().out
    assert report_faults.main([]) == report_faults.main(["--check"]) == 0


def test_a_fault_that_nobody_described_is_named(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (page.parent / "tests" / "test_one.py").write_text(MARKED.replace("K1", "K29"))
    assert report_faults.main([]) == report_faults.main(["--check"]) == 1
    assert "tests/test_one.py:4: docs/faults.md knows no fault K29: test_one" in capsys.readouterr().out


WAYS = {
    "a decorator": ('@pytest.mark.fault("K1")', ["K1"]),
    "two ids": ('@pytest.mark.fault("K1", "K2")', ["K1", "K2"]),
    "a parameter": ('@pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.fault("K1")), 2])', ["K1"]),
    "a list of the module": ('@pytest.mark.parametrize("x", CASES)', ["K2"]),
    "another mark": ('@pytest.mark.browser("K1")', []),
    "no text": ("@pytest.mark.fault(NAME)", [None]),
}


@pytest.mark.parametrize(("decorator", "found"), WAYS.values(), ids=WAYS.keys())
def test_a_mark_is_read_wherever_a_test_may_carry_it(decorator: str, found: list[str | None]) -> None:
    source = f'CASES = [pytest.param(1, marks=pytest.mark.fault("K2"))]\n{decorator}\ndef test_it(x): ...\n'
    assert [mark.id for mark in report_faults.marks_of(source, "tests/test_it.py")] == found


def test_a_whole_module_may_be_marked() -> None:
    source = dedent("""
        pytestmark = [pytest.mark.browser, pytest.mark.fault("N1")]
        def test_one(): ...
        def helper(): ...
        class TestMany:
            def test_two(self): ...
    """)
    found = sorted(report_faults.marks_of(source, "t.py"))
    assert found == [Mark("t.py", 3, "test_one", "N1"), Mark("t.py", 6, "test_two", "N1")]


def test_a_mark_that_cannot_be_read_is_named(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (page.parent / "tests" / "test_one.py").write_text(MARKED.replace('"K1"', "WHICH"))
    assert report_faults.main(["--check"]) == 1
    assert "write the fault's id as text: test_one" in capsys.readouterr().out
