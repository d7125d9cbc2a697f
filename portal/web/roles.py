"""Which role may do what, in the back office and in the API: one table, and what stands in no row is forbidden."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

PREFIX = "billing:"  # of the roles in the token that are ours

# right: the roles that have it.
MATRIX: Mapping[str, frozenset[str]] = {
    "see": frozenset({"viewer", "support", "finance", "product", "admin"}),
    "purchases": frozenset({"viewer", "support", "finance", "admin"}),  # anybody's, through the API
    "cancel": frozenset({"support", "finance", "admin"}),  # and resume
    "grant": frozenset({"support", "admin"}),
    "refund": frozenset({"finance", "admin"}),  # and decide about those that customers ask for
    "plans": frozenset({"product", "admin"}),
    "deliver": frozenset({"support", "admin"}),  # an event again, a webhook again, a question again
    "export": frozenset({"finance", "admin"}),  # take the books of a range of days away as a file
}
ROLES = tuple(sorted(frozenset().union(*MATRIX.values())))


def may(claimed: Iterable[str], right: str) -> bool:
    """`claimed`: the roles of a token, `billing:finance` and the like."""
    mine = {role.removeprefix(PREFIX) for role in claimed if role.startswith(PREFIX)}
    return not mine.isdisjoint(MATRIX.get(right, frozenset()))
