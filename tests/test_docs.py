"""The documents tell the truth where a program can tell."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
INSTALLED = "node_modules"  # what npm put there is not ours
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md"]
PAGES += sorted(page for page in (ROOT / "docs").rglob("*.md") if INSTALLED not in page.parts)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text()) if "://" not in link and not link.startswith("mailto:")]
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_readme_tells_the_month_as_it_is_checked_elsewhere() -> None:
    assert (ROOT / "docs" / "month.txt").read_text().rstrip() in (ROOT / "README.md").read_text()


def test_every_make_target_that_the_readme_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", (ROOT / "README.md").read_text(), re.MULTILINE))
    assert named - targets == set()


def test_the_architecture_page_names_functions_that_exist() -> None:
    """`services/buy.buy` in a link's text is a function of the file it links to."""
    page = (ROOT / "docs" / "architecture.md").read_text()
    links = re.findall(r"\[`[\w/]+\.(\w+)(?:\.\w+)?`\]\(\.\./([\w/]+\.py)\)", page)
    named = [(name, file) for name, file in links if name != "py"]
    assert len(named) > 10
    missing = [(name, file) for name, file in named if not defines((ROOT / file).read_text(), name)]
    assert missing == []


def defines(source: str, name: str) -> bool:
    return re.search(rf"^\s*(?:def|class) {name}\b", source, re.MULTILINE) is not None


def test_a_function_that_is_gone_would_be_noticed() -> None:
    assert not defines("def buy() -> None: ...", "sell")
