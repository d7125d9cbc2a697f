"""When to ask a payment system again about something it has not settled."""

from __future__ import annotations

from datetime import datetime, timedelta

from portal.domain.outcome import Decline, DeclineClass
from portal.domain.payment import Payment
from portal.domain.refund import Refund

FIRST_ASKS = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=60))
THEN = timedelta(days=1)
KEY_WINDOW = timedelta(hours=20)  # inside the shortest key lifetime we know (24 h), with room for a slow clock
DAILY_ASKS_BEFORE_REVIEW = 5
BETWEEN_MISSES = timedelta(hours=1)  # not found twice, so far apart, is not found


def next_check(now: datetime, checks: int) -> datetime:
    """After `checks` questions: 1, 5, 60 minutes, then daily."""
    return now + (FIRST_ASKS[checks] if checks < len(FIRST_ASKS) else THEN)


def wants_review(checks: int) -> bool:
    """Nobody could tell for days: a person has to look."""
    return checks >= len(FIRST_ASKS) + DAILY_ASKS_BEFORE_REVIEW


def calls_person(payment: Payment, checks: int, now: datetime) -> bool:
    """Nobody could tell for days. A page may wait for its customer as long as it is open, and five days after that."""
    if payment.state != "requires_action":
        return wants_review(checks)
    closed_at = payment.expires_at
    return wants_review(checks) and closed_at is not None and now >= closed_at + DAILY_ASKS_BEFORE_REVIEW * THEN


def may_resend(sent_at: datetime | None, now: datetime) -> bool:
    """The same key is sent again only while every provider still recognises it."""
    return sent_at is None or now - sent_at < KEY_WINDOW


ABSENT_AFTER = timedelta(hours=24)  # since the last send: by then it has appeared if it ever will
IN_FLIGHT = timedelta(seconds=30)  # longer than any call of ours may take


def absence(payment: Payment, now: datetime) -> Decline | None:
    """What it proves that the provider knows no such object.

    A checkout whose address nobody was ever given cannot be paid: once our call cannot be under way any more, it has
    failed, and the next try gets a key of its own. Anything else that is absent today may still appear: it has failed
    once it was not found twice, an hour apart, a whole day after its last send. A page that somebody may stand before
    is looked for until its time is over.
    """
    if payment.sent_at is None:
        return None
    if payment.kind == "checkout" and payment.redirect_url is None:
        proven = now - payment.sent_at >= IN_FLIGHT
    else:
        proven = _missed_for_good(payment.sent_at, payment.absent_at, now) and not _page_open(payment, now)
    return Decline(DeclineClass.gateway, "not_created") if proven else None


def _missed_for_good(sent_at: datetime, absent_at: datetime | None, now: datetime) -> bool:
    """`sent_at` is the first send; the last one was at most a key's life later."""
    if absent_at is None or now - absent_at < BETWEEN_MISSES:
        return False
    return now - sent_at >= KEY_WINDOW + ABSENT_AFTER


def _page_open(payment: Payment, now: datetime) -> bool:
    return payment.redirect_url is not None and payment.expires_at is not None and now < payment.expires_at


def absent_since(absent_at: datetime | None, absent: bool, silent: bool, now: datetime) -> datetime | None:
    """What one more answer makes of it: found, it is absent no longer; silence says nothing."""
    if absent:
        return absent_at or now
    return absent_at if silent else None


def refund_absence(refund: Refund, now: datetime) -> Decline | None:
    """The provider did not find it twice, and our last send is too old to be under way: nothing was given back.

    Its key is forgotten by then, so that the same refund is asked for anew. Without this a refund whose first answer
    was a 500, which a provider repeats for the life of the key, would never be made.
    """
    if refund.sent_at is None or not _missed_for_good(refund.sent_at, refund.absent_at, now):
        return None
    return Decline(DeclineClass.gateway, "not_created")
