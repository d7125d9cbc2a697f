"""What a payment system's word means for us. Pure: the rows as they are under the lock, its answer, the moment."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from portal.domain import trials
from portal.domain.asking import absent_since, calls_person, next_check
from portal.domain.change import Change, Move, Write
from portal.domain.declined import failed
from portal.domain.money import Money
from portal.domain.outcome import Decline, DeclineClass, Outcome
from portal.domain.paid import succeeded
from portal.domain.payment import GIVEN_BACK, Payment
from portal.domain.policy import Policy
from portal.domain.word import Standing, Word, known

WENT_BACK = Decline(DeclineClass.soft, GIVEN_BACK)


def decide(standing: Standing, word: Word, now: datetime, actor: str, policy: Policy) -> Change | None:
    """None: we knew that already."""
    writes = _writes(standing, word, now, policy)
    if not writes:
        return None
    return _change(standing, writes, now, actor)


def _writes(standing: Standing, word: Word, now: datetime, policy: Policy) -> list[Write]:
    payment = standing.payment
    if payment.state in ("succeeded", "duplicate", "created", "aborted"):
        return []
    if standing.invoice.trial_days and word.outcome is Outcome.succeeded and word.method is None:
        word = replace(word, outcome=Outcome.failed, decline=trials.NOT_SAVED)
    if word.outcome is Outcome.succeeded:
        if word.amount != payment.amount:
            return [] if payment.decline_code == GIVEN_BACK else _review(standing, word, now)
        return succeeded(standing, word, now, policy)
    if not payment.open:
        return []
    match word.outcome:
        case Outcome.failed if payment.provider_ref and word.unheard:
            # Of one order that was sent twice at a moment: the other was heard, and has told its id.
            return _asked(standing, replace(word, outcome=Outcome.unknown, decline=None), now)
        case Outcome.failed:
            return failed(standing, word, now, policy)
        case Outcome.requires_action if payment.state != "requires_action" or _brings_address(payment, word):
            return [Move(payment, "action_required", known(payment, word) | {"next_check_at": next_check(now, 0)})]
        case Outcome.pending if payment.state != "pending":
            return [Move(payment, "taken_in_hand", known(payment, word) | {"next_check_at": next_check(now, 0)})]
        case _:
            return _asked(standing, word, now)


def given_back(standing: Standing, now: datetime, actor: str, policy: Policy) -> Change | None:
    """Another sum was taken than was asked for, and all of it went back there: as if the bank had declined it.

    None: nothing of it waits for a person.
    """
    payment = standing.payment
    if payment.review_at is None:
        return None
    if payment.open:
        word = Word(Outcome.failed, decline=WENT_BACK, note=payment.note or "")
        writes = failed(standing, word, now, policy)
    else:
        writes = [Move(payment, "failed", {"decline_code": GIVEN_BACK, "review_at": None})]
    return _change(standing, writes, now, actor)


def not_given_back(standing: Standing, taken: Money, now: datetime, actor: str) -> Change | None:
    """What had gone back is here again: its refund failed days later. None: a person knows, or it never went back."""
    payment = standing.payment
    if payment.decline_code != GIVEN_BACK or payment.review_at is not None:
        return None
    writes = _review(standing, Word(Outcome.succeeded, amount=taken), now)
    return _change(standing, writes, now, actor)


def _change(standing: Standing, writes: list[Write], now: datetime, actor: str) -> Change:
    invoice = standing.invoice
    return Change(invoice.user_id, now, actor, tuple(writes), reason=invoice.reason, invoice_id=invoice.id)


def _brings_address(payment: Payment, word: Word) -> bool:
    return payment.redirect_url is None and word.redirect_url is not None


def _asked(standing: Standing, word: Word, now: datetime) -> list[Write]:
    """Nothing new. Ask later; after days of not knowing, a person has to look."""
    payment = standing.payment
    seen = {"absent_at": absent_since(payment.absent_at, word.absent, word.outcome is Outcome.unknown, now)}
    if payment.next_check_at is None or now < payment.next_check_at:
        # A look between two scheduled ones does not count, and in review none is scheduled; what it found does.
        return [Move(payment, "asked", seen)] if seen["absent_at"] != payment.absent_at else []
    checks = payment.checks + 1
    if calls_person(payment, checks, now):
        return _review(standing, word, now)
    later = {"checks": checks, "next_check_at": next_check(now, checks), "note": word.note}
    return [Move(payment, "asked", later | seen)]


def _review(standing: Standing, word: Word, now: datetime) -> list[Write]:
    """The provider says what cannot be, or nothing for days: stop here, keep the payment open, call a person."""
    payment, subscription = standing.payment, standing.subscription
    if payment.review_at is not None:
        return []
    said = f"provider says {word.outcome} {word.amount.major} {word.amount.currency}" if word.amount else word.note
    seen = absent_since(payment.absent_at, word.absent, word.outcome is Outcome.unknown, now)
    facts = known(payment, word) | {"review_at": now, "next_check_at": None, "note": said, "absent_at": seen}
    writes: list[Write] = [Move(payment, "put_in_review", facts)]
    if subscription.parked_at is None and subscription.state not in ("expired", "ended"):
        writes.append(Move(subscription, "parked", {"parked_at": now, "park_reason": "review"}))
    return writes
