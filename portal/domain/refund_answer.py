"""What the payment system's word about a refund means for us: money given back, released, or asked about again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from portal.domain.asking import absent_since, next_check, wants_review
from portal.domain.change import Change, Move, Write
from portal.domain.dunning import backoff
from portal.domain.outcome import Decline, DeclineClass, Outcome
from portal.domain.payment import Payment
from portal.domain.policy import Policy
from portal.domain.refund import Refund
from portal.domain.refund_effects import Standing, effects


@dataclass(frozen=True)
class Word:
    outcome: Outcome
    provider_ref: str | None = None
    decline: Decline | None = None
    note: str = ""
    absent: bool = False  # it knows no such refund, and that proves nothing yet


def decide(standing: Standing, refund: Refund, word: Word, now: datetime, actor: str, policy: Policy) -> Change | None:
    """None: we knew that already. The reservation becomes money given back, or is released on proven failure."""
    writes = _writes(standing, refund, word, now, policy)
    if not writes:
        return None
    return Change(refund.user_id, now, actor, tuple(writes), reason="refunded", invoice_id=refund.invoice_id)


def _writes(standing: Standing, refund: Refund, word: Word, now: datetime, policy: Policy) -> list[Write]:
    payment = standing.payment
    if refund.state == "succeeded":
        return _came_back(payment, refund, word)
    if refund.state not in ("unknown", "pending"):
        return []
    facts: dict[str, object] = {"provider_ref": word.provider_ref or refund.provider_ref, "note": word.note or None}
    reserved = payment.reserved_minor - refund.amount_minor
    match word.outcome:
        case Outcome.succeeded:
            done = {"reserved_minor": reserved, "refunded_minor": payment.refunded_minor + refund.amount_minor}
            facts |= _SETTLED | {"accepted_at": refund.accepted_at or now}
            paid_back = [Move(refund, "succeeded", facts), Move(payment, "refund_done", done)]
            return [*paid_back, *effects(standing, refund, now, policy)]
        case Outcome.pending if refund.state == "unknown":
            facts |= _SETTLED | _later(refund, now) | {"accepted_at": now}
            return [Move(refund, "taken_in_hand", facts), *effects(standing, refund, now, policy)]
        case Outcome.failed if refund.state == "unknown" and _bounced(word):
            later = {"checks": refund.checks + 1, "next_check_at": now + backoff(refund.checks + 1)}
            later |= {"sent_at": None, "absent_at": None}
            return [Move(refund, "bounced", facts | later), *_called(replace(refund, state="submitted"), later, now)]
        case Outcome.failed:
            released = {"reserved_minor": reserved}
            failed = Move(refund, "failed", facts | _SETTLED)
            return [failed, Move(payment, "refund_released", released)]
        case _ if refund.next_check_at is None or now >= refund.next_check_at:
            later = _later(refund, now) | _seen(refund, word, now)
            return [Move(refund, "asked", facts | later), *_called(refund, later, now)]
    # A look between two scheduled ones does not count; what it found does.
    seen = _seen(refund, word, now)
    return [Move(refund, "asked", seen)] if seen["absent_at"] != refund.absent_at else []


def _came_back(payment: Payment, refund: Refund, word: Word) -> list[Write]:
    """Days later the bank could not give the money out, to a card that was closed, say: it is with us again.

    Only what is said of the very refund that had succeeded counts.
    """
    if word.outcome is not Outcome.failed or word.provider_ref is None or word.provider_ref != refund.provider_ref:
        return []
    undone = {"refunded_minor": payment.refunded_minor - refund.amount_minor}
    return [Move(refund, "failed", {"note": word.note or None}), Move(payment, "refund_undone", undone)]


_SETTLED: dict[str, object] = {"next_check_at": None, "review_at": None, "absent_at": None}


def _seen(refund: Refund, word: Word, now: datetime) -> dict[str, object]:
    return {"absent_at": absent_since(refund.absent_at, word.absent, word.outcome is Outcome.unknown, now)}


def _called(refund: Refund, later: dict[str, object], now: datetime) -> list[Move]:
    """After days without news a person is told. The refund goes on being asked about: it owes, and charges nobody."""
    checks = refund.checks + 1
    if refund.review_at is not None or not wants_review(checks):
        return []
    return [Move(replace(refund, **later), "put_in_review", {"review_at": now})]  # type: ignore[arg-type]  # its columns


def _bounced(word: Word) -> bool:
    """It never reached the bank: nothing was given back, and the same refund is sent again later."""
    return word.decline is not None and word.decline.kind is DeclineClass.gateway


def _later(refund: Refund, now: datetime) -> dict[str, object]:
    return {"checks": refund.checks + 1, "next_check_at": next_check(now, refund.checks)}


def overtaken(refund: Refund, note: str) -> Move:
    """A refund that nobody was asked for yet, of money that has gone back in another way."""
    if refund.state == "requested":
        return Move(refund, "rejected", {"grounds": "already_returned", "note": note})
    return Move(refund, "overtaken", {"next_check_at": None, "note": note})
