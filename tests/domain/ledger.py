"""Carry out a change on frozen rows, as the journal does on tables: the same table of edges, no database."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from portal.domain import states
from portal.domain.change import Change, Move


def moves(change: Change | None) -> str | None:
    """A change in one line: 'payment succeeded, invoice paid, +Period'. None stays None: we knew that already."""
    if change is None:
        return None
    return ", ".join(
        f"{write.kind} {write.event}" if isinstance(write, Move) else f"+{type(write).__name__}"
        for write in change.writes
    )


def moved(change: Change | None, row: Any) -> Any:
    """The row as it stands after a change. Raises IllegalMove where no edge allows a move of it."""
    for write in change.writes if change else ():
        if isinstance(write, Move) and write.subject.id == row.id:
            edge = states.edge(write.kind, row.state, write.event)
            row = replace(row, **(dict(write.sets) | {"state": edge.to}))
    return row


def added(change: Change | None, shape: type) -> list[Any]:
    """The new rows of one shape."""
    return [write for write in change.writes if isinstance(write, shape)] if change else []
