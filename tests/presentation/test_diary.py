"""The diary of a journey: one line for each thing that happened."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from portal.domain import states
from portal.presentation.diary import OF_MONEY, OF_SUBSCRIPTIONS, diary
from portal.queries.happenings import Happening

AT = datetime(2027, 2, 28, 10, tzinfo=UTC)
SILENT = {"subscription.rescheduled"}  # nobody sees anything of it
RENEWED = (
    ("invoice", "created", {"number": "M-2027-000002", "total_minor": 29900, "currency": "RUB"}),
    ("payment", "succeeded", {"amount_minor": 29900, "currency": "RUB"}),
    ("subscription", "renewed", {"paid_through": "2027-03-31T10:00:00+00:00"}),
)


def commit(*rows: tuple[str, str, dict[str, Any]], at: datetime = AT, user_id: str = "clara") -> list[Happening]:
    plan = {"ru": "Стандарт", "en": "Standard"}
    return [Happening(1, at, user_id, UUID(int=1), kind, event, "", facts, plan) for kind, event, facts in rows]


def test_everything_that_can_happen_to_a_subscription_has_a_sentence() -> None:
    events = {f"subscription.{edge.event}" for edge in states.SUBSCRIPTION} | {"subscription.created"}
    assert events - SILENT == set(OF_SUBSCRIPTIONS)


def test_what_is_told_of_money_can_happen() -> None:
    edges = {
        f"{kind}.{edge.event}" for kind in ("payment", "invoice", "refund", "dispute") for edge in states.EDGES[kind]
    }
    assert set(OF_MONEY) <= edges | {"dispute.created"}


def test_one_commit_is_one_line() -> None:
    assert diary(commit(*RENEWED), "Europe/Moscow") == [
        "2027-02-28 13:00 MSK  clara  renewed Standard for RUB 299.00, until 31 March 2027"
    ]


def test_two_commits_and_two_people_are_told_apart() -> None:
    later = AT + timedelta(seconds=1)
    both = [*commit(*RENEWED), *commit(*RENEWED, user_id="boris"), *commit(*RENEWED, at=later, user_id="boris")]
    assert [line.split()[3] for line in diary(both, "UTC")] == ["clara", "boris", "boris"]


def test_a_decline_says_why_where_the_bank_says_it() -> None:
    declined = ("subscription", "renewal_declined", {})
    for code, told in (("insufficient_funds", " (insufficient funds)"), ("declined", "")):
        failed = ("payment", "failed", {"amount_minor": 29900, "currency": "RUB", "decline_code": code})
        (line,) = diary(commit(failed, declined), "UTC")
        assert line == f"2027-02-28 10:00 UTC  clara  renewal of Standard declined{told}"


def test_money_that_no_subscription_tells_of_is_told_by_itself() -> None:
    sums = {"amount_minor": 29900, "currency": "RUB"}
    assert diary(commit(("refund", "succeeded", sums), ("payment", "refund_done", sums)), "UTC") == [
        "2027-02-28 10:00 UTC  clara  RUB 299.00 given back"
    ]
    assert diary(commit(("payment", "asked", sums)), "UTC") == []
