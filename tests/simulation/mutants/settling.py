"""Mistakes in what an answer of the payment system means: money, invoices, time, and the books."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

from portal.domain import changing, disputing, ledger, paid, refund_answer, refunding, renewing, settlement
from portal.domain.change import Move, Write
from portal.domain.ids import new_id
from portal.domain.outcome import Outcome
from portal.domain.payment import Payment
from portal.domain.refund import Refund
from portal.domain.subscription import Period
from portal.services import buy, disputes, renew, settle, standing
from tests.simulation.mutants.planting import mutant, without_guards

Writes = Callable[..., list[Write]]


@contextmanager
def _instead(module: object, name: str, of: Callable[[Writes], Writes]) -> Iterator[None]:
    """A function of the module, made from the one that it has."""
    with mock.patch.object(module, name, of(getattr(module, name))):
        yield


@mutant
def late_success_is_dropped() -> Iterator[None]:
    """What has failed, or is not wanted any more, is over: that it succeeded in the end is not looked at."""

    def instead(writes: Writes) -> Writes:
        def written(facts: Any, word: Any, *more: Any) -> list[Write]:
            over = facts.payment.state == "failed" or not facts.invoice.payable
            return [] if over and word.outcome is Outcome.succeeded else writes(facts, word, *more)

        return written

    with _instead(settlement, "_writes", instead):
        yield


def _kept(reason: str) -> Callable[[Writes], Writes]:
    """Without the refund, and without what is reserved for it."""

    def instead(succeeded: Writes) -> Writes:
        def written(*given: Any) -> list[Write]:
            writes = succeeded(*given)
            if not any(isinstance(one, Refund) and one.reason == reason for one in writes):
                return writes
            return [_unreserved(one) for one in writes if not isinstance(one, Refund)]

        return written

    return instead


def _unreserved(write: Write) -> Write:
    if not (isinstance(write, Move) and isinstance(write.subject, Payment)):
        return write
    return replace(write, sets={name: value for name, value in write.sets.items() if name != "reserved_minor"})


@mutant
def duplicate_is_kept() -> Iterator[None]:
    """The second payment of an invoice is noted, and not given back."""
    with _instead(settlement, "succeeded", _kept("duplicate")):
        yield


@mutant
def late_money_is_kept() -> Iterator[None]:
    """Money for an invoice that is closed is noted, and not given back."""
    with _instead(settlement, "succeeded", _kept("late")):
        yield


@mutant
def other_sum_is_accepted() -> Iterator[None]:
    """How much the payment system took is not compared with what was asked for."""

    def instead(writes: Writes) -> Writes:
        return lambda facts, word, *more: writes(facts, replace(word, amount=facts.payment.amount), *more)

    with _instead(settlement, "_writes", instead):
        yield


@mutant
def paid_twice_is_not_seen() -> Iterator[None]:
    """Nobody looks whether an invoice was paid before, and no index minds."""
    with without_guards("uq_payments_one_succeeded"), mock.patch.object(settle, "_paid_before", lambda payment: False):
        yield


@mutant
def settled_again() -> Iterator[None]:
    """Hearing once more that a payment succeeded applies it once more."""

    def instead(writes: Writes) -> Writes:
        def written(facts: Any, word: Any, *more: Any) -> list[Write]:
            again = facts.payment.state == "succeeded" and word.outcome is Outcome.succeeded
            return paid.succeeded(facts, word, *more) if again else writes(facts, word, *more)

        return written

    with _instead(settlement, "_writes", instead):
        yield


@mutant
def two_periods_for_an_invoice() -> Iterator[None]:
    """A paid invoice gives its time twice, and no index minds."""

    def instead(grant: Writes) -> Writes:
        def granted(*given: Any) -> list[Write]:
            writes = grant(*given)
            once = [one for one in writes if isinstance(one, Period)]
            return [
                *writes,
                *(replace(p, id=new_id(p.created_at), start=p.end, end=p.end + (p.end - p.start)) for p in once),
            ]

        return granted

    with without_guards("uq_periods_invoice_id"), _instead(paid, "_grant", instead):
        yield


@mutant
def nothing_is_reserved() -> Iterator[None]:
    """A refund is checked against what was given back, and holds nothing until it is."""

    def instead(reserving: Any) -> Any:
        def reserved(payment: Any, refund: Any, *more: Any) -> Any:
            change = reserving(payment, refund, *more)
            return replace(change, writes=tuple(_unreserved(one) for one in change.writes))

        return reserved

    with _instead(refunding, "_reserving", instead):
        yield


@mutant
def failed_refund_holds_its_sum() -> Iterator[None]:
    """What was reserved for a refund stays reserved where it fails."""

    def instead(writes: Writes) -> Writes:
        def written(*given: Any) -> list[Write]:
            return [one for one in writes(*given) if not (isinstance(one, Move) and one.event == "refund_released")]

        return written

    with _instead(refund_answer, "_writes", instead):
        yield


@mutant
def refund_is_not_booked() -> Iterator[None]:
    """The ledger hears nothing of refunds."""

    def instead(book: Any) -> Any:
        return lambda change, move, *more: None if move.event == "refund_done" else book(change, move, *more)

    with _instead(ledger, "_payment", instead):
        yield


@mutant
def dispute_is_booked_backwards() -> Iterator[None]:
    """What the bank holds is posted from the wrong side."""

    def instead(post: Any) -> Any:
        def posted(self: ledger.Entry, event: str, debit: str, credit: str, minor: int) -> list[ledger.Posting]:
            sides = (credit, debit) if event == "dispute_opened" else (debit, credit)
            found: list[ledger.Posting] = post(self, event, *sides, minor)
            return found

        return posted

    with _instead(ledger.Entry, "post", instead):
        yield


@mutant
def refund_is_imported_twice() -> Iterator[None]:
    """A refund made past us is new each time it is heard of, and no index minds."""

    def instead(known: Any) -> Any:
        return lambda mine, seen: known([one for one in mine if one.reason != "provider"], seen)

    with without_guards("uq_refunds_one_import"), _instead(disputes, "_known", instead):
        yield


@mutant
def dispute_stops_nothing() -> Iterator[None]:
    """Renewal goes on while the bank has a payment under dispute."""
    with mock.patch.object(disputing, "_stopped", lambda *_: []):
        yield


@mutant
def invoice_for_each_try() -> Iterator[None]:
    """Each try to collect a renewal issues an invoice of its own, and no index minds."""

    def instead(charge: Any) -> Any:
        return lambda facts, *more: charge(replace(facts, invoice=None), *more)

    with without_guards("uq_invoices_one_per_due_moment"), _instead(renewing, "_charge", instead):
        yield


@mutant
def subscription_for_each_order() -> Iterator[None]:
    """An order does not look for the subscription that is there, and no index minds."""
    with (
        without_guards("uq_subscriptions_one_per_group"),
        mock.patch.object(standing, "lock_group", lambda user_id, group: None),
    ):
        yield


@mutant
def purchases_side_by_side() -> Iterator[None]:
    """An order leaves the open one before it open, and no index minds."""
    with (
        without_guards("uq_invoices_one_open_purchase"),
        mock.patch.object(standing, "open_purchase", lambda subscription_id: None),
    ):
        yield


@mutant
def trial_after_trial() -> Iterator[None]:
    """Nobody looks whether a customer tried before, and no index minds."""
    with (
        without_guards("uq_subscriptions_one_trial_per_group"),
        mock.patch.object(buy, "had_trial", lambda user_id, group: False),
    ):
        yield


@mutant
def moved_price_is_ignored() -> Iterator[None]:
    """Renewals go on at the price that operators moved their subscribers from."""
    with mock.patch.object(renew, "price_from", lambda price_id, start, moves: price_id):
        yield


@mutant
def moved_price_comes_early() -> Iterator[None]:
    """A price moves with its act, not from its date on."""

    def instead(price_from: Any) -> Any:
        return lambda price_id, start, moves: price_from(price_id, start, [replace(m, starts_at=start) for m in moves])

    with _instead(renew, "price_from", instead):
        yield


@mutant
def stale_quote_is_used() -> Iterator[None]:
    """A quote is executed whatever has happened since, also to the plan that was paid for it."""
    with (
        mock.patch.object(changing, "fingerprint", lambda facts, target: ""),
        mock.patch.object(changing, "stands", lambda quoted, subscription, now: subscription.state == "active"),
    ):
        yield
