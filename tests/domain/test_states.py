"""The table of moves itself: it names only what exists, leads nowhere by accident, and agrees with the database."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import CheckConstraint

from portal.db import rows
from portal.domain import states
from portal.domain.access import RESTATED, WITHDRAWS_TOKENS
from portal.domain.change import KIND
from portal.domain.payment import OPEN
from portal.domain.states import EDGES, IllegalMove, edge

STARTS = {
    "subscription": {"pending"},
    "invoice": {"not_paid"},
    "payment": {"created"},
    "refund": {"requested", "submitted"},
    "setup": {"created"},
    "dispute": {"open"},
}
# Events to Auth, by the type's last word; `tells` of an edge is one of these.
TOLD = {"activated", "changed", "cancelled", "deactivated", "renewed", "resumed", "past_due", "parked"}
# What the database already admits and nothing reaches yet. An edge into one of these shortens the list.
NOT_YET = {
    "subscription": {"paused"},
    "invoice": set(),
    "payment": set(),
    "refund": set(),
    "setup": set(),
    "dispute": set(),
}
WITH_ACCESS = {"trialing", "active", "past_due"}
kinds = pytest.mark.parametrize("kind", sorted(EDGES))


def declared(kind: str) -> set[str]:
    """The states that the table's CHECK constraint admits."""
    (table,) = (rows.table_of(shape) for shape, name in KIND.items() if name == kind)
    (check,) = (c for c in table.constraints if isinstance(c, CheckConstraint) and str(c.name).endswith("_state"))
    return set(re.findall(r"'(\w+)'", str(check.sqltext)))


@kinds
def test_every_edge_starts_and_ends_in_a_declared_state(kind: str) -> None:
    assert {state for one in EDGES[kind] for state in (one.state, one.to)} <= declared(kind)


@kinds
def test_every_declared_state_is_reached_or_known_to_come_later(kind: str) -> None:
    reached, before = STARTS[kind], set[str]()
    while reached != before:
        before = set(reached)
        reached = reached | {one.to for one in EDGES[kind] if one.state in before}
    assert declared(kind) - reached == NOT_YET[kind]
    assert reached == set(states.states(kind))


@kinds
def test_one_event_leads_from_a_state_to_one_other(kind: str) -> None:
    pairs = [(one.state, one.event) for one in EDGES[kind]]
    assert len(pairs) == len(set(pairs))


@pytest.mark.parametrize(
    ("kind", "final"),
    [
        ("subscription", {"expired", "ended"}),
        ("invoice", {"paid", "fail"}),
        ("payment", {"succeeded", "duplicate", "aborted"}),
        ("refund", {"failed", "rejected"}),
        ("setup", {"succeeded", "failed"}),
        ("dispute", {"won", "lost"}),
    ],
)
def test_final_states_are_never_left(kind: str, final: set[str]) -> None:
    left = {one.state for one in EDGES[kind] if one.to != one.state}
    assert not final & left
    assert final <= set(states.terminal(kind))


def test_a_failed_payment_may_still_turn_out_to_have_succeeded() -> None:
    assert {one.to for one in EDGES["payment"] if one.state == "failed"} == {"succeeded", "duplicate", "failed"}


def test_a_refund_that_succeeded_may_come_back_and_nothing_else() -> None:
    assert {one.to for one in EDGES["refund"] if one.state == "succeeded"} == {"failed"}


@kinds
def test_events_to_auth_are_the_ones_the_contract_names(kind: str) -> None:
    told = {one.tells for one in EDGES[kind] if one.tells}
    assert told <= {f"subscription.{word}" for word in TOLD}
    assert not told or kind == "subscription", "entitlements change with a subscription and with nothing else"


def test_what_withdraws_tokens_is_an_event_the_contract_names() -> None:
    assert {f"subscription.{word}" for word in TOLD} >= WITHDRAWS_TOKENS - {RESTATED}


@pytest.mark.parametrize(
    ("state", "event", "tells"),
    [
        ("pending", "first_paid", "subscription.activated"),
        ("pending", "superseded", None),
        ("pending", "trial_started", "subscription.activated"),
        ("pending", "checkout_closed", None),
        ("pending", "parked", None),
        ("trialing", "trial_converted", "subscription.renewed"),
        ("trialing", "trial_declined", "subscription.deactivated"),
        ("trialing", "cancelled_at_period_end", "subscription.cancelled"),
        ("trialing", "method_removed", "subscription.cancelled"),
        ("trialing", "method_forgotten", None),
        ("trialing", "method_changed", None),
        ("trialing", "granted", "subscription.renewed"),
        ("trialing", "parked", "subscription.parked"),
        ("active", "prolonged", "subscription.renewed"),
        ("active", "parked", "subscription.parked"),
        ("active", "granted", "subscription.renewed"),
        ("suspended", "cancelled_now", "subscription.deactivated"),
        ("suspended", "refunded", "subscription.deactivated"),
        ("active", "dispute_opened", "subscription.cancelled"),
        ("past_due", "dispute_opened", "subscription.cancelled"),
        ("active", "dispute_noted", None),
        ("active", "dispute_over", None),
        ("active", "dispute_lost", "subscription.deactivated"),
    ],
)
def test_each_move_of_a_subscription_tells_auth_what_it_changed(state: str, event: str, tells: str | None) -> None:
    assert edge("subscription", state, event).tells == tells


def test_every_move_into_or_out_of_access_tells_auth() -> None:
    moves = [one for one in EDGES["subscription"] if one.state != one.to and {one.state, one.to} & WITH_ACCESS]
    assert [one for one in moves if one.tells is None] == []


@kinds
def test_a_move_that_no_edge_allows_raises(kind: str) -> None:
    for state in states.states(kind):
        with pytest.raises(IllegalMove):
            edge(kind, state, "wished_for")


def test_an_open_payment_can_always_be_settled() -> None:
    for state in OPEN - {"created"}:
        for event in ("succeeded", "succeeded_again", "failed", "asked", "put_in_review", "action_required"):
            edge("payment", state, event)
    for event in ("succeeded", "succeeded_again", "put_in_review"):
        edge("payment", "failed", event)
