"""The back office's words: nothing that operators meet is without one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import get_args

from portal.domain import errors, refund, refund_effects, states
from portal.domain.outcome import DeclineClass
from portal.presentation import office_money, operators
from portal.presentation.happened import happened
from portal.presentation.reckoned import reckoned
from portal.queries.history import HistoryEntry
from tests.domain import samples

ZONE = "Europe/Moscow"


def test_every_closed_list_has_its_words() -> None:
    assert tuple(operators.GIVING) == refund.GIVING
    assert tuple(operators.REFUSING) == refund.REFUSING
    assert set(office_money.EFFECTS) == set(get_args(refund_effects.Effect))
    assert set(office_money.DECLINE_KINDS) == {kind.value for kind in DeclineClass}
    for kind, known in (
        ("payment", office_money.payment_states("en")),
        ("refund", office_money.refund_states("en")),
        ("invoice", office_money.invoice_states("en")),
    ):
        assert set(states.states(kind)) <= set(known), kind
        assert len(set(known.values())) == len(known), f"two states of a {kind} read alike"


def test_every_event_of_money_has_a_sentence() -> None:
    for kind in ("invoice", "payment", "refund"):
        for edge in (*states.EDGES[kind], states.Edge("", "created", "")):
            entry = HistoryEntry(
                seq=1,
                at=samples.NOW,
                due_at=None,
                kind=kind,
                subject_id=samples.INVOICE_ID,
                event=edge.event,
                to_state=edge.to,
                facts={"amount_minor": 100, "currency": "RUB", "number": "M-1"},
                plan_names={"en": "Standard"},
            )
            text = happened(entry, "en", ZONE)[1]
            assert text, f"{kind}.{edge.event}"
            assert text != f"{kind}.{edge.event}"


def test_a_refusal_reads_as_one_even_where_nobody_has_named_it() -> None:
    assert operators.outcome("done", "en").tone == "good"
    assert operators.outcome(errors.SumChanged.error_id, "en").text == "Refused: the sum had changed"
    assert operators.outcome("no_such_thing", "en").text == "Refused: no such thing"


def test_actors_are_named() -> None:
    named = {
        name: operators.actor(name, "en") for name in ("user:alice", "operator:finance", "provider:sandbox", "worker")
    }
    assert list(named.values()) == ["Customer alice", "Operator finance", "Payment system sandbox", "By itself"]
    assert operators.actor("user:50%", "en") == "Customer 50%"
    assert operators.actor("somebody else", "en") == "somebody else"


def test_a_decline_is_told_with_its_reason_where_there_is_one() -> None:
    assert office_money.decline(None, None, "en") == ""
    assert office_money.decline("hard", "stolen_card", "en").endswith("Reason: the card was reported stolen.")
    assert office_money.decline("soft", "new_code", "en").endswith("Reason: new_code.")
    assert office_money.decline("soft", None, "en") == office_money.DECLINE_KINDS["soft"]


def test_what_a_sum_was_reckoned_from_is_told_as_far_as_it_is_known() -> None:
    why = {
        "reason": "renewal",
        "price_id": "p1",
        "count": 1,
        "anchor": datetime(2027, 1, 31, 9, 0, tzinfo=UTC).isoformat(),
        "steps": 2,
        "zone": "Asia/Omsk",
        "declines": 1,
    }
    told = {fact.name: fact.text for fact in reckoned(replace(samples.payment(), why=why), "en", ZONE)}
    assert [text.replace("\u00a0", " ") for text in told.values()] == [
        "Renewal",
        "1",
        "p1",
        "31 January 2027, 15:00 UTC+6",
        "2",
        "Asia/Omsk",
        "1",
    ]
    first = reckoned(replace(samples.payment(), why={**why, "anchor": None}), "en", ZONE)
    assert "the moment of this payment: it is the first" in [fact.text for fact in first]
    assert reckoned(samples.payment(), "en", ZONE) == []
    assert reckoned(replace(samples.payment(), why={"anchor": "never", "zone": 3}), "en", ZONE) == []
