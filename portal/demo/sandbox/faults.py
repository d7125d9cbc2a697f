"""The fault plan: what shall go wrong, with whom, and how often.

A fault is taken by the first request (or webhook) it matches and is then used up. Those that disturb the wire also meet
a request whose answer is only replayed; those that change what happens wait for one that is really carried out.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, Row, insert, select, update

from portal.demo.sandbox.cards import CODES
from portal.demo.sandbox.refusal import invalid
from portal.demo.sandbox.tables import faults


class Stage(StrEnum):
    before = "before"  # the request never gets to work
    work = "work"  # it does something else than asked
    after = "after"  # it is done, but its answer is spoiled
    webhook = "webhook"


Operation = Literal["start_checkout", "close_checkout", "charge", "refund", "find", "list", "detach", "pay", "webhook"]
LOOKING: Final = frozenset({"find", "list"})
REQUESTS: Final = LOOKING | {"start_checkout", "close_checkout", "charge", "refund", "detach", "pay"}
TAKING: Final = frozenset({"charge", "pay"})
MOVING: Final = TAKING | {"refund"}
TOLD: Final = frozenset({"webhook"})

PLAN: Final[dict[str, tuple[Stage, frozenset[str]]]] = {
    "timeout_before": (Stage.before, REQUESTS),
    "reset_before": (Stage.before, REQUESTS),
    "rate_limited": (Stage.before, REQUESTS),
    "error_before": (Stage.work, REQUESTS),
    "error_after": (Stage.work, REQUESTS),
    "decline": (Stage.work, MOVING),
    "pending_then_late": (Stage.work, MOVING),
    "declined_then_late": (Stage.work, TAKING),
    "wrong_amount": (Stage.work, TAKING),
    "comes_back": (Stage.work, frozenset({"refund"})),
    "timeout_after": (Stage.after, REQUESTS),
    "reset_after": (Stage.after, REQUESTS),
    "garbage": (Stage.after, REQUESTS),
    "truncated": (Stage.after, REQUESTS),
    "drop": (Stage.webhook, TOLD),
    "repeat": (Stage.webhook, TOLD),
    "delay": (Stage.webhook, TOLD),
    "reorder": (Stage.webhook, TOLD),
    "forge": (Stage.webhook, TOLD),
}


@dataclass
class Fault:
    """`met`: it changed something. Where the bank says no by itself, say, another sum cannot be taken."""

    name: str
    params: dict[str, Any]
    met: bool = True


class Match(BaseModel):
    model_config = ConfigDict(extra="forbid")

    operation: Operation | None = None
    reference: str | None = None


class FaultOrder(BaseModel):
    """One line of the plan as it is posted. Seconds are of the injected clock, except `hold_seconds`."""

    model_config = ConfigDict(extra="forbid")

    fault: str
    match: Match = Match()
    times: int = Field(default=1, ge=1, le=1_000_000)
    when: Literal["before", "after"] = "before"  # reset: before or after the effect
    hold_seconds: float = Field(default=15, ge=0, le=120)  # timeouts: real seconds until the line is dropped
    code: str = "declined"  # decline, and a late failure
    after: float = Field(default=3600, ge=0)  # pending_then_late, declined_then_late, comes_back
    outcome: Literal["succeeded", "failed"] = "succeeded"  # pending_then_late
    amount: int | None = Field(default=None, ge=1)  # wrong_amount: minor units; one hundred more than asked by default
    copies: int = Field(default=1, ge=1, le=1000)  # repeat: how many beside the first
    seconds: float = Field(default=60, ge=0)  # delay; reorder: how long at most

    @property
    def name(self) -> str:
        return f"reset_{self.when}" if self.fault == "reset" else self.fault


def add(conn: Connection, order: FaultOrder) -> None:
    if order.name not in PLAN:
        raise invalid(f"no such fault: {order.fault}")
    if order.match.operation is not None and order.match.operation not in PLAN[order.name][1]:
        raise invalid(f"{order.name} cannot happen to {order.match.operation}")
    if order.code not in CODES:
        raise invalid(f"no such decline code: {order.code}")
    params = order.model_dump(exclude={"fault", "match", "times", "when"})
    match = order.match.model_dump()
    conn.execute(insert(faults).values(fault=order.name, params=params, remaining=order.times, **match))


def forget_all(conn: Connection) -> None:
    """That are still to come."""
    conn.execute(faults.delete().where(faults.c.remaining > 0))


STILL_TO_COME = select(faults).where(faults.c.remaining > 0).order_by(faults.c.id)


def take(conn: Connection, stages: set[Stage], operation: str, reference: str | None) -> Fault | None:
    """The first fault of these stages that is meant for this operation, used up by one."""
    while (row := _first(conn, stages, operation, reference)) is not None:
        left = update(faults).where(faults.c.id == row.id, faults.c.remaining > 0)
        if conn.execute(left.values(remaining=faults.c.remaining - 1)).rowcount:
            return Fault(row.fault, row.params)
    return None


def _first(conn: Connection, stages: set[Stage], operation: str, reference: str | None) -> Row[*tuple[Any, ...]] | None:
    possible = {name for name, (stage, operations) in PLAN.items() if stage in stages and operation in operations}
    for row in conn.execute(STILL_TO_COME):
        meant = row.operation in (None, operation) and row.reference in (None, reference)
        if row.fault in possible and meant:
            return row
    return None
