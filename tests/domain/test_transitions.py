"""Every state against every event: it moves as the table says, or it is refused; and every state has its words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any, Literal

import pytest

from deploy import draw_states
from portal.domain import disputing, parking, refund_answer, settlement, states
from portal.domain.outcome import Decline, DeclineClass, Outcome
from portal.domain.policy import Policy
from portal.domain.refund_effects import Standing as Paid
from portal.domain.states import EDGES, IllegalMove, edge
from portal.domain.word import Standing, Word
from portal.presentation import checkout, standing, story
from portal.presentation.language import LOCALES, words
from tests.domain import samples
from tests.domain.ledger import moved
from tests.domain.samples import NOW

LATER = NOW + timedelta(days=2)
kinds = pytest.mark.parametrize("kind", sorted(EDGES))

WORDS = [
    Word(Outcome.succeeded, amount=samples.SUM),
    Word(Outcome.succeeded, amount=None),
    *(Word(Outcome.failed, decline=Decline(kind, "said")) for kind in DeclineClass),
    Word(Outcome.requires_action, redirect_url="https://pay.example/2"),
    Word(Outcome.pending),
    Word(Outcome.unknown),
    Word(Outcome.unknown, absent=True),
]


def events(kind: str) -> list[str]:
    return sorted({one.event for one in EDGES[kind]})


@kinds
def test_every_event_in_every_state_is_an_edge_of_the_table_or_refused(kind: str) -> None:
    table = {(one.state, one.event): one.to for one in EDGES[kind]}
    for state, event in product(states.states(kind), events(kind)):
        if (state, event) in table:
            assert edge(kind, state, event).to == table[state, event]
        else:
            with pytest.raises(IllegalMove):
                edge(kind, state, event)


@kinds
def test_every_state_is_named_and_every_event_of_another_kind_is_refused(kind: str) -> None:
    foreign = {event for other in EDGES if other != kind for event in events(other)} - set(events(kind))
    for state, event in product(states.states(kind), sorted(foreign)):
        with pytest.raises(IllegalMove):
            edge(kind, state, event)


SUBSCRIPTIONS = [
    samples.subscription(),
    samples.running(state="trialing", anchor=None, steps=0, paid_through=None, trial_end=NOW),
    samples.running(),
    samples.running(state="past_due", past_due_since=NOW, declines=1),
    samples.running(state="suspended", past_due_since=NOW, declines=1),
    samples.running(state="ended", end_reason="cancelled"),
    samples.subscription(state="expired"),
]


@pytest.mark.parametrize("payment", states.states("payment"))
@pytest.mark.parametrize("said", WORDS, ids=lambda word: f"{word.outcome}")
def test_whatever_a_payment_system_says_in_whatever_state_is_legal_or_ignored(payment: str, said: Word) -> None:
    """Nothing it says makes the domain ask for a move that the table forbids."""
    for subscription, invoice, kind, reason in product(
        SUBSCRIPTIONS, ("not_paid", "paid", "fail"), ("checkout", "charge"), ("purchase", "renewal", "plan_change")
    ):
        row = samples.payment(payment, kind=kind)
        demand = samples.invoice(invoice, reason=reason)
        facts = Standing(subscription, samples.plan(), demand, row, paid_before=invoice == "paid")
        change = settlement.decide(facts, said, LATER, "provider:sandbox", Policy())
        for subject in (row, demand, subscription):
            moved(change, subject)  # raises IllegalMove


@pytest.mark.parametrize("refund", states.states("refund"))
@pytest.mark.parametrize("said", WORDS, ids=lambda word: f"{word.outcome}")
def test_whatever_is_said_of_a_refund_in_whatever_state_is_legal_or_ignored(refund: str, said: Word) -> None:
    paid_for = [one for one in SUBSCRIPTIONS if one.state != "trialing"]  # of a trial there is nothing to give back
    for subscription, effect, checks in product(paid_for, ("end_now", "period_end", "keep", "take_back"), (0, 9)):
        row = samples.refund(refund, effect=effect, checks=checks)
        paid = samples.payment("succeeded", reserved_minor=samples.SUM.minor)
        facts = Paid(subscription, samples.plan(), samples.period(), paid, None)
        word = refund_answer.Word(said.outcome, decline=said.decline, absent=said.absent)
        change = refund_answer.decide(facts, row, word, LATER, "provider:sandbox", Policy())
        for subject in (row, paid, subscription):
            moved(change, subject)


@pytest.mark.parametrize("dispute", states.states("dispute"))
@pytest.mark.parametrize("said", ["open", "won", "lost"])
def test_whatever_is_said_of_a_dispute_in_whatever_state_is_legal_or_ignored(
    dispute: str, said: Literal["open", "won", "lost"]
) -> None:
    for subscription, disputed_at in product(SUBSCRIPTIONS, (None, NOW)):
        row, subject = samples.dispute(dispute), replace(subscription, disputed_at=disputed_at)
        held = samples.SUM.minor if dispute == "open" else 0
        payment = samples.payment("succeeded", disputed_minor=held, disputed_at=NOW if held else None)
        money = Paid(subject, samples.plan(), samples.period(), payment, None)
        facts = disputing.Standing(money, [row], False, [])
        word = disputing.Word("dp_1", said, samples.SUM, NOW)
        change = disputing.decided(facts, row, word, LATER, "provider:sandbox", Policy())
        assert change is None or dispute == "open"
        for one in (row, payment, subject):
            moved(change, one)
        _, opened = disputing.opened(facts, word, LATER, "provider:sandbox", Policy())
        moved(opened, subject)


@pytest.mark.parametrize("subscription", SUBSCRIPTIONS, ids=lambda one: one.state)
def test_parking_and_lifting_it_are_legal_wherever_something_could_happen_by_itself(subscription: Any) -> None:
    if subscription.state in states.terminal("subscription"):
        return
    parked = moved(parking.park(subscription, "fault", NOW, "operator:olga"), subscription)
    assert (parked.parked_at, parked.state) == (NOW, subscription.state)
    change = parking.unpark(parked, samples.plan(), "cleared", LATER, "operator:olga", Policy())
    assert moved(change, parked).parked_at is None


LABELS: Mapping[str, Callable[[str], str]] = {
    "subscription": lambda state: standing.TABLE[state][1],
    "invoice": lambda state: checkout.INVOICES[state][1],
    "payment": lambda state: checkout.PAYMENTS[state][1],
    "refund": lambda state: checkout.REFUNDS[state][1],
    "dispute": lambda state: checkout.DISPUTES[state][1],
}


@pytest.mark.parametrize("kind", sorted(LABELS))
def test_every_state_has_its_words_in_every_language(kind: str) -> None:
    for state in states.states(kind):
        label = LABELS[kind](state)
        told = {locale: words(locale).gettext(label) for locale in LOCALES}
        assert len(set(told.values())) == len(LOCALES), (state, told)


def test_every_event_of_what_customers_read_has_a_sentence_or_is_technical() -> None:
    for kind in ("subscription", "invoice", "payment", "refund"):
        for event in events(kind):
            known = any(name == f"{kind}.{event}" or name.startswith(f"{kind}.{event}.") for name in story.SENTENCES)
            assert known or (kind, event) in story.TECHNICAL, (kind, event)


def test_the_page_of_states_is_drawn_from_the_states_as_they_are() -> None:
    assert draw_states.main(["--check"]) == 0, "run .venv/bin/python deploy/draw_states.py"
    drawn = draw_states.page()
    for kind in EDGES:
        for one in EDGES[kind]:
            assert f"| `{one.state}` | `{one.event}` | `{one.to}` |" in drawn


def test_a_stale_page_of_states_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    stale = tmp_path / "states.md"
    stale.write_text("# States\n")
    monkeypatch.setattr(draw_states, "PAGE", stale)
    assert draw_states.main(["--check"]) == 1
    assert "deploy/draw_states.py" in capsys.readouterr().out
    assert draw_states.main([]) == 0
    assert draw_states.main(["--check"]) == 0
