"""Mistakes in time, in what Auth is told, in what is kept of it all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest import mock
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta
from sqlalchemy import select, update

from portal import failpoints
from portal.db.session import db
from portal.demo.auth.store import Store
from portal.demo.auth.tables import users
from portal.demo.simulation.broker import Broker
from portal.domain import access, calendar, paid, states
from portal.models.user import UserRow
from portal.outbox import append
from portal.outbox.message import Message, Receipt
from portal.outbox.relay import Relay
from portal.services import activity, idempotency, journal
from tests.simulation.mutants.planting import mutant, without_guards


@mutant
def anchor_moves() -> Iterator[None]:
    """Each period is reckoned from the end of the one before it."""
    where = paid._from_where

    def from_where(facts: Any, now: Any, policy: Any) -> Any:
        anchor, steps, start = where(facts, now, policy)
        return (start, 0, start) if steps else (anchor, steps, start)

    with mock.patch.object(paid, "_from_where", from_where):
        yield


@mutant
def zone_is_forgotten() -> Iterator[None]:
    """The calendar reckons in UTC for everybody."""
    with mock.patch.object(calendar, "ZoneInfo", lambda name: ZoneInfo("UTC")):
        yield


@mutant
def months_of_thirty_days() -> Iterator[None]:
    """A month is thirty days."""
    delta = calendar._delta

    def of(interval: calendar.Interval, count: int) -> relativedelta:
        return relativedelta(days=30 * count) if interval is calendar.Interval.month else delta(interval, count)

    with mock.patch.object(calendar, "_delta", of):
        yield


@mutant
def grace_is_forgotten() -> Iterator[None]:
    """Access ends with what was paid for, also while the money is being asked for."""
    with mock.patch.object(access, "grace", lambda *_: timedelta(0)):
        yield


@mutant
def marked_before_confirmed() -> Iterator[None]:
    """The relay marks events as published, then publishes them."""
    publish = Relay._publish

    def published(self: Relay, wave: Sequence[Any]) -> int:
        self._mark([(row, Receipt()) for row in wave])
        return publish(self, wave)

    with mock.patch.object(Relay, "_publish", published):
        yield


@mutant
def event_in_another_commit() -> Iterator[None]:
    """An event is written right after the commit of what it tells of, in one of its own."""
    write, reached = journal.append, failpoints.reached

    def keep(told: Sequence[append.Told], *more: Any) -> None:
        if told:
            db.session().info.setdefault("told", []).append((told, *more))

    def passed(name: str) -> None:
        reached(name)
        if name == "commit.done":
            for told in db.session().info.pop("told", ()):
                write(*told)
            db.session().commit()

    with mock.patch.object(journal, "append", keep), mock.patch.object(failpoints, "reached", passed):
        yield


@mutant
def acknowledged_before_applied() -> Iterator[None]:
    """Auth acknowledges a message when it has come, not when it is committed."""
    hand_over = Broker._hand_over

    def handed_over(self: Broker, message: Message) -> bool:
        hand_over(self, message)
        return True

    with mock.patch.object(Broker, "_hand_over", handed_over):
        yield


@mutant
def older_version_is_applied() -> Iterator[None]:
    """Auth takes what comes last for what is newest."""
    apply = Store.apply

    def applied(self: Store, *, user_id: str, **event: Any) -> str:
        with self._engine.begin() as connection:
            connection.execute(update(users).where(users.c.id == user_id).values(version=0, tokens_from_version=0))
        return apply(self, user_id=user_id, **event)

    with mock.patch.object(Store, "apply", applied):
        yield


@mutant
def cancel_is_not_told() -> Iterator[None]:
    """Cancelling at the period's end tells Auth nothing."""
    edge = states.edge

    def found(kind: str, state: str, event: str) -> states.Edge:
        one = edge(kind, state, event)
        return replace(one, tells=None) if event == "cancelled_at_period_end" else one

    with mock.patch.object(states, "edge", found):
        yield


@mutant
def tokens_are_not_withdrawn() -> Iterator[None]:
    """No event raises the version from which tokens count."""
    with mock.patch.object(append, "WITHDRAWS_TOKENS", frozenset()):
        yield


@mutant
def rights_of_one_subscription() -> Iterator[None]:
    """An event carries the subscription that it is about, not all that its user has."""
    event: Callable[..., dict[str, Any]] = append._cloud_event

    def made(event_id: Any, told: append.Told, version: int, since: int, rights: Any, source: str) -> dict[str, Any]:
        own = [right for right in rights if right.subscription_id == told.subscription_id]
        return event(event_id, told, version, since, own, source)

    with mock.patch.object(append, "_cloud_event", made):
        yield


@mutant
def version_is_reckoned_past_the_row() -> Iterator[None]:
    """An event's version is one more than what its user's row says, and the row is left alone; no index minds."""

    def next_version(told: append.Told) -> tuple[int, int]:
        row = UserRow.entitlements_version, UserRow.tokens_from_version
        version, since = db.session.execute(select(*row).where(UserRow.id == told.user_id)).one()
        return version + 1, since

    with (
        without_guards("uq_outbox_user_id_version"),
        mock.patch.object(append, "_next_version", next_version),
    ):
        yield


@mutant
def history_misses_an_edge() -> Iterator[None]:
    """A renewal that failed leaves no line in the history."""
    tell = journal._tell_history

    def told(change: Any, subject: Any, event: str, before: str | None) -> None:
        if event != "renewal_declined":
            tell(change, subject, event, before)

    with mock.patch.object(journal, "_tell_history", told):
        yield


@mutant
def act_is_not_logged() -> Iterator[None]:
    """What operators do is done, and kept in no log."""
    with mock.patch.object(activity, "log", lambda *_, **__: None):
        yield


@mutant
def key_is_ignored() -> Iterator[None]:
    """A request with a key that came before is carried out like any other."""
    with mock.patch.object(idempotency, "begin", lambda caller, key, request: None):
        yield
