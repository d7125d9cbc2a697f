"""Invariants of which this portal has nothing that could break them: said, so that nobody takes them for checked."""

from __future__ import annotations

from portal.audit.violation import Invariant

I16 = Invariant(
    "I16",
    "No payment system has a schedule of its own for our customers",
    (),
    asks="provider",
    nothing="The payment systems that are known here have no schedules, and the port has no call that makes one.",
)

INVARIANTS = (I16,)
