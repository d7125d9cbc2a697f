"""Which tests hold which fault: the ids of docs/faults.md, the marks of the tests' source, and what nobody shows yet.

Writes the last sections of docs/faults.md and prints the count by group; with --check it only says whether the page
is what it would write (exit 1 where it is not). A mark with an id that the page does not have is an error in any case.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "faults.md"
TESTS = ROOT / "tests"
ROW = re.compile(r"^\| ([A-Z]\d+) \|", re.MULTILINE)
GROUP = re.compile(r"^## ([A-Z])\. (.+)$", re.MULTILINE)
HELD = "## Which tests hold it\n"
INTRODUCTION = "Written by `make faults` from the marks of the tests; `make check` fails where it is stale.\n"


@dataclass(frozen=True, order=True)
class Mark:
    """One test shows one fault's outcome."""

    path: str  # below the root
    line: int
    test: str
    id: str | None  # None: it is not written as text, so that it cannot be read here

    def link(self) -> str:
        return f"[{self.test.removeprefix('test_').replace('_', ' ')}](../{self.path})"


def described() -> str:
    """What people wrote: the page without what this program adds to it."""
    return PAGE.read_text().partition(HELD)[0].rstrip() + "\n"


def ids() -> list[str]:
    return ROW.findall(described())


def marks() -> list[Mark]:
    files = sorted(TESTS.rglob("*.py"))
    return sorted({mark for file in files for mark in marks_of(file.read_text(), str(file.relative_to(TESTS.parent)))})


def marks_of(source: str, path: str) -> Iterator[Mark]:
    """Those on a test, on one of its parameters, and in what its decorators name of the module (`pytestmark`, too)."""
    module = ast.parse(source)
    named = {
        target.id: statement.value
        for statement in module.body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }
    for test in ast.walk(module):
        if isinstance(test, ast.FunctionDef) and test.name.startswith("test_"):
            for argument in _arguments(_decorating(test, named)):
                said = argument.value if isinstance(argument, ast.Constant) else None
                yield Mark(path, test.lineno, test.name, said if isinstance(said, str) else None)


def _decorating(test: ast.FunctionDef, named: Mapping[str, ast.expr]) -> list[ast.expr]:
    words = {node.id for one in test.decorator_list for node in ast.walk(one) if isinstance(node, ast.Name)}
    return [*test.decorator_list, *(named[word] for word in sorted(words | {"pytestmark"}) if word in named)]


def _arguments(decorators: Sequence[ast.expr]) -> Iterator[ast.expr]:
    for node in (node for one in decorators for node in ast.walk(one)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("mark.fault"):
            yield from node.args


def page(known: Sequence[str], found: Sequence[Mark]) -> str:
    held = by_id(found)
    table = [f"| {one} | {'; '.join(mark.link() for mark in held[one])} |" for one in known if one in held]
    lines = [HELD, INTRODUCTION, "| id | tests |", "|---|---|", *table, "", "## Not yet covered", ""]
    lines += [f"{len(uncovered(known, found))} of {len(known)}.", ""]
    for group, left in by_group(uncovered(known, found)).items():
        lines.append(f"- **{group}**: {', '.join(left)}")
    return described() + "\n" + "\n".join(lines).rstrip() + "\n"


def by_id(found: Sequence[Mark]) -> dict[str, list[Mark]]:
    held: dict[str, list[Mark]] = defaultdict(list)
    for mark in found:
        if mark.id is not None:
            held[mark.id].append(mark)
    return held


def uncovered(known: Sequence[str], found: Sequence[Mark]) -> list[str]:
    held = by_id(found)
    return [one for one in known if one not in held]


def by_group(some: Sequence[str]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = defaultdict(list)
    for one in some:
        grouped[one[0]].append(one)
    return grouped


def table(known: Sequence[str], found: Sequence[Mark]) -> Iterator[str]:
    titles, left = dict(GROUP.findall(described())), by_group(uncovered(known, found))
    tests = by_group([mark.id for mark in found if mark.id is not None])
    yield f"{'':3}{'':30}{'faults':>8}{'covered':>9}{'marks':>7}  not yet covered"
    for group, all_of_it in by_group(known).items():
        covered = len(all_of_it) - len(left.get(group, ()))
        row = f"{group:3}{titles[group]:30}{len(all_of_it):8}{covered:9}{len(tests.get(group, ())):7}"
        yield f"{row}  {' '.join(left.get(group, ()))}".rstrip()
    covered = len(known) - len(uncovered(known, found))
    yield f"{'':33}{len(known):8}{covered:9}{sum(map(len, tests.values())):7}"


def wrong(known: Sequence[str], found: Sequence[Mark]) -> Iterator[str]:
    for mark in found:
        if mark.id is None:
            yield f"{mark.path}:{mark.line}: write the fault's id as text: {mark.test}"
        elif mark.id not in known:
            yield f"{mark.path}:{mark.line}: docs/faults.md knows no fault {mark.id}: {mark.test}"


def main(arguments: list[str]) -> int:
    known, found = ids(), marks()
    errors = list(wrong(known, found))
    print("\n".join(errors), end="\n" if errors else "")
    written = page(known, found)
    if "--check" in arguments:
        if PAGE.read_text() != written:
            errors.append("stale")
            print("docs/faults.md does not say which tests hold it: run make faults")
        return 1 if errors else 0
    PAGE.write_text(written)
    print("\n".join(table(known, found)))
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
