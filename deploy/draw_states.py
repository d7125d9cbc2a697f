"""docs/states.md, drawn from portal/domain/states.py: every kind's diagram and its table of edges.

Writes the page; with --check it only says whether the page is what it would write (exit 1 where it is not).
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from portal.domain.states import EDGES, Edge, states, terminal  # noqa: E402 - the root has to be on the path first

PAGE = ROOT / "docs" / "states.md"
ALSO_BEGIN = {("refund", "submitted")}  # what needs no decision
INTRODUCTION = """\
# States

Drawn by `deploy/draw_states.py` from [`portal/domain/states.py`](../portal/domain/states.py); `make check` fails where
this page is stale. A move that no line names is refused with `IllegalMove` and writes nothing. An event that changes
columns and not the state is a line from a state to itself; the diagrams leave those out.
"""


def page() -> str:
    return INTRODUCTION + "".join(f"\n{section(kind)}" for kind in EDGES)


def section(kind: str) -> str:
    lines = [f"## {kind.replace('_', ' ').capitalize()}", "", "```mermaid", "stateDiagram-v2"]
    lines += diagram(kind)
    lines += ["```", "", "| from | event | to | what Auth is told |", "|---|---|---|---|"]
    lines += [f"| `{e.state}` | `{e.event}` | `{e.to}` | {f'`{e.tells}`' if e.tells else ''} |" for e in EDGES[kind]]
    final = ", ".join(f"`{state}`" for state in terminal(kind))
    return "\n".join([*lines, "", f"Never left: {final or 'none'}."]) + "\n"


def diagram(kind: str) -> Iterator[str]:
    """One arrow for each pair of states, with the events that lead along it."""
    events: dict[tuple[str, str], list[str]] = defaultdict(list)
    for one in moving(EDGES[kind]):
        events[one.state, one.to].append(one.event)
    reached = {to for _, to in events}
    for state in states(kind):
        if state not in reached or (kind, state) in ALSO_BEGIN:
            yield f"  [*] --> {state}"
    for (state, to), names in events.items():
        yield f"  {state} --> {to} : {', '.join(names)}"
    for state in terminal(kind):
        yield f"  {state} --> [*]"


def moving(edges: tuple[Edge, ...]) -> Iterator[Edge]:
    return (one for one in edges if one.state != one.to)


def main(arguments: list[str]) -> int:
    drawn = page()
    if "--check" not in arguments:
        PAGE.write_text(drawn)
        return 0
    if PAGE.exists() and PAGE.read_text() == drawn:
        return 0
    print("docs/states.md is not what portal/domain/states.py says: run .venv/bin/python deploy/draw_states.py")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
